//! The softmax family, compiled for each element type, and how threads share its lines.

use std::marker::PhantomData;
use std::ops::Range;

use super::cross_entropy::{CrossEntropy, CrossEntropyGrad};
use super::functions::{
    LineFn, LogSoftmax, LogSoftmaxGrad, LogSumExp, LogSumExpGrad, Softmax, SoftmaxGrad,
};
use crate::Float;
use crate::elementwise::Run;
use crate::family::family;
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
unsafe fn each_line<E: Float, F: LineFn<E>>(f: F, dims: [usize; 3]) {
    let level = Level::current();
    let [outer, axis, inner] = dims;
    if outer * axis * inner == 0 {
        return;
    }
    for_lines(
        dims,
        GRAIN,
        // SAFETY: the operands have every row of `dims`, by this function's contract.
        |range| run_on(level, unsafe { Rows::new(f, axis, range) }),
        |plane, first, count| {
            // SAFETY: the operands have every column of every plane, by this function's contract.
            let columns =
                unsafe { SomeColumns::new(f, [axis, inner], plane, first..first + count) };
            run_on(level, columns);
        },
    );
}

/// Every row of a matrix.
///
/// # Safety
/// The operands of `f` must have `rows * cols` elements, and those with a value for each row
/// `rows`.
unsafe fn each_row<E: Float, F: LineFn<E>>(f: F, rows: usize, cols: usize) {
    let level = Level::current();
    threads::for_ranges(rows, rows_at_a_time(cols), |range| {
        // SAFETY: the operands have every row, by this function's contract.
        run_on(level, unsafe { Rows::new(f, cols, range) });
    });
}

struct Rows<E, F> {
    f: F,
    cols: usize,
    range: Range<usize>,
    element: PhantomData<E>,
}

impl<E, F> Rows<E, F> {
    /// # Safety
    /// While it runs, the operands of `f` must have the rows of `cols` elements in
    /// `range`, and those with a value for each row these values; no other thread may use what `f`
    /// writes of them.
    unsafe fn new(f: F, cols: usize, range: Range<usize>) -> Self {
        Self { f, cols, range, element: PhantomData }
    }
}

impl<E: Float, F: LineFn<E>> Kernel for Rows<E, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for row in self.range {
            let line = Row::new(simd, self.cols);
            // SAFETY: `row` is in `range`, whose rows are in the operands by `new`.
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

impl<E, F> SomeColumns<E, F> {
    /// # Safety
    /// As for [`Rows::new`], of columns of `rows` elements, `stride` apart, in a plane.
    unsafe fn new(f: F, [rows, stride]: [usize; 2], plane: usize, columns: Range<usize>) -> Self {
        Self { f, rows, stride, plane, columns, element: PhantomData }
    }
}

impl<E: Float, F: LineFn<E>> Kernel for SomeColumns<E, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { f, rows, stride, plane, columns, .. } = self;
        let lanes = E::Vector::<S>::LANES;
        for first in columns.clone().step_by(lanes) {
            let line = Columns::new(simd, rows, stride, lanes.min(columns.end - first));
            let (at, value) = (plane * rows * stride + first, plane * stride + first);
            // SAFETY: the columns are in `columns`, which are in the operands by `new`.
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

family! {
    /// The softmax family of an element type.
    SoftmaxKernels:
    fn row_map_kernel(op: RowMap, x: &[Self], cols: usize, out: &mut [Self]) = row_map;
    fn row_grad_kernel(
        op: RowMap, gy: &[Self], y: &[Self], cols: usize, out: &mut [Self]
    ) = row_grad;
    fn log_sum_exp_kernel(x: &[Self], dims: [usize; 3], out: &mut [Self]) = log_sum_exp;
    fn log_sum_exp_grad_kernel(
        gy: &[Self], x: &[Self], dims: [usize; 3], out: &mut [Self]
    ) = log_sum_exp_grad;
    fn cross_entropy_kernel(
        logits: &[Self],
        cols: usize,
        labels: &[usize],
        losses: &mut [Self],
        normalizers: &mut [[Self; 2]],
    ) = cross_entropy;
    fn cross_entropy_grad_kernel(
        logits: &[Self],
        cols: usize,
        labels: &[usize],
        normalizers: &[[Self; 2]],
        gy: Run<'_, Self>,
        out: &mut [Self],
    ) = cross_entropy_grad;
}

#[track_caller]
fn row_map<E: Float>(op: RowMap, x: &[E], cols: usize, out: &mut [E]) {
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
fn row_grad<E: Float>(op: RowMap, gy: &[E], y: &[E], cols: usize, out: &mut [E]) {
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
fn log_sum_exp<E: Float>(x: &[E], dims: [usize; 3], out: &mut [E]) {
    check("x", x.len(), dims, false);
    check("out", out.len(), dims, true);
    if dims[1] == 0 {
        return out.fill(E::NEG_INFINITY);
    }
    let (x, out) = (Source::new(x), Shared::new(out));
    // SAFETY: `check` found the elements of `dims` in the operands.
    unsafe { each_line(LogSumExp { x, out }, dims) };
}

#[track_caller]
fn log_sum_exp_grad<E: Float>(gy: &[E], x: &[E], dims: [usize; 3], out: &mut [E]) {
    check("gy", gy.len(), dims, true);
    check("x", x.len(), dims, false);
    check("out", out.len(), dims, false);
    let (gy, x, out) = (Source::new(gy), Source::new(x), Shared::new(out));
    // SAFETY: `check` has compared the length of each operand with `dims`.
    unsafe { each_line(LogSumExpGrad { gy, x, out }, dims) };
}

#[track_caller]
fn cross_entropy<E: Float>(
    logits: &[E],
    cols: usize,
    labels: &[usize],
    losses: &mut [E],
    normalizers: &mut [[E; 2]],
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
fn cross_entropy_grad<E: Float>(
    logits: &[E],
    cols: usize,
    labels: &[usize],
    normalizers: &[[E; 2]],
    gy: Run<'_, E>,
    out: &mut [E],
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

/// The number of rows of `cols` elements that `len` elements are.
#[track_caller]
fn rows(len: usize, cols: usize) -> usize {
    let rows = len.checked_div(cols).unwrap_or(0);
    check_rows(len, cols, rows);
    rows
}
