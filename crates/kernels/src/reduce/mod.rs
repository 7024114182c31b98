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

mod fold;

use fold::{Fold, FoldColumns, FoldRows, FoldSlice, Max, Min, Sum, SumSquares};

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
    SumSquares,
    Max,
    Min,
}

/// Elements a thread takes at a time; also the length beyond which partial results are combined
/// pairwise, on any number of threads.
const GRAIN: usize = 1 << 17;

/// On a given level: worker threads do not know the caller's.
fn reduce<E: Element, F: Fold<E>>(level: Level, fold: F, x: &[E]) -> E {
    if x.len() <= GRAIN {
        return run_on(level, FoldSlice { fold, x });
    }
    let mut parts = vec![F::NEUTRAL; x.len().div_ceil(GRAIN)];
    let shared = Shared::new(&mut parts);
    threads::for_ranges(x.len(), GRAIN, |range| {
        let part = run_on(level, FoldSlice { fold, x: &x[range.clone()] });
        // SAFETY: every range writes the part of its own number.
        unsafe { shared.at(range.start / GRAIN).write(part) };
    });
    pairwise(fold, &parts)
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

#[track_caller]
fn reduce_axis<E: Element, F: Fold<E>>(fold: F, x: &[E], dims: [usize; 3], out: &mut [E]) {
    let [outer, axis, inner] = dims;
    let count = |a: usize, b: usize| a.checked_mul(b);
    assert!(
        count(outer, axis).and_then(|n| count(n, inner)) == Some(x.len())
            && count(outer, inner) == Some(out.len()),
        "a reduction over the middle of {outer} x {axis} x {inner} takes as many elements and \
         gives {outer} x {inner}, but the input has {} and the output {}",
        x.len(),
        out.len()
    );
    if out.is_empty() {
        return;
    }
    if axis == 0 {
        out.fill(F::NEUTRAL);
        return;
    }
    let level = Level::current();
    let shared = Shared::new(out);
    if inner == 1 {
        threads::for_ranges(outer, (GRAIN / axis).max(1), |rows| {
            let x = &x[rows.start * axis..rows.end * axis];
            // SAFETY: ranges of rows are disjoint, and `out` has one element for each.
            let out = unsafe { shared.part(rows) };
            if out.len() == 1 {
                // A long row, in the pieces the slice's own reduction has.
                out[0] = reduce(level, fold, x);
            } else {
                run_on(level, FoldRows { fold, x, cols: axis, out });
            }
        });
        return;
    }
    // Pieces of the columns of one plane.
    let width = (GRAIN / axis).next_multiple_of(64).clamp(64, inner.max(64));
    let pieces = inner.div_ceil(width);
    let planes = (GRAIN / (axis * width.min(inner))).max(1);
    threads::for_ranges(outer * pieces, planes, |range| {
        for i in range {
            let (plane, first) = (i / pieces, i % pieces * width);
            let x = &x[plane * axis * inner..(plane + 1) * axis * inner];
            let start = plane * inner + first;
            // SAFETY: pieces of planes are disjoint.
            let out = unsafe { shared.part(start..start + width.min(inner - first)) };
            run_on(level, FoldColumns { fold, x, rows: axis, stride: inner, first, out });
        }
    });
}

/// The compiled kernels of an element type. Sealed with [`Element`].
#[doc(hidden)]
pub trait ReduceKernels: Sized {
    fn reduce_kernel(op: Reduction, x: &[Self]) -> Self;
    fn reduce_axis_kernel(op: Reduction, x: &[Self], dims: [usize; 3], out: &mut [Self]);
}

macro_rules! reduce_kernels {
    ($type:ty) => {
        impl ReduceKernels for $type {
            fn reduce_kernel(op: Reduction, x: &[Self]) -> Self {
                match op {
                    Reduction::Sum => reduce(Level::current(), Sum, x),
                    Reduction::SumSquares => reduce(Level::current(), SumSquares, x),
                    Reduction::Max => reduce(Level::current(), Max, x),
                    Reduction::Min => reduce(Level::current(), Min, x),
                }
            }

            #[track_caller]
            fn reduce_axis_kernel(op: Reduction, x: &[Self], dims: [usize; 3], out: &mut [Self]) {
                match op {
                    Reduction::Sum => reduce_axis(Sum, x, dims, out),
                    Reduction::SumSquares => reduce_axis(SumSquares, x, dims, out),
                    Reduction::Max => reduce_axis(Max, x, dims, out),
                    Reduction::Min => reduce_axis(Min, x, dims, out),
                }
            }
        }
    };
}
reduce_kernels!(f32);
reduce_kernels!(f64);

/// The sum of the elements; zero for none. For its accuracy see the [module](self).
pub fn sum<E: Element>(x: &[E]) -> E {
    E::reduce_kernel(Reduction::Sum, x)
}

/// The sum of the squares of the elements.
pub fn sum_squares<E: Element>(x: &[E]) -> E {
    E::reduce_kernel(Reduction::SumSquares, x)
}

/// The largest element; NaN if there is one, negative infinity for no elements.
pub fn max<E: Element>(x: &[E]) -> E {
    E::reduce_kernel(Reduction::Max, x)
}

/// The smallest element; NaN if there is one, infinity for no elements.
pub fn min<E: Element>(x: &[E]) -> E {
    E::reduce_kernel(Reduction::Min, x)
}

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

/// As [`sum_axis`], of squares.
///
/// # Panics
/// If a slice does not have the elements of its shape.
#[track_caller]
pub fn sum_squares_axis<E: Element>(x: &[E], dims: [usize; 3], out: &mut [E]) {
    E::reduce_axis_kernel(Reduction::SumSquares, x, dims, out);
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

/// The column of the first maximum of every row. NaN counts as larger than any number.
///
/// # Shapes
/// `x` is `[rows, cols]`, `out` is `[rows]`.
///
/// # Panics
/// If `cols` is zero while there are rows, or a slice does not have the elements of its shape.
#[track_caller]
pub fn argmax_rows<E: Element>(x: &[E], cols: usize, out: &mut [usize]) {
    check_rows(x.len(), cols, out.len());
    let level = Level::current();
    let shared = Shared::new(out);
    threads::for_ranges(x.len() / cols.max(1), (GRAIN / cols.max(1)).max(1), |rows| {
        let x = &x[rows.start * cols..rows.end * cols];
        // SAFETY: ranges of rows are disjoint, and `out` has one element for each.
        let out = unsafe { shared.part(rows) };
        for (row, out) in x.chunks_exact(cols).zip(out) {
            let largest = reduce(level, Max, row);
            *out = row
                .iter()
                .position(|v| *v == largest || v.is_nan())
                .expect("the maximum of a row is one of its elements");
        }
    });
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
