//! The compiled reductions of an element type: whole slices in parts, and lines.

use std::ops::Range;

use super::arg::{ColumnArg, Order, RowArg};
use super::careful::{LineElements, Spread, finish_moments, repair_squares, repair_sums};
use super::fold::{Fold, FoldColumns, FoldRows, FoldSlice};
use super::kinds::{Max, MaxAbs, Min, Prod, ScaledSquares, Sum, SumAbs, SumSquares};
use super::lines::{check_dims, for_lines};
use super::moments::{ColumnMoments, Moments, RowMoments, SliceMoments};
use crate::Float;
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
/// pairwise, on any number of threads: see
/// [`sum_of_parts`](super::sum_of_parts).
pub const PART: usize = threads::work(1 << 17);

/// On a given level: worker threads do not know the caller's.
pub(super) fn reduce<E: Float, F: Fold<E>>(level: Level, fold: F, x: &[E]) -> E {
    if x.len() <= PART {
        return run_on(level, FoldSlice { fold, x });
    }
    pairwise(fold, &parts(x, F::NEUTRAL, |x| run_on(level, FoldSlice { fold, x })))
}

pub(super) fn pairwise<E: Float, F: Fold<E>>(fold: F, parts: &[E]) -> E {
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
fn parts<E: Float, R: Copy + Send>(x: &[E], nothing: R, f: impl Fn(&[E]) -> R + Sync) -> Vec<R> {
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
fn careful_sum<E: Float>(x: &[E]) -> E {
    let mut sum = [reduce(Level::current(), Sum, x)];
    repair_overflown(x, [1, x.len(), 1], 1.0, &mut sum);
    sum[0]
}

/// Results that are looked through where they are: a kernel takes longer to begin.
const FEW: usize = 32;

/// Repairs sums, divided by `divisor`, if one is not finite.
fn repair_overflown<E: Float>(x: &[E], dims: [usize; 3], divisor: f64, out: &mut [E]) {
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
fn slice_moments<E: Float>(level: Level, x: &[E]) -> Moments {
    if x.len() <= PART {
        return run_on(level, SliceMoments(x));
    }
    let parts = parts(x, Moments::NONE, |x| run_on(level, SliceMoments(x)));
    parts.into_iter().fold(Moments::NONE, Moments::join)
}

#[track_caller]
fn reduce_axis<E: Float, F: Fold<E>>(fold: F, x: &[E], dims: [usize; 3], out: &mut [E]) {
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
fn arg_axis<E: Float, O: Order<E>>(order: O, x: &[E], dims: [usize; 3], out: &mut [usize]) {
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
fn moments_axis<E: Float>(
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

/// The compiled kernels of an element type. Sealed with [`Element`](crate::Element).
#[doc(hidden)]
pub trait ReduceKernels: Sized {
    fn reduce_kernel(op: Reduction, x: &[Self]) -> Self;
    fn reduce_axis_kernel(op: Reduction, x: &[Self], dims: [usize; 3], out: &mut [Self]);
    fn scaled_squares_kernel(factor: Self, x: &[Self]) -> Self;
    fn arg_axis_kernel(op: Extreme, x: &[Self], dims: [usize; 3], out: &mut [usize]);
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
