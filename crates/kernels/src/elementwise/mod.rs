//! Arithmetic, element by element.
//!
//! Every result is the correctly rounded one of its operation, remainders included. What does not belong here: anything
//! that is not a handful of instructions.

mod choice;
mod rounding;

pub use crate::slices::Run;
pub use choice::{Comparison, compare, select};

use rounding::{Ceil, Floor, Rem, Round, Trunc};

use crate::Element;
use crate::simd::Lanes;
use crate::slices::{VectorFn, VectorFn2, map, zip, zip_in_place};
use crate::threads::Cost;

/// The operations of two operands, by the names of the functions of this module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Binary {
    /// [`add`].
    Add,
    /// [`sub`].
    Sub,
    /// [`mul`].
    Mul,
    /// [`div`].
    Div,
    /// [`maximum`].
    Maximum,
    /// [`minimum`].
    Minimum,
    /// [`rem`].
    Rem,
    /// [`mul_no_nan`].
    MulNoNan,
    /// [`mul_absorbing`].
    MulAbsorbing,
    /// [`div_keep_zero`].
    DivKeepZero,
    /// [`share`].
    Share,
    /// [`tie`].
    Tie,
}

/// The operations of one operand, by the names of the functions of this module.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Simple<E> {
    /// [`neg`].
    Neg,
    /// [`square`].
    Square,
    /// [`sqrt`].
    Sqrt,
    /// [`recip`].
    Recip,
    /// [`abs`].
    Abs,
    /// [`sign`].
    Sign,
    /// [`floor`].
    Floor,
    /// [`ceil`].
    Ceil,
    /// [`round`].
    Round,
    /// [`trunc`].
    Trunc,
    /// [`add`] of one number.
    Offset(E),
    /// [`scale`].
    Scale(E),
    /// [`clamp`].
    Clamp(E, E),
    /// [`inside`].
    Inside(E, E),
}

macro_rules! binary_functions {
    ($($name:ident, $a:ident, $b:ident: $value:expr;)+) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $name;

        impl<E: Element> VectorFn2<E> for $name {
            const COST: Cost = Cost::Light;

            #[inline(always)]
            fn eval<V: Lanes<Elem = E>>(self, $a: V, $b: V) -> V {
                $value
            }
        }
    )+};
}

binary_functions! {
    Add, a, b: a + b;
    Sub, a, b: a - b;
    Mul, a, b: a * b;
    Div, a, b: a / b;
    // The lane operations pass on a NaN in `b` alone.
    Maximum, a, b: V::select(a.unordered(a), a, a.max(b));
    Minimum, a, b: V::select(a.unordered(a), a, a.min(b));
    MulNoNan, a, b: V::select(b.ne(b.lit(E::ZERO)), a * b, b.lit(E::ZERO));
    MulAbsorbing, a, b: {
        let zero = a.lit(E::ZERO);
        V::select(a.eq(zero) | b.eq(zero), zero, a * b)
    };
    DivKeepZero, a, b: V::select(a.eq(a.lit(E::ZERO)), a.lit(E::ZERO), a / b);
    Share, a, b: {
        let (zero, one) = (a.lit(E::ZERO), a.lit(E::ONE));
        let larger = V::select(b.lt(a), one, zero);
        let equal = V::select(a.eq(b), a.lit(E::from_f64(0.5)), larger);
        V::select(a.unordered(b), a + b, equal)
    };
    Tie, a, b: {
        let both = a.unordered(a) & b.unordered(b);
        V::select(a.eq(b) | both, a.lit(E::ONE), a.lit(E::ZERO))
    };
}

macro_rules! unary_functions {
    ($($name:ident, $x:ident: $value:expr;)+) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $name;

        impl<E: Element> VectorFn<E> for $name {
            const COST: Cost = Cost::Light;

            #[inline(always)]
            fn eval<V: Lanes<Elem = E>>(self, $x: V) -> V {
                $value
            }
        }
    )+};
}

unary_functions! {
    Neg, x: -x;
    Square, x: x * x;
    Sqrt, x: x.sqrt();
    Recip, x: x.lit(E::ONE) / x;
    Abs, x: x.abs();
    Sign, x: {
        let stays = x.eq(x.lit(E::ZERO)) | x.unordered(x);
        V::select(stays, x, x.lit(E::ONE).copysign(x))
    };
}

#[derive(Clone, Copy)]
struct Offset<E>(E);

impl<E: Element> VectorFn<E> for Offset<E> {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        x + x.lit(self.0)
    }
}

#[derive(Clone, Copy)]
struct Scale<E>(E);

impl<E: Element> VectorFn<E> for Scale<E> {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        x * x.lit(self.0)
    }
}

#[derive(Clone, Copy)]
struct Clamp<E>(E, E);

impl<E: Element> VectorFn<E> for Clamp<E> {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        // In this order a NaN stays.
        x.lit(self.1).min(x.lit(self.0).max(x))
    }
}

#[derive(Clone, Copy)]
struct Inside<E>(E, E);

impl<E: Element> VectorFn<E> for Inside<E> {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        let inside = x.lit(self.0).lt(x) & x.lt(x.lit(self.1));
        let value = V::select(inside, x.lit(E::ONE), x.lit(E::ZERO));
        V::select(x.unordered(x), x, value)
    }
}

/// `y + alpha x`.
#[derive(Clone, Copy)]
struct Axpy<E>(E);

impl<E: Element> VectorFn2<E> for Axpy<E> {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, y: V, x: V) -> V {
        x.mul_add(x.lit(self.0), y)
    }
}

