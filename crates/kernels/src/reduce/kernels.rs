//! The reductions, compiled for each element type: of whole slices, in parts, and of lines.

use std::ops::Range;

use super::arg::{ColumnArg, Order, RowArg};
use super::careful::{LineElements, Spread, finish_moments, repair_squares, repair_sums};
use super::fold::{Fold, FoldColumns, FoldRows, FoldSlice};
use super::kinds::{Magnitude, Max, MaxAbs, Min, Prod, ScaledSquare, Square, Sum, SumOf};
use super::lines::{check_dims, for_slices};
use super::moments::{ColumnMoments, Moments, RowMoments, SliceMoments};
use crate::Float;
use crate::family::family;
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

/// The element whose position is computed.
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

/// The result of each part of a slice, in order.
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

/// The most results that are checked one by one: for more, a kernel's start pays.
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
    for_slices(
        x,
        dims,
        PART,
        |x, rows| {
            // SAFETY: ranges of rows are disjoint, and `out` has one element for each.
            let out = unsafe { shared.part(rows) };
            if out.len() == 1 {
                // A long row, in the pieces the slice's own reduction has.
                out[0] = reduce(level, fold, x);
            } else {
                run_on(level, FoldRows { fold, x, cols: axis, out });
            }
        },
        |x, first, columns| {
            // SAFETY: pieces of planes are disjoint, and `out` has one element for each column.
            let out = unsafe { shared.part(columns) };
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
    for_slices(
        x,
        dims,
        PART,
        |x, rows| {
            // SAFETY: ranges of rows are disjoint, and `out` has one element for each.
            run_on(level, RowArg { order, x, cols: axis, out: unsafe { shared.part(rows) } });
        },
        |x, first, columns| {
            // SAFETY: pieces of planes are disjoint, and `out` has one element for each column.
            let out = unsafe { shared.part(columns) };
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
    for_slices(
        x,
        dims,
        PART,
        |x, rows| {
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
        |x, first, columns| {
            let (mean, variance) = outputs(columns);
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

family! {
    /// The reductions of an element type.
    ReduceKernels:
    fn reduce_kernel(op: Reduction, x: &[Self]) -> Self = reduce_slice;
    fn reduce_axis_kernel(op: Reduction, x: &[Self], dims: [usize; 3], out: &mut [Self]) = reduce_lines;
    fn scaled_squares_kernel(factor: Self, x: &[Self]) -> Self = scaled_squares;
    fn arg_axis_kernel(op: Extreme, x: &[Self], dims: [usize; 3], out: &mut [usize]) = arg_lines;
    fn repair_sums_kernel(
        x: &[Self], dims: [usize; 3], divisor: f64, out: &mut [Self]
    ) = repair_overflown;
    fn repair_squares_kernel(
        x: &[Self], dims: [usize; 3], root: bool, out: &mut [Self]
    ) = repair_squares;
    fn moments_axis_kernel(
        x: &[Self],
        dims: [usize; 3],
        what: (usize, Spread),
        mean: &mut [Self],
        variance: &mut [Self],
    ) = moments_axis;
}

fn reduce_slice<E: Float>(op: Reduction, x: &[E]) -> E {
    let level = Level::current();
    match op {
        Reduction::Sum => careful_sum(x),
        Reduction::SumAbs => reduce(level, SumOf(Magnitude), x),
        Reduction::Prod => reduce(level, Prod, x),
        Reduction::SumSquares => reduce(level, SumOf(Square), x),
        Reduction::Max => reduce(level, Max, x),
        Reduction::Min => reduce(level, Min, x),
        Reduction::MaxAbs => reduce(level, MaxAbs, x),
    }
}

#[track_caller]
fn reduce_lines<E: Float>(op: Reduction, x: &[E], dims: [usize; 3], out: &mut [E]) {
    match op {
        Reduction::Sum => {
            reduce_axis(Sum, x, dims, out);
            repair_overflown(x, dims, 1.0, out);
        }
        Reduction::SumAbs => reduce_axis(SumOf(Magnitude), x, dims, out),
        Reduction::Prod => reduce_axis(Prod, x, dims, out),
        Reduction::SumSquares => reduce_axis(SumOf(Square), x, dims, out),
        Reduction::Max => reduce_axis(Max, x, dims, out),
        Reduction::Min => reduce_axis(Min, x, dims, out),
        Reduction::MaxAbs => reduce_axis(MaxAbs, x, dims, out),
    }
}

fn scaled_squares<E: Float>(factor: E, x: &[E]) -> E {
    reduce(Level::current(), SumOf(ScaledSquare(factor)), x)
}

#[track_caller]
fn arg_lines<E: Float>(op: Extreme, x: &[E], dims: [usize; 3], out: &mut [usize]) {
    match op {
        Extreme::Max => arg_axis(Max, x, dims, out),
        Extreme::Min => arg_axis(Min, x, dims, out),
    }
}
