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
mod kinds;
mod moments;
mod norm;
mod spread;
mod sums;

pub use along::{
    max_abs_axis, max_axis, min_axis, norm_axis, prod_axis, repair_sums_axis, sum_abs_axis,
    sum_axis, sum_squares_axis,
};
use arg::{ColumnArg, Order, RowArg};
#[doc(hidden)]
pub use careful::Spread;
pub(crate) use careful::{
    CarefulMoments, LineElements, finish_moments, range_exponent, range_power,
};
use careful::{repair_squares, repair_sums};
use fold::{Fold, FoldColumns, FoldRows, FoldSlice};
use kinds::{Max, MaxAbs, Min, Prod, ScaledSquares, Sum, SumAbs, SumSquares};
use moments::{ColumnMoments, RowMoments, SliceMoments};
pub(crate) use moments::{Moments, moments};
pub use norm::{global_norm, norm};
pub use spread::{mean_deviation_axis, mean_variance, mean_variance_axis};

use std::ops::Range;

use crate::Element;
use crate::simd::{Level, run_on};
use crate::slices::Shared;
use crate::threads;

/// The reductions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
#[non_exhaustive]
pub enum Reduction {
    Sum,
    SumAbs,
    Prod,
    SumSquares,
    Max,
    Min,
    MaxAbs,
}

/// Whose position is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum Extreme {
    Max,
    Min,
}

/// Elements a thread takes at a time; also the length beyond which partial results are combined
/// pairwise, on any number of threads: see [`sum_of_parts`].
pub const PART: usize = 1 << 17;

/// On a given level: worker threads do not know the caller's.
fn reduce<E: Element, F: Fold<E>>(level: Level, fold: F, x: &[E]) -> E {
    if x.len() <= PART {
        return run_on(level, FoldSlice { fold, x });
    }
    pairwise(fold, &parts(x, F::NEUTRAL, |x| run_on(level, FoldSlice { fold, x })))
}

fn pairwise<E: Element, F: Fold<E>>(fold: F, parts: &[E]) -> E {
    match parts {
        [] => F::NEUTRAL,
        [one] => *one,
        _ => {
            let (left, right) = parts.split_at(parts.len().next_power_of_two() / 2);
            fold.combine_scalars(pairwise(fold, left), pairwise(fold, right))
        }
    }
}

/// The parts of a slice and what becomes of each, in order.
fn parts<E: Element, R: Copy + Send>(x: &[E], nothing: R, f: impl Fn(&[E]) -> R + Sync) -> Vec<R> {
    let mut parts = vec![nothing; x.len().div_ceil(PART)];
    let shared = Shared::new(&mut parts);
    threads::for_ranges(x.len(), PART, |range| {
        let part = f(&x[range.clone()]);
        // SAFETY: every range writes the part of its own number.
        unsafe { shared.at(range.start / PART).write(part) };
    });
    parts
}

/// The sum of a slice; if it is not finite though the elements are, computed again with care.
fn careful_sum<E: Element>(x: &[E]) -> E {
    let mut sum = [reduce(Level::current(), Sum, x)];
    repair_overflown(x, [1, x.len(), 1], 1.0, &mut sum);
    sum[0]
}

/// Results that are looked through where they are: a kernel takes longer to begin.
const FEW: usize = 32;

/// Repairs sums, divided by `divisor`, if one is not finite.
fn repair_overflown<E: Element>(x: &[E], dims: [usize; 3], divisor: f64, out: &mut [E]) {
    let finite = if out.len() <= FEW {
        out.iter().fold(true, |finite, x| finite & x.is_finite())
    } else {
        reduce(Level::current(), MaxAbs, out).is_finite()
    };
    if !finite {
        repair_sums(x, dims, divisor, out);
    }
}

