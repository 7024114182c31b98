//! Softmax, its logarithm, and cross entropy, over the rows of a matrix.
//!
//! The row's maximum is subtracted first, so that nothing overflows. A NaN in a row makes all of
//! that row NaN. Infinite elements take the limit where there is one: an element of `-inf` has
//! probability zero, a single `+inf` has probability one. Rows with two `+inf` or with nothing but
//! `-inf` are NaN. Sums run in an order that depends on the row's length alone.

mod cross_entropy;
mod functions;

use std::marker::PhantomData;
use std::ops::Range;

use cross_entropy::{CrossEntropy, CrossEntropyGrad};
use functions::{
    LineFn, LogSoftmax, LogSoftmaxGrad, LogSumExp, LogSumExpGrad, Softmax, SoftmaxGrad,
};

use crate::Element;
use crate::elementwise::Run;
use crate::line::{Columns, Row};
use crate::reduce::{check_rows, for_lines};
use crate::simd::{Kernel, Lanes as _, Level, Simd, run_on};
use crate::slices::{Shared, Source, check_len};
use crate::threads;

/// Elements a thread takes at a time.
const GRAIN: usize = threads::work(1 << 15);

fn rows_at_a_time(cols: usize) -> usize {
    (GRAIN / cols.max(1)).max(1)
}

/// The kernels that read one matrix and write another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
#[non_exhaustive]
pub enum RowMap {
    Softmax,
    LogSoftmax,
}

/// Every line of a matrix.
///
/// # Safety
/// The operands of `f` must have the elements of `dims`, and those with a value for each line the
/// elements of `dims` without the axis.
unsafe fn each_line<E: Element, F: LineFn<E>>(f: F, dims: [usize; 3]) {
    let level = Level::current();
    let [outer, axis, inner] = dims;
    if outer * axis * inner == 0 {
        return;
    }
    for_lines(
        dims,
        GRAIN,
        |range| run_on(level, Rows { f, cols: axis, range, element: PhantomData }),
        |plane, first, count| {
            let columns = first..first + count;
            let element = PhantomData;
            run_on(level, SomeColumns { f, rows: axis, stride: inner, plane, columns, element });
        },
    );
}

/// Every row of a matrix.
///
/// # Safety
/// The operands of `f` must have `rows * cols` elements, and those with a value for each row `rows`.
unsafe fn each_row<E: Element, F: LineFn<E>>(f: F, rows: usize, cols: usize) {
    let level = Level::current();
    threads::for_ranges(rows, rows_at_a_time(cols), |range| {
        run_on(level, Rows { f, cols, range, element: PhantomData });
    });
}

struct Rows<E, F> {
    f: F,
    cols: usize,
    range: Range<usize>,
    element: PhantomData<E>,
}

impl<E: Element, F: LineFn<E>> Kernel for Rows<E, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for row in self.range {
            let line = Row::new(simd, self.cols);
            // SAFETY: `each_line`'s caller vouches for the operands, and `for_lines` for the row.
            unsafe { self.f.run(line, row * self.cols, row) };
        }
    }
}

struct SomeColumns<E, F> {
    f: F,
    rows: usize,
    stride: usize,
    plane: usize,
    columns: Range<usize>,
    element: PhantomData<E>,
}

impl<E: Element, F: LineFn<E>> Kernel for SomeColumns<E, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { f, rows, stride, plane, columns, .. } = self;
        let lanes = E::Vector::<S>::LANES;
        for first in columns.clone().step_by(lanes) {
            let line = Columns::new(simd, rows, stride, lanes.min(columns.end - first));
            let (at, value) = (plane * rows * stride + first, plane * stride + first);
            // SAFETY: as in `Rows`; the columns lie within the plane.
            unsafe { f.run(line, at, value) };
        }
    }
}

/// Panics unless a slice has the elements of `dims`, less the axis if there is a value for a line.
#[track_caller]
fn check(name: &str, len: usize, [outer, axis, inner]: [usize; 3], value: bool) {
    let axis = if value { 1 } else { axis };
    let elements = outer.checked_mul(axis).and_then(|n| n.checked_mul(inner));
    assert!(
        elements == Some(len),
        "the operand `{name}` has {len} elements, but its shape is {outer} x {axis} x {inner}"
    );
}

