//! Euclidean norms that neither overflow nor underflow.

use crate::Element;

use super::Reduction;

/// `sqrt(sum x_i^2)`, however large or small the elements are.
///
/// The squares are summed as they are if their sum is well within the range, and else scaled by a
/// power of two first (J. L. Blue, "A portable Fortran program to find the Euclidean norm of a
/// vector", 1978). The relative error is below `(14 + log2(n) / 2) eps`, half of
/// [`sum`](super::sum)'s and two roundings. NaN if there is one; else infinite if an element is, or
/// if the norm itself is beyond the range.
///
/// ```
/// assert_eq!(wengert_kernels::reduce::norm(&[3e30_f32, 4e30]), 5e30);
/// ```
pub fn norm<E: Element>(x: &[E]) -> E {
    let squares = E::reduce_kernel(Reduction::SumSquares, x).to_f64();
    // Each square lost at most half the smallest subnormal, negligible in a sum of normal numbers.
    let smallest = E::MIN_EXPONENT.to_f64();
    let enough = x.len() as f64 * smallest.exp2();
    if squares.is_nan() || (squares.is_finite() && squares >= enough) {
        return E::from_f64(squares.sqrt());
    }
    let largest = E::reduce_kernel(Reduction::MaxAbs, x).to_f64();
    if largest == 0.0 || largest.is_infinite() {
        return E::from_f64(largest);
    }
    let factor = (-largest.log2().floor()).clamp(smallest, -smallest).exp2();
    let squares = E::scaled_squares_kernel(E::from_f64(factor), x).to_f64();
    E::from_f64(squares.sqrt() / factor)
}