/// The moments of a slice, of any length.
fn slice_moments<E: Element>(level: Level, x: &[E]) -> Moments {
    if x.len() <= PART {
        return run_on(level, SliceMoments(x));
    }
    let parts = parts(x, Moments::NONE, |x| run_on(level, SliceMoments(x)));
    parts.into_iter().fold(Moments::NONE, Moments::join)
}

/// Panics unless the input has the elements of `dims` and the output those without the axis.
#[track_caller]
fn check_dims(dims: [usize; 3], x: usize, out: usize) {
    let [outer, axis, inner] = dims;
    let count = |a: usize, b: usize| a.checked_mul(b);
    assert!(
        count(outer, axis).and_then(|n| count(n, inner)) == Some(x)
            && count(outer, inner) == Some(out),
        "a reduction over the middle of {outer} x {axis} x {inner} takes as many elements and \
         gives {outer} x {inner}, but the input has {x} and the output {out}"
    );
}

/// Calls `rows` with ranges of rows if `inner` is one, and else `columns` with the number of a
/// plane, the first of some columns, and their number. Together they cover everything once.
pub(crate) fn for_lines(
    [outer, axis, inner]: [usize; 3],
    grain: usize,
    rows: impl Fn(Range<usize>) + Send + Sync,
    columns: impl Fn(usize, usize, usize) + Send + Sync,
) {
    let axis = axis.max(1);
    if inner == 1 {
        return threads::for_ranges(outer, (grain / axis).max(1), rows);
    }
    // Pieces of the columns of one plane, in whole cache lines.
    let width = (grain / axis).next_multiple_of(64).clamp(64, inner.max(64));
    let pieces = inner.div_ceil(width);
    let planes = (grain / axis.saturating_mul(width.min(inner))).max(1);
    threads::for_ranges(outer * pieces, planes, |range| {
        for i in range {
            let first = i % pieces * width;
            columns(i / pieces, first, width.min(inner - first));
        }
    });
}

#[track_caller]
fn reduce_axis<E: Element, F: Fold<E>>(fold: F, x: &[E], dims: [usize; 3], out: &mut [E]) {
    check_dims(dims, x.len(), out.len());
    let [_, axis, inner] = dims;
    if out.is_empty() {
        return;
    }
    if axis == 0 {
        out.fill(F::NEUTRAL);
        return;
    }
    let level = Level::current();
    let shared = Shared::new(out);
    for_lines(
        dims,
        PART,
        |rows| {
            let x = &x[rows.start * axis..rows.end * axis];
            // SAFETY: ranges of rows are disjoint, and `out` has one element for each.
            let out = unsafe { shared.part(rows) };
            if out.len() == 1 {
                // A long row, in the pieces the slice's own reduction has.
                out[0] = reduce(level, fold, x);
            } else {
                run_on(level, FoldRows { fold, x, cols: axis, out });
            }
        },
        |plane, first, count| {
            let x = &x[plane * axis * inner..(plane + 1) * axis * inner];
            let start = plane * inner + first;
            // SAFETY: pieces of planes are disjoint.
            let out = unsafe { shared.part(start..start + count) };
            run_on(level, FoldColumns { fold, x, rows: axis, stride: inner, first, out });
        },
    );
}

#[track_caller]
fn arg_axis<E: Element, O: Order<E>>(order: O, x: &[E], dims: [usize; 3], out: &mut [usize]) {
    check_dims(dims, x.len(), out.len());
    let [_, axis, inner] = dims;
    if out.is_empty() {
        return;
    }
    assert!(
        axis > 0,
        "the position of an extreme was asked for along an axis without elements: there is none"
    );
    let level = Level::current();
    let shared = Shared::new(out);
    for_lines(
        dims,
        PART,
        |rows| {
            let x = &x[rows.start * axis..rows.end * axis];
            // SAFETY: ranges of rows are disjoint, and `out` has one element for each.
            run_on(level, RowArg { order, x, cols: axis, out: unsafe { shared.part(rows) } });
        },
        |plane, first, count| {
            let x = &x[plane * axis * inner..(plane + 1) * axis * inner];
            let start = plane * inner + first;
            // SAFETY: pieces of planes are disjoint.
            let out = unsafe { shared.part(start..start + count) };
            run_on(level, ColumnArg { order, x, rows: axis, stride: inner, first, out });
        },
    );
}

