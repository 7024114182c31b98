//! Arithmetic, element by element.
//!
//! Every result is the correctly rounded one of its operation, remainders included. What does not
//! belong here: anything that is not a handful of instructions.

mod choice;
pub(crate) mod kernels;
mod operation;
mod rounding;

use crate::Element;
pub use crate::slices::Run;
pub use choice::Comparison;
pub(crate) use operation::{Add, Mul, MulNoNan, Neg, Sub};
pub use operation::{Binary, Simple};

macro_rules! binary_entry_points {
    ($($(#[$doc:meta])* $name:ident: $op:ident;)+) => {$(
        $(#[$doc])*
        ///
        /// # Panics
        /// If an operand's length is not the output's.
        #[track_caller]
        pub fn $name<E: Element>(a: Run<'_, E>, b: Run<'_, E>, out: &mut [E]) {
            E::binary_kernel(Binary::$op, a, b, out);
        }
    )+};
}

binary_entry_points! {
    /// `out[i] = a[i] + b[i]`.
    add: Add;
    /// `out[i] = a[i] - b[i]`.
    sub: Sub;
    /// `out[i] = a[i] * b[i]`.
    ///
    /// ```
    /// use wengert_kernels::elementwise::{Run, mul};
    /// let mut out = [0.0; 3];
    /// mul(Run::Slice(&[1.0, 2.0, 3.0]), Run::Splat(2.0), &mut out);
    /// assert_eq!(out, [2.0, 4.0, 6.0]);
    /// ```
    mul: Mul;
    /// `out[i] = a[i] / b[i]`.
    div: Div;
    /// The larger of `a[i]` and `b[i]`; NaN if either is. Of two zeros, either.
    maximum: Maximum;
    /// The smaller of `a[i]` and `b[i]`; NaN if either is. Of two zeros, either.
    minimum: Minimum;
    /// `a[i] - b[i] trunc(a[i] / b[i])` exactly, with the sign of `a[i]`, as `%` and C's `fmod`;
    /// NaN for infinite `a[i]` and for `b[i]` zero.
    rem: Rem;
    /// `a[i] * b[i]`, but zero where `b[i]` is zero, though `a[i]` be infinite or NaN.
    mul_no_nan: MulNoNan;
    /// `a[i] * b[i]`, but zero where either is zero, though the other be infinite or NaN.
    mul_absorbing: MulAbsorbing;
    /// `a[i] / b[i]`, but zero where `a[i]` is zero, though `b[i]` be zero or NaN.
    div_keep_zero: DivKeepZero;
    /// One where `a[i] > b[i]`, a half where they are equal, zero where `a[i] < b[i]`; NaN if
    /// either is.
    share: Share;
    /// One where the two are equal or both NaN, else zero.
    tie: Tie;
}

macro_rules! simple_entry_points {
    ($($(#[$doc:meta])* $name:ident: $op:ident;)+) => {$(
        $(#[$doc])*
        ///
        /// # Panics
        /// If the slices differ in length.
        #[track_caller]
        pub fn $name<E: Element>(x: &[E], out: &mut [E]) {
            E::simple_kernel(Simple::$op, x, out);
        }
    )+};
}

simple_entry_points! {
    /// `out[i] = -x[i]`.
    neg: Neg;
    /// `out[i] = x[i]^2`.
    square: Square;
    /// `out[i] = sqrt x[i]`; NaN for negative arguments.
    sqrt: Sqrt;
    /// `out[i] = 1 / x[i]`.
    recip: Recip;
    /// `out[i] = |x[i]|`.
    abs: Abs;
    /// -1 for negative elements and 1 for positive ones; zeros and NaN stay as they are.
    sign: Sign;
    /// The largest whole number not above `x[i]`.
    floor: Floor;
    /// The smallest whole number not below `x[i]`.
    ceil: Ceil;
    /// The whole number nearest to `x[i]`, from the middle between two the even one.
    round: Round;
    /// `x[i]` without its fraction, rounded towards zero.
    trunc: Trunc;
}

/// `out[i] = min(max(x[i], low), high)`; NaN stays.
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn clamp<E: Element>(low: E, high: E, x: &[E], out: &mut [E]) {
    E::simple_kernel(Simple::Clamp(low, high), x, out);
}

/// One where `low < x[i] < high`, else zero; NaN stays.
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn inside<E: Element>(low: E, high: E, x: &[E], out: &mut [E]) {
    E::simple_kernel(Simple::Inside(low, high), x, out);
}

/// `out[i] = alpha * x[i]`.
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn scale<E: Element>(alpha: E, x: &[E], out: &mut [E]) {
    E::simple_kernel(Simple::Scale(alpha), x, out);
}

/// `x[i] = alpha * x[i]`.
pub fn scale_in_place<E: Element>(alpha: E, x: &mut [E]) {
    E::scale_kernel(alpha, x);
}

/// `acc[i] += x[i]`.
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn add_assign<E: Element>(acc: &mut [E], x: &[E]) {
    E::add_assign_kernel(acc, x);
}

/// `y[i] += alpha * x[i]`, rounded once on the levels with fused multiply-add.
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn axpy<E: Element>(alpha: E, x: &[E], y: &mut [E]) {
    E::axpy_kernel(alpha, x, y);
}

/// `out[i] = a[i] < b[i]`, or another comparison. All but `!=` are false where one is NaN.
///
/// ```
/// use wengert_kernels::elementwise::{Comparison, Run, compare};
/// let mut out = [false; 3];
/// compare(Comparison::Lt, Run::Slice(&[1.0, 2.0, f32::NAN]), Run::Splat(2.0), &mut out);
/// assert_eq!(out, [true, false, false]);
/// ```
///
/// # Panics
/// If an operand's length is not the output's.
#[track_caller]
pub fn compare<E: Element>(op: Comparison, a: Run<'_, E>, b: Run<'_, E>, out: &mut [bool]) {
    E::compare_kernel(op, a, b, out);
}

/// `out[i] = yes[i]` where `mask[i]`, else `no[i]`.
///
/// # Panics
/// If an operand's length is not the output's.
#[track_caller]
pub fn select<E: Element>(mask: &[bool], yes: Run<'_, E>, no: Run<'_, E>, out: &mut [E]) {
    E::select_kernel(mask, yes, no, out);
}
