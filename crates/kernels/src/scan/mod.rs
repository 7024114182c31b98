//! Scans: running sums and products along an axis, and the linear recurrence both are cases of.
//!
//! One element follows from the one before, so that the bits depend on the elements alone. The
//! state of a line is kept in f64, and for sums of f64 with the part that rounding has cut off, so
//! that long lines lose no more than [`sum`](crate::reduce::sum) does. Lines that lie side by side
//! are computed together, on vectors; a single line is bound by the latency of its own additions.

pub(crate) mod kernels;

use crate::Element;
#[doc(hidden)]
pub use kernels::Scan;

/// Running sums along the middle of three dimensions, `out_i = x_0 + .. + x_i`; from the last
/// element on if `reverse`.
///
/// The error of `out_i` is below one unit in its last place and `i u sum |x_k|` with
/// `u = 2^-53` for f32 and `u = i 2^-106` for f64. Intermediate sums of f32 do not overflow.
///
/// # Shapes
/// `x` and `out` are contiguous `[outer, axis, inner]`.
///
/// ```
/// let mut out = [0.0; 4];
/// wengert_kernels::scan::cumsum_axis(&[1.0, 2.0, 3.0, 4.0], [1, 4, 1], false, &mut out);
/// assert_eq!(out, [1.0, 3.0, 6.0, 10.0]);
/// ```
///
/// # Panics
/// If a slice does not have the elements of its shape.
#[track_caller]
pub fn cumsum_axis<E: Element>(x: &[E], dims: [usize; 3], reverse: bool, out: &mut [E]) {
    E::scan_kernel(Scan::Sum, x, dims, reverse, out);
}

/// As [`cumsum_axis`], of products, which are computed in f64 and rounded to `E`.
///
/// # Panics
/// If a slice does not have the elements of its shape.
#[track_caller]
pub fn cumprod_axis<E: Element>(x: &[E], dims: [usize; 3], reverse: bool, out: &mut [E]) {
    E::scan_kernel(Scan::Prod, x, dims, reverse, out);
}

/// The linear recurrence `out_i = x_i + factors_i out_(i-1)` along the middle of three dimensions,
/// with nothing before the first; from the last element on if
/// `reverse`. The first factor is not read. A zero times a factor is zero, though the factor be
/// infinite or NaN. The states are computed in f64, and rounded to `E` only when they are written.
///
/// # Shapes
/// `x`, `factors` and `out` are contiguous `[outer, axis, inner]`.
///
/// ```
/// let mut out = [0.0; 3];
/// let (x, factors) = ([1.0, 1.0, 1.0], [0.0, 2.0, 3.0]);
/// wengert_kernels::scan::recurrence_axis(&x, &factors, [1, 3, 1], false, &mut out);
/// assert_eq!(out, [1.0, 3.0, 10.0]);
/// ```
///
/// # Panics
/// If a slice does not have the elements of its shape.
#[track_caller]
pub fn recurrence_axis<E: Element>(
    x: &[E],
    factors: &[E],
    dims: [usize; 3],
    reverse: bool,
    out: &mut [E],
) {
    E::recurrence_kernel(x, factors, dims, reverse, out);
}