/// The compiled kernels of an element type. Sealed with [`Element`].
#[doc(hidden)]
pub trait ElementwiseKernels: Sized {
    fn binary_kernel(op: Binary, a: Run<'_, Self>, b: Run<'_, Self>, out: &mut [Self]);
    fn simple_kernel(op: Simple<Self>, x: Option<&[Self]>, out: &mut [Self]);
    fn add_assign_kernel(acc: &mut [Self], x: &[Self]);
    fn axpy_kernel(alpha: Self, x: &[Self], y: &mut [Self]);
    fn compare_kernel(op: Comparison, a: Run<'_, Self>, b: Run<'_, Self>, out: &mut [bool]);
    fn select_kernel(mask: &[bool], yes: Run<'_, Self>, no: Run<'_, Self>, out: &mut [Self]);
}

macro_rules! elementwise_kernels {
    ($type:ty) => {
        impl ElementwiseKernels for $type {
            #[track_caller]
            fn binary_kernel(op: Binary, a: Run<'_, Self>, b: Run<'_, Self>, out: &mut [Self]) {
                match op {
                    Binary::Add => zip(Add, a, b, out),
                    Binary::Sub => zip(Sub, a, b, out),
                    Binary::Mul => zip(Mul, a, b, out),
                    Binary::Div => zip(Div, a, b, out),
                    Binary::Maximum => zip(Maximum, a, b, out),
                    Binary::Minimum => zip(Minimum, a, b, out),
                    Binary::Rem => zip(Rem, a, b, out),
                    Binary::MulNoNan => zip(MulNoNan, a, b, out),
                    Binary::MulAbsorbing => zip(MulAbsorbing, a, b, out),
                    Binary::DivKeepZero => zip(DivKeepZero, a, b, out),
                    Binary::Share => zip(Share, a, b, out),
                    Binary::Tie => zip(Tie, a, b, out),
                }
            }

            #[track_caller]
            fn simple_kernel(op: Simple<Self>, x: Option<&[Self]>, out: &mut [Self]) {
                match op {
                    Simple::Neg => map(Neg, x, out),
                    Simple::Square => map(Square, x, out),
                    Simple::Sqrt => map(Sqrt, x, out),
                    Simple::Recip => map(Recip, x, out),
                    Simple::Abs => map(Abs, x, out),
                    Simple::Sign => map(Sign, x, out),
                    Simple::Floor => map(Floor, x, out),
                    Simple::Ceil => map(Ceil, x, out),
                    Simple::Round => map(Round, x, out),
                    Simple::Trunc => map(Trunc, x, out),
                    Simple::Offset(number) => map(Offset(number), x, out),
                    Simple::Scale(alpha) => map(Scale(alpha), x, out),
                    Simple::Clamp(low, high) => map(Clamp(low, high), x, out),
                    Simple::Inside(low, high) => map(Inside(low, high), x, out),
                }
            }

            #[track_caller]
            fn add_assign_kernel(acc: &mut [Self], x: &[Self]) {
                zip_in_place(Add, acc, x);
            }

            #[track_caller]
            fn axpy_kernel(alpha: Self, x: &[Self], y: &mut [Self]) {
                zip_in_place(Axpy(alpha), y, x);
            }

            #[track_caller]
            fn compare_kernel(
                op: Comparison,
                a: Run<'_, Self>,
                b: Run<'_, Self>,
                out: &mut [bool],
            ) {
                choice::compare_elements(op, a, b, out);
            }

            #[track_caller]
            fn select_kernel(
                mask: &[bool],
                yes: Run<'_, Self>,
                no: Run<'_, Self>,
                out: &mut [Self],
            ) {
                choice::select_elements(mask, yes, no, out);
            }
        }
    };
}
elementwise_kernels!(f32);
elementwise_kernels!(f64);

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
    /// `a[i] - b[i] trunc(a[i] / b[i])` exactly, with the sign of `a[i]`, as `%` and C's `fmod`; NaN
    /// for infinite `a[i]` and for `b[i]` zero.
    rem: Rem;
    /// `a[i] * b[i]`, but zero where `b[i]` is zero, though `a[i]` be infinite or NaN.
    mul_no_nan: MulNoNan;
    /// `a[i] * b[i]`, but zero where either is zero, though the other be infinite or NaN.
    mul_absorbing: MulAbsorbing;
    /// `a[i] / b[i]`, but zero where `a[i]` is zero, though `b[i]` be zero or NaN.
    div_keep_zero: DivKeepZero;
    /// One where `a[i] > b[i]`, a half where they are equal, zero where `a[i] < b[i]`; NaN if either is.
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
            E::simple_kernel(Simple::$op, Some(x), out);
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
    /// `x[i]` without what stands behind its point.
    trunc: Trunc;
}

/// `out[i] = min(max(x[i], low), high)`; NaN stays.
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn clamp<E: Element>(low: E, high: E, x: &[E], out: &mut [E]) {
    E::simple_kernel(Simple::Clamp(low, high), Some(x), out);
}

/// One where `low < x[i] < high`, else zero; NaN stays.
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn inside<E: Element>(low: E, high: E, x: &[E], out: &mut [E]) {
    E::simple_kernel(Simple::Inside(low, high), Some(x), out);
}

/// `out[i] = alpha * x[i]`.
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn scale<E: Element>(alpha: E, x: &[E], out: &mut [E]) {
    E::simple_kernel(Simple::Scale(alpha), Some(x), out);
}

/// `x[i] = alpha * x[i]`.
pub fn scale_in_place<E: Element>(alpha: E, x: &mut [E]) {
    E::simple_kernel(Simple::Scale(alpha), None, x);
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