/// The compiled kernels of an element type. Sealed with [`Element`].
#[doc(hidden)]
pub trait SoftmaxKernels: Sized {
    fn row_map_kernel(op: RowMap, x: &[Self], cols: usize, out: &mut [Self]);
    fn row_grad_kernel(op: RowMap, gy: &[Self], y: &[Self], cols: usize, out: &mut [Self]);
    fn log_sum_exp_kernel(x: &[Self], dims: [usize; 3], out: &mut [Self]);
    fn log_sum_exp_grad_kernel(gy: &[Self], x: &[Self], dims: [usize; 3], out: &mut [Self]);
    fn cross_entropy_kernel(
        logits: &[Self],
        cols: usize,
        labels: &[usize],
        losses: &mut [Self],
        normalizers: &mut [[Self; 2]],
    );
    fn cross_entropy_grad_kernel(
        logits: &[Self],
        cols: usize,
        labels: &[usize],
        normalizers: &[[Self; 2]],
        gy: Run<'_, Self>,
        out: &mut [Self],
    );
}

macro_rules! softmax_kernels {
    ($type:ty) => {
        impl SoftmaxKernels for $type {
            #[track_caller]
            fn row_map_kernel(op: RowMap, x: &[Self], cols: usize, out: &mut [Self]) {
                let rows = rows(x.len(), cols);
                check("out", out.len(), [rows, cols, 1], false);
                let (x, out) = (Source::new(x), Shared::new(out));
                // SAFETY: `rows` and `check` found `rows * cols` elements in both.
                unsafe {
                    match op {
                        RowMap::Softmax => each_row(Softmax { x, out }, rows, cols),
                        RowMap::LogSoftmax => each_row(LogSoftmax { x, out }, rows, cols),
                    }
                }
            }

            #[track_caller]
            fn row_grad_kernel(op: RowMap, gy: &[Self], y: &[Self], cols: usize, out: &mut [Self]) {
                let rows = rows(y.len(), cols);
                check("gy", gy.len(), [rows, cols, 1], false);
                check("out", out.len(), [rows, cols, 1], false);
                let (gy, y, out) = (Source::new(gy), Source::new(y), Shared::new(out));
                // SAFETY: `rows` and `check` found `rows * cols` elements in each.
                unsafe {
                    match op {
                        RowMap::Softmax => each_row(SoftmaxGrad { gy, y, out }, rows, cols),
                        RowMap::LogSoftmax => each_row(LogSoftmaxGrad { gy, y, out }, rows, cols),
                    }
                }
            }

            #[track_caller]
            fn log_sum_exp_kernel(x: &[Self], dims: [usize; 3], out: &mut [Self]) {
                check("x", x.len(), dims, false);
                check("out", out.len(), dims, true);
                if dims[1] == 0 {
                    return out.fill(Self::NEG_INFINITY);
                }
                let (x, out) = (Source::new(x), Shared::new(out));
                // SAFETY: the lengths were checked.
                unsafe { each_line(LogSumExp { x, out }, dims) };
            }

            #[track_caller]
            fn log_sum_exp_grad_kernel(
                gy: &[Self],
                x: &[Self],
                dims: [usize; 3],
                out: &mut [Self],
            ) {
                check("gy", gy.len(), dims, true);
                check("x", x.len(), dims, false);
                check("out", out.len(), dims, false);
                let (gy, x, out) = (Source::new(gy), Source::new(x), Shared::new(out));
                // SAFETY: `check` has compared the length of each operand with `dims`.
                unsafe { each_line(LogSumExpGrad { gy, x, out }, dims) };
            }

            #[track_caller]
            fn cross_entropy_kernel(
                logits: &[Self],
                cols: usize,
                labels: &[usize],
                losses: &mut [Self],
                normalizers: &mut [[Self; 2]],
            ) {
                check_len("losses", losses.len(), labels.len());
                check_len("normalizers", normalizers.len(), labels.len());
                let level = Level::current();
                let (losses, normalizers) = (Shared::new(losses), Shared::new(normalizers));
                threads::for_ranges(labels.len(), rows_at_a_time(cols), |rows| {
                    let x = &logits[rows.start * cols..rows.end * cols];
                    let labels = &labels[rows.clone()];
                    // SAFETY: ranges of rows are disjoint, and there is one loss for each.
                    let losses = unsafe { losses.part(rows.clone()) };
                    // SAFETY: ranges of rows are disjoint, and there is one normalizer for each.
                    let normalizers = unsafe { normalizers.part(rows) };
                    run_on(level, CrossEntropy { x, cols, labels, losses, normalizers });
                });
            }

            #[track_caller]
            fn cross_entropy_grad_kernel(
                logits: &[Self],
                cols: usize,
                labels: &[usize],
                normalizers: &[[Self; 2]],
                gy: Run<'_, Self>,
                out: &mut [Self],
            ) {
                check_len("logits", logits.len(), out.len());
                let level = Level::current();
                let shared = Shared::new(out);
                threads::for_ranges(labels.len(), rows_at_a_time(cols), |rows| {
                    let range = rows.start * cols..rows.end * cols;
                    let x = &logits[range.clone()];
                    // SAFETY: ranges of rows are disjoint, and `out` is as long as `logits`.
                    let out = unsafe { shared.part(range) };
                    let (labels, normalizers) = (&labels[rows.clone()], &normalizers[rows.clone()]);
                    let gy = match gy {
                        Run::Slice(gy) => Run::Slice(&gy[rows]),
                        splat @ Run::Splat(_) => splat,
                    };
                    run_on(level, CrossEntropyGrad { x, cols, labels, normalizers, gy, out });
                });
            }
        }
    };
}
softmax_kernels!(f32);
softmax_kernels!(f64);

