//! Reductions over the middle of three dimensions: leading, middle and trailing axes alike.

use crate::Element;

use super::Reduction;

/// Sums over the middle of three dimensions.
///
/// # Shapes
/// `x` is contiguous `[outer, axis, inner]`, `out` is `[outer, inner]`.
///
/// ```
/// let mut out = [0.0; 2];
/// wengert_kernels::reduce::sum_axis(&[1.0, 2.0, 3.0, 4.0], [1, 2, 2], &mut out);
/// assert_eq!(out, [4.0, 6.0]);
/// ```
///
/// # Panics
/// If a slice does not have the elements of its shape.
#[track_caller]
pub fn sum_axis<E: Element>(x: &[E], dims: [usize; 3], out: &mut [E]) {
    E::reduce_axis_kernel(Reduction::Sum, x, dims, out);
}

/// Computes again those sums in `out`, divided by `divisor`, that are not finite though the
/// elements are: for a caller that has computed them from parts, or means from sums.
///
/// # Panics
/// If a slice does not have the elements of its shape.
#[track_caller]
#[doc(hidden)]
pub fn repair_sums_axis<E: Element>(x: &[E], dims: [usize; 3], divisor: f64, out: &mut [E]) {
    super::check_dims(dims, x.len(), out.len());
    E::repair_sums_kernel(x, dims, divisor, out);
}

/// As [`sum_axis`], the Euclidean norm, `sqrt(sum x^2)`, with the error bound of
/// [`norm`](super::norm()); squares may leave the range. NaN where there is one; else infinite
/// where an element is, or where the norm itself is beyond the range.
///
/// # Panics
/// If a slice does not have the elements of its shape.
#[track_caller]
pub fn norm_axis<E: Element>(x: &[E], dims: [usize; 3], out: &mut [E]) {
    E::reduce_axis_kernel(Reduction::SumSquares, x, dims, out);
    for norm in &mut *out {
        *norm = norm.sqrt();
    }
    E::repair_squares_kernel(x, dims, true, out);
}

/// As [`sum_axis`], of magnitudes.
///
/// # Panics
/// If a slice does not have the elements of its shape.
#[track_caller]
pub fn sum_abs_axis<E: Element>(x: &[E], dims: [usize; 3], out: &mut [E]) {
    E::reduce_axis_kernel(Reduction::SumAbs, x, dims, out);
}

/// As [`sum_axis`], the product; one of no elements. Its relative error is below `n eps / 2` unless
/// a product of some of the elements leaves the range.
///
/// # Panics
/// If a slice does not have the elements of its shape.
#[track_caller]
pub fn prod_axis<E: Element>(x: &[E], dims: [usize; 3], out: &mut [E]) {
    E::reduce_axis_kernel(Reduction::Prod, x, dims, out);
}

/// As [`sum_axis`], the largest magnitude; NaN where there is one, zero of no elements.
///
/// # Panics
/// If a slice does not have the elements of its shape.
#[track_caller]
pub fn max_abs_axis<E: Element>(x: &[E], dims: [usize; 3], out: &mut [E]) {
    E::reduce_axis_kernel(Reduction::MaxAbs, x, dims, out);
}

/// As [`sum_axis`], the largest element; NaN where there is one.
///
/// # Panics
/// If a slice does not have the elements of its shape.
#[track_caller]
pub fn max_axis<E: Element>(x: &[E], dims: [usize; 3], out: &mut [E]) {
    E::reduce_axis_kernel(Reduction::Max, x, dims, out);
}

/// As [`sum_axis`], the smallest element; NaN where there is one.
///
/// # Panics
/// If a slice does not have the elements of its shape.
#[track_caller]
pub fn min_axis<E: Element>(x: &[E], dims: [usize; 3], out: &mut [E]) {
    E::reduce_axis_kernel(Reduction::Min, x, dims, out);
}
