//! Softmax, its logarithm, and cross entropy, over the rows of a matrix.
//!
//! The row's maximum is subtracted first, so that nothing overflows. A NaN in a row makes all of
//! that row NaN. Infinite elements take the limit where there is one: an element of `-inf` has
//! probability zero, a single `+inf` has probability one. Rows with two `+inf` or with nothing but
//! `-inf` are NaN. Sums run in an order that depends on the row's length alone.

mod cross_entropy;
mod functions;
pub(crate) mod kernels;

use crate::Element;
use crate::elementwise::Run;
use crate::reduce::check_rows;
use crate::slices::check_len;
#[doc(hidden)]
pub use kernels::{RowMap, SoftmaxKernels};

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