/// The number of rows of `cols` elements that `len` elements are.
#[track_caller]
fn rows(len: usize, cols: usize) -> usize {
    let rows = len.checked_div(cols).unwrap_or(0);
    check_rows(len, cols, rows);
    rows
}

/// `out[i, j] = e^x[i, j] / sum_k e^x[i, k]`.
///
/// # Shapes
/// `x` and `out` are `[rows, cols]`.
///
/// ```
/// let mut y = [0.0_f32; 4];
/// wengert_kernels::softmax::softmax_rows(&[0.0, 0.0, 1000.0, 0.0], 2, &mut y);
/// assert_eq!(y, [0.5, 0.5, 1.0, 0.0]);
/// ```
///
/// # Panics
/// If the slices differ in length or are no whole number of rows.
#[track_caller]
pub fn softmax_rows<E: Element>(x: &[E], cols: usize, out: &mut [E]) {
    E::row_map_kernel(RowMap::Softmax, x, cols, out);
}

/// `out[i, j] = x[i, j] - log sum_k e^x[i, k]`.
///
/// # Shapes
/// `x` and `out` are `[rows, cols]`.
///
/// # Panics
/// If the slices differ in length or are no whole number of rows.
#[track_caller]
pub fn log_softmax_rows<E: Element>(x: &[E], cols: usize, out: &mut [E]) {
    E::row_map_kernel(RowMap::LogSoftmax, x, cols, out);
}

/// The gradient of [`softmax_rows`] from its output:
/// `out[i, j] = y[i, j] (gy[i, j] - sum_k gy[i, k] y[i, k])`.
///
/// # Shapes
/// All are `[rows, cols]`.
///
/// # Panics
/// If the slices differ in length or are no whole number of rows.
#[track_caller]
pub fn softmax_grad_rows<E: Element>(gy: &[E], y: &[E], cols: usize, out: &mut [E]) {
    E::row_grad_kernel(RowMap::Softmax, gy, y, cols, out);
}

/// The gradient of [`log_softmax_rows`] from its output:
/// `out[i, j] = gy[i, j] - e^y[i, j] sum_k gy[i, k]`.
///
/// # Shapes
/// All are `[rows, cols]`.
///
/// # Panics
/// If the slices differ in length or are no whole number of rows.
#[track_caller]
pub fn log_softmax_grad_rows<E: Element>(gy: &[E], y: &[E], cols: usize, out: &mut [E]) {
    E::row_grad_kernel(RowMap::LogSoftmax, gy, y, cols, out);
}

