//! Softmax, its logarithm, and cross entropy, over the rows of a matrix.
//!
//! The row's maximum is subtracted first, so that nothing overflows. A NaN in a row makes all of
//! that row NaN, and so does a `+inf`, as `inf - inf` is none; a row of `-inf` alone is NaN too.
//! Single `-inf`s have probability zero. Sums run in an order that depends on the row's length
//! alone.

mod rows;

use rows::{CrossEntropy, CrossEntropyGrad, LogSoftmax, LogSoftmaxGrad, Softmax, SoftmaxGrad};

use crate::Element;
use crate::elementwise::Run;
use crate::reduce::check_rows;
use crate::simd::{Level, run_on};
use crate::slices::{Shared, check_len};
use crate::threads;

/// Elements a thread takes at a time.
const GRAIN: usize = 1 << 14;

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

/// The compiled kernels of an element type. Sealed with [`Element`].
#[doc(hidden)]
pub trait SoftmaxKernels: Sized {
    fn row_map_kernel(op: RowMap, x: &[Self], cols: usize, out: &mut [Self]);
    fn row_grad_kernel(op: RowMap, gy: &[Self], y: &[Self], cols: usize, out: &mut [Self]);
    fn cross_entropy_kernel(
        logits: &[Self],
        cols: usize,
        labels: &[usize],
        losses: &mut [Self],
        log_sum_exp: &mut [Self],
    );
    fn cross_entropy_grad_kernel(
        logits: &[Self],
        cols: usize,
        labels: &[usize],
        log_sum_exp: &[Self],
        gy: Run<'_, Self>,
        out: &mut [Self],
    );
}

macro_rules! softmax_kernels {
    ($type:ty) => {
        impl SoftmaxKernels for $type {
            #[track_caller]
            fn row_map_kernel(op: RowMap, x: &[Self], cols: usize, out: &mut [Self]) {
                check_len("x", x.len(), out.len());
                let level = Level::current();
                let shared = Shared::new(out);
                threads::for_ranges(x.len() / cols.max(1), rows_at_a_time(cols), |rows| {
                    let range = rows.start * cols..rows.end * cols;
                    let x = &x[range.clone()];
                    // SAFETY: ranges of rows are disjoint, and `out` is as long as `x`.
                    let out = unsafe { shared.part(range) };
                    match op {
                        RowMap::Softmax => run_on(level, Softmax { x, cols, out }),
                        RowMap::LogSoftmax => run_on(level, LogSoftmax { x, cols, out }),
                    }
                });
            }

            #[track_caller]
            fn row_grad_kernel(op: RowMap, gy: &[Self], y: &[Self], cols: usize, out: &mut [Self]) {
                check_len("gy", gy.len(), out.len());
                check_len("y", y.len(), out.len());
                let level = Level::current();
                let shared = Shared::new(out);
                threads::for_ranges(y.len() / cols.max(1), rows_at_a_time(cols), |rows| {
                    let range = rows.start * cols..rows.end * cols;
                    let (gy, y) = (&gy[range.clone()], &y[range.clone()]);
                    // SAFETY: ranges of rows are disjoint, and `out` is as long as `y`.
                    let out = unsafe { shared.part(range) };
                    match op {
                        RowMap::Softmax => run_on(level, SoftmaxGrad { gy, y, cols, out }),
                        RowMap::LogSoftmax => run_on(level, LogSoftmaxGrad { gy, y, cols, out }),
                    }
                });
            }

            #[track_caller]
            fn cross_entropy_kernel(
                logits: &[Self],
                cols: usize,
                labels: &[usize],
                losses: &mut [Self],
                log_sum_exp: &mut [Self],
            ) {
                check_len("losses", losses.len(), labels.len());
                check_len("log_sum_exp", log_sum_exp.len(), labels.len());
                let level = Level::current();
                let (losses, log_sum_exp) = (Shared::new(losses), Shared::new(log_sum_exp));
                threads::for_ranges(labels.len(), rows_at_a_time(cols), |rows| {
                    let x = &logits[rows.start * cols..rows.end * cols];
                    let labels = &labels[rows.clone()];
                    // SAFETY: ranges of rows are disjoint, and there is one loss for each.
                    let losses = unsafe { losses.part(rows.clone()) };
                    // SAFETY: as above.
                    let log_sum_exp = unsafe { log_sum_exp.part(rows) };
                    run_on(level, CrossEntropy { x, cols, labels, losses, log_sum_exp });
                });
            }

            #[track_caller]
            fn cross_entropy_grad_kernel(
                logits: &[Self],
                cols: usize,
                labels: &[usize],
                log_sum_exp: &[Self],
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
                    let (labels, log_sum_exp) = (&labels[rows.clone()], &log_sum_exp[rows.clone()]);
                    let gy = match gy {
                        Run::Slice(gy) => Run::Slice(&gy[rows]),
                        splat @ Run::Splat(_) => splat,
                    };
                    run_on(level, CrossEntropyGrad { x, cols, labels, log_sum_exp, gy, out });
                });
            }
        }
    };
}
softmax_kernels!(f32);
softmax_kernels!(f64);

#[track_caller]
fn check_matrix(x: usize, cols: usize) {
    check_rows(x, cols, x.checked_div(cols).unwrap_or(0));
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
    check_matrix(x.len(), cols);
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
    check_matrix(x.len(), cols);
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
    check_matrix(y.len(), cols);
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
    check_matrix(y.len(), cols);
    E::row_grad_kernel(RowMap::LogSoftmax, gy, y, cols, out);
}

#[track_caller]
fn check_labels(labels: &[usize], cols: usize) {
    if let Some((row, label)) = labels.iter().enumerate().find(|(_, label)| **label >= cols) {
        panic!(
            "the label of row {row} is {label}, but it must be below the number of classes, {cols}"
        );
    }
}

/// The cross entropy of every row with its label, and the logarithm of its sum of exponentials,
/// which the gradient needs: one reading of the logits.
///
/// `log_sum_exp[i] = log sum_k e^logits[i, k]`, `losses[i] = log_sum_exp[i] - logits[i, labels[i]]`.
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
    log_sum_exp: &mut [E],
) {
    check_rows(logits.len(), cols, labels.len());
    check_labels(labels, cols);
    E::cross_entropy_kernel(logits, cols, labels, losses, log_sum_exp);
}

/// The gradient of [`cross_entropy_rows`] in its logits:
/// `out[i, j] = gy[i] (e^(logits[i, j] - log_sum_exp[i]) - [j = labels[i]])`.
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
    log_sum_exp: &[E],
    gy: Run<'_, E>,
    out: &mut [E],
) {
    check_rows(logits.len(), cols, labels.len());
    check_len("log_sum_exp", log_sum_exp.len(), labels.len());
    gy.check("gy", labels.len());
    check_labels(labels, cols);
    E::cross_entropy_grad_kernel(logits, cols, labels, log_sum_exp, gy, out);
}
