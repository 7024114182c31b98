//! Naive reference computations in `f64`.

use crate::Element;

/// The elements as `f64`.
pub fn widen<E: Element>(x: &[E]) -> Vec<f64> {
    x.iter().map(|v| v.to_f64()).collect()
}

/// The sum, with Neumaier's compensation, and the sum of the magnitudes.
pub fn sum(x: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let (mut total, mut lost, mut magnitude) = (0.0_f64, 0.0, 0.0);
    for v in x {
        let next = total + v;
        lost += if total.abs() >= v.abs() { (total - next) + v } else { (v - next) + total };
        total = next;
        magnitude += v.abs();
    }
    (total + lost, magnitude)
}

/// The maximum; NaN if there is one, negative infinity for none.
pub fn max(x: impl IntoIterator<Item = f64>) -> f64 {
    x.into_iter().fold(f64::NEG_INFINITY, |a, b| if a > b || a.is_nan() { a } else { b })
}

/// The logarithm of the sum of the exponentials of a row.
pub fn log_sum_exp(row: &[f64]) -> f64 {
    let top = max(row.iter().copied());
    top + sum(row.iter().map(|v| (v - top).exp())).0.ln()
}

/// The softmax of a row.
pub fn softmax(row: &[f64]) -> Vec<f64> {
    let top = max(row.iter().copied());
    let total = sum(row.iter().map(|v| (v - top).exp())).0;
    row.iter().map(|v| (v - top).exp() / total).collect()
}

/// A strided view's elements in row-major order, index by index.
pub fn gather<E: Element>(src: &[E], offset: usize, shape: &[usize], strides: &[isize]) -> Vec<E> {
    let count: usize = shape.iter().product();
    (0..count)
        .map(|mut i| {
            let mut at = offset as isize;
            for (&size, &stride) in shape.iter().zip(strides).rev() {
                at += (i % size) as isize * stride;
                i /= size;
            }
            src[at as usize]
        })
        .collect()
}