#[track_caller]
fn moments_axis<E: Element>(
    x: &[E],
    dims: [usize; 3],
    (correction, spread): (usize, Spread),
    mean: &mut [E],
    variance: &mut [E],
) {
    check_dims(dims, x.len(), mean.len());
    check_dims(dims, x.len(), variance.len());
    let [_, axis, inner] = dims;
    if axis == 0 || mean.is_empty() {
        mean.fill(E::NAN);
        variance.fill(E::NAN);
        return;
    }
    let level = Level::current();
    let (means, variances) = (Shared::new(mean), Shared::new(variance));
    // SAFETY: the ranges asked for are disjoint.
    let outputs =
        |range: Range<usize>| unsafe { (means.part(range.clone()), variances.part(range)) };
    for_lines(
        dims,
        PART,
        |rows| {
            let x = &x[rows.start * axis..rows.end * axis];
            let (mean, variance) = outputs(rows);
            if let ([mean], [variance]) = (&mut *mean, &mut *variance) {
                let moments = slice_moments(level, x);
                (*mean, *variance) = (moments.mean(), moments.variance(correction));
            } else {
                let (mean, variance) = (&mut *mean, &mut *variance);
                run_on(level, RowMoments { x, cols: axis, correction, mean, variance });
            }
            let row = |i: usize| LineElements::row(&x[i * axis..(i + 1) * axis]);
            finish_moments(row, (correction, spread), mean, variance);
        },
        |plane, first, count| {
            let x = &x[plane * axis * inner..(plane + 1) * axis * inner];
            let start = plane * inner + first;
            let (mean, variance) = outputs(start..start + count);
            let (rows, stride) = (axis, inner);
            {
                let (mean, variance) = (&mut *mean, &mut *variance);
                run_on(level, ColumnMoments { x, rows, stride, first, correction, mean, variance });
            }
            let column = |i: usize| LineElements::along(x, [1, axis, inner], first + i);
            finish_moments(column, (correction, spread), mean, variance);
        },
    );
}

/// The compiled kernels of an element type. Sealed with [`Element`].
#[doc(hidden)]
pub trait ReduceKernels: Sized {
    fn reduce_kernel(op: Reduction, x: &[Self]) -> Self;
    fn reduce_axis_kernel(op: Reduction, x: &[Self], dims: [usize; 3], out: &mut [Self]);
    fn scaled_squares_kernel(factor: Self, x: &[Self]) -> Self;
    fn arg_axis_kernel(op: Extreme, x: &[Self], dims: [usize; 3], out: &mut [usize]);
    fn moments_kernel(x: &[Self], correction: usize) -> (Self, Self);
    fn repair_sums_kernel(x: &[Self], dims: [usize; 3], divisor: f64, out: &mut [Self]);
    fn repair_squares_kernel(x: &[Self], dims: [usize; 3], root: bool, out: &mut [Self]);
    fn moments_axis_kernel(
        x: &[Self],
        dims: [usize; 3],
        what: (usize, Spread),
        mean: &mut [Self],
        variance: &mut [Self],
    );
}