/// `out[i] = log sum_k e^x[i, k]` over the middle of three dimensions.
///
/// Negative infinity for nothing or nothing but `-inf`; infinite if an element is `+inf`; NaN if
/// there is one.
///
/// # Shapes
/// `x` is contiguous `[outer, axis, inner]`, `out` is `[outer, inner]`; a matrix's rows are
/// `[rows, cols, 1]`.
///
/// ```
/// let mut out = [0.0_f32; 2];
/// wengert_kernels::softmax::log_sum_exp_axis(&[0.0, 0.0, 1e4, 1e4], [2, 2, 1], &mut out);
/// assert_eq!(out, [2.0_f32.ln(), 1e4 + 2.0_f32.ln()]);
/// ```
///
/// # Panics
/// If a slice does not have the elements of its shape.
#[track_caller]
pub fn log_sum_exp_axis<E: Element>(x: &[E], dims: [usize; 3], out: &mut [E]) {
    E::log_sum_exp_kernel(x, dims, out);
}

/// The gradient of [`log_sum_exp_axis`]: `out[i, j] = gy[i] softmax(x[i])_j`.
///
/// Zero for nothing but `-inf`; otherwise infinite elements are treated as in [`softmax_rows`]. The
/// relative error is that of [`softmax_rows`] and one rounding.
///
/// # Shapes
/// `x` and `out` are contiguous `[outer, axis, inner]`, `gy` is `[outer, inner]`.
///
/// ```
/// let mut out = [0.0_f32; 4];
/// wengert_kernels::softmax::log_sum_exp_grad_axis(&[1.0, 2.0], &[1e30, 1e30, f32::INFINITY, 0.0],
///     [2, 2, 1], &mut out);
/// assert_eq!(out, [0.5, 0.5, 2.0, 0.0]);
/// ```
///
/// # Panics
/// If a slice does not have the elements of its shape.
#[track_caller]
pub fn log_sum_exp_grad_axis<E: Element>(gy: &[E], x: &[E], dims: [usize; 3], out: &mut [E]) {
    E::log_sum_exp_grad_kernel(gy, x, dims, out);
}

#[track_caller]
fn check_labels(labels: &[usize], cols: usize) {
    if let Some((row, label)) = labels.iter().enumerate().find(|(_, label)| **label >= cols) {
        panic!(
            "the label of row {row} is {label}, but it must be below the number of classes, {cols}"
        );
    }
}

/// The cross entropy of every row with its label, and the row's normalizer, which the gradient
/// needs: one reading of the logits.
///
/// `losses[i] = log sum_k e^logits[i, k] - logits[i, labels[i]]`. The normalizer is the pair of the
/// row's largest logit `m` and `sum_k e^(logits[i, k] - m)`. The error of a loss is a few units in
/// the last place of `m - logits[i, labels[i]]` and of the logarithm of the sum, however large the
/// logits are.
///
/// # Shapes
/// `logits` is `[rows, cols]`, the others `[rows]`.
///
/// # Panics
/// If a slice does not have the elements of its shape or a label is not below `cols`.
#[track_caller]
pub fn cross_entropy_rows<E: Element>(
    logits: &[E],
    cols: usize,
    labels: &[usize],
    losses: &mut [E],
    normalizers: &mut [[E; 2]],
) {
    check_rows(logits.len(), cols, labels.len());
    check_labels(labels, cols);
    E::cross_entropy_kernel(logits, cols, labels, losses, normalizers);
}

/// The gradient of [`cross_entropy_rows`] in its logits:
/// `out[i, j] = gy[i] (softmax(logits[i])_j - [j = labels[i]])`.
///
/// # Shapes
/// `logits` and `out` are `[rows, cols]`, the others `[rows]`.
///
/// # Panics
/// If a slice does not have the elements of its shape or a label is not below `cols`.
#[track_caller]
pub fn cross_entropy_grad_rows<E: Element>(
    logits: &[E],
    cols: usize,
    labels: &[usize],
    normalizers: &[[E; 2]],
    gy: Run<'_, E>,
    out: &mut [E],
) {
    check_rows(logits.len(), cols, labels.len());
    check_len("normalizers", normalizers.len(), labels.len());
    gy.check("gy", labels.len());
    check_labels(labels, cols);
    E::cross_entropy_grad_kernel(logits, cols, labels, normalizers, gy, out);
}
