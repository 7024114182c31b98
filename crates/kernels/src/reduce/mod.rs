//! Reductions: sums, maxima and their positions.
//!
//! The order in which elements are combined depends on the length alone, not on alignment, position
//! or the number of threads, so the same numbers give the same bits within a level.
//!
//! # Accuracy of sums
//!
//! Elements go to independent accumulators, 16 to each; blocks of them are added pairwise. For `n`
//! elements the error is below `(24 + log2 n) eps sum |x_i|` for `n` up to `2^29`, where adding one
//! after the other has `n eps sum |x_i|` (N. J. Higham, "The accuracy of floating point summation",
//! 1993).

mod along;
mod arg;
mod careful;
mod fold;
pub(crate) mod kernels;
mod kinds;
mod lines;
mod moments;
mod norm;
mod spread;
mod sums;

use crate::Element;
pub use along::{
    max_abs_axis, max_axis, min_axis, norm_axis, prod_axis, repair_sums_axis, sum_abs_axis,
    sum_axis,
};
#[doc(hidden)]
pub use careful::Spread;
pub(crate) use careful::{
    CarefulMoments, LineElements, finish_moments, range_exponent, range_power,
};
pub use kernels::PART;
use kernels::pairwise;
#[doc(hidden)]
pub use kernels::{Extreme, Reduction};
use kinds::Sum;
use lines::check_dims;
pub(crate) use lines::{check_rows, for_lines};
pub(crate) use moments::{Moments, moments};
pub use norm::norm;
pub use spread::{mean_deviation_axis, mean_variance_axis};

/// The sum of the elements; zero for none. For its accuracy see the [module](self). Infinite only
/// if the sum itself is beyond the range, or an element is infinite.
pub fn sum<E: Element>(x: &[E]) -> E {
    E::reduce_kernel(Reduction::Sum, x)
}

/// The [`sum`] of a slice, to the bit, from the sums of its parts of [`PART`] elements, of which
/// the last may be shorter: for elements that are never there all at once. Where it is not finite,
/// [`sum`] may be.
///
/// ```
/// use wengert_kernels::reduce::{PART, sum, sum_of_parts};
/// let x: Vec<f32> = (0..3 * PART + 5).map(|i| (i % 1000) as f32 * 0.1).collect();
/// let parts: Vec<f32> = x.chunks(PART).map(sum).collect();
/// assert_eq!(sum_of_parts(&parts), sum(&x));
/// ```
pub fn sum_of_parts<E: Element>(parts: &[E]) -> E {
    pairwise(Sum, parts)
}

/// The sum of the squares of the elements, also where every square is below the range.
pub fn sum_squares<E: Element>(x: &[E]) -> E {
    let mut sum = [E::reduce_kernel(Reduction::SumSquares, x)];
    E::repair_squares_kernel(x, [1, x.len(), 1], false, &mut sum);
    sum[0]
}

/// The largest element; NaN if there is one, negative infinity for no elements.
pub fn max<E: Element>(x: &[E]) -> E {
    E::reduce_kernel(Reduction::Max, x)
}

/// The smallest element; NaN if there is one, infinity for no elements.
pub fn min<E: Element>(x: &[E]) -> E {
    E::reduce_kernel(Reduction::Min, x)
}

/// The positions of the first maxima over the middle of three dimensions. NaN counts as larger than
/// any number.
///
/// # Shapes
/// `x` is contiguous `[outer, axis, inner]`, `out` is `[outer, inner]`.
///
/// ```
/// let mut out = [0; 2];
/// wengert_kernels::reduce::argmax_axis(&[1.0, 5.0, 3.0, 5.0], [1, 2, 2], &mut out);
/// assert_eq!(out, [1, 0]);
/// ```
///
/// # Panics
/// If `axis` is zero while an output has elements, or a slice does not have those of its shape.
#[track_caller]
pub fn argmax_axis<E: Element>(x: &[E], dims: [usize; 3], out: &mut [usize]) {
    E::arg_axis_kernel(Extreme::Max, x, dims, out);
}

/// The positions of the first minima over the middle of three dimensions. NaN counts as smaller
/// than any number, so that the first NaN is found here as well.
///
/// # Shapes
/// `x` is contiguous `[outer, axis, inner]`, `out` is `[outer, inner]`.
///
/// # Panics
/// If `axis` is zero while an output has elements, or a slice does not have those of its shape.
#[track_caller]
pub fn argmin_axis<E: Element>(x: &[E], dims: [usize; 3], out: &mut [usize]) {
    E::arg_axis_kernel(Extreme::Min, x, dims, out);
}

/// The column of the first maximum of every row, as [`argmax_axis`].
///
/// # Shapes
/// `x` is `[rows, cols]`, `out` is `[rows]`.
///
/// # Panics
/// If `cols` is zero while there are rows, or a slice does not have the elements of its shape.
#[track_caller]
pub fn argmax_rows<E: Element>(x: &[E], cols: usize, out: &mut [usize]) {
    check_rows(x.len(), cols, out.len());
    E::arg_axis_kernel(Extreme::Max, x, [out.len(), cols, 1], out);
}