macro_rules! reduce_kernels {
    ($type:ty) => {
        impl ReduceKernels for $type {
            fn reduce_kernel(op: Reduction, x: &[Self]) -> Self {
                match op {
                    Reduction::Sum => careful_sum(x),
                    Reduction::SumAbs => reduce(Level::current(), SumAbs, x),
                    Reduction::Prod => reduce(Level::current(), Prod, x),
                    Reduction::SumSquares => reduce(Level::current(), SumSquares, x),
                    Reduction::Max => reduce(Level::current(), Max, x),
                    Reduction::Min => reduce(Level::current(), Min, x),
                    Reduction::MaxAbs => reduce(Level::current(), MaxAbs, x),
                }
            }

            #[track_caller]
            fn reduce_axis_kernel(op: Reduction, x: &[Self], dims: [usize; 3], out: &mut [Self]) {
                match op {
                    Reduction::Sum => {
                        reduce_axis(Sum, x, dims, out);
                        repair_overflown(x, dims, 1.0, out);
                    }
                    Reduction::SumAbs => reduce_axis(SumAbs, x, dims, out),
                    Reduction::Prod => reduce_axis(Prod, x, dims, out),
                    Reduction::SumSquares => reduce_axis(SumSquares, x, dims, out),
                    Reduction::Max => reduce_axis(Max, x, dims, out),
                    Reduction::Min => reduce_axis(Min, x, dims, out),
                    Reduction::MaxAbs => reduce_axis(MaxAbs, x, dims, out),
                }
            }

            fn scaled_squares_kernel(factor: Self, x: &[Self]) -> Self {
                reduce(Level::current(), ScaledSquares(factor), x)
            }

            #[track_caller]
            fn arg_axis_kernel(op: Extreme, x: &[Self], dims: [usize; 3], out: &mut [usize]) {
                match op {
                    Extreme::Max => arg_axis(Max, x, dims, out),
                    Extreme::Min => arg_axis(Min, x, dims, out),
                }
            }

            fn moments_kernel(x: &[Self], correction: usize) -> (Self, Self) {
                let (mut mean, mut variance) = ([Self::NAN], [Self::NAN]);
                let what = (correction, Spread::Variance);
                moments_axis(x, [1, x.len(), 1], what, &mut mean, &mut variance);
                (mean[0], variance[0])
            }

            fn repair_sums_kernel(x: &[Self], dims: [usize; 3], divisor: f64, out: &mut [Self]) {
                repair_overflown(x, dims, divisor, out);
            }

            fn repair_squares_kernel(x: &[Self], dims: [usize; 3], root: bool, out: &mut [Self]) {
                repair_squares(x, dims, root, out);
            }

            #[track_caller]
            fn moments_axis_kernel(
                x: &[Self],
                dims: [usize; 3],
                what: (usize, Spread),
                mean: &mut [Self],
                variance: &mut [Self],
            ) {
                moments_axis(x, dims, what, mean, variance);
            }
        }
    };
}
reduce_kernels!(f32);
reduce_kernels!(f64);

/// The sum of the elements; zero for none. For its accuracy see the [module](self). Infinite only if the
/// sum itself is beyond the range, or an element is infinite.
pub fn sum<E: Element>(x: &[E]) -> E {
    E::reduce_kernel(Reduction::Sum, x)
}

/// The [`sum`] of a slice, to the bit, from the sums of its parts of [`PART`] elements, of which the last
/// may be shorter: for elements that are never there all at once. Where it is not finite, [`sum`] may be.
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

/// The column of the first minimum of every row, as [`argmin_axis`].
///
/// # Shapes
/// `x` is `[rows, cols]`, `out` is `[rows]`.
///
/// # Panics
/// If `cols` is zero while there are rows, or a slice does not have the elements of its shape.
#[track_caller]
pub fn argmin_rows<E: Element>(x: &[E], cols: usize, out: &mut [usize]) {
    check_rows(x.len(), cols, out.len());
    E::arg_axis_kernel(Extreme::Min, x, [out.len(), cols, 1], out);
}

/// Panics unless `x` elements are `rows` rows of `cols`, `cols` being positive.
#[track_caller]
pub(crate) fn check_rows(x: usize, cols: usize, rows: usize) {
    assert!(
        rows.checked_mul(cols) == Some(x) && (cols > 0 || rows == 0),
        "{x} elements were given as {rows} rows of {cols}: there must be {rows} times {cols} of \
         them, and rows must not be empty"
    );
}
