//! The search for a NaN or an infinity.

use wengert_kernels::Element;

use super::{Tensor, strided};
use crate::error::expect;

/// The first element that is not finite, and its value.
#[inline(never)]
pub(crate) fn first_non_finite<E: Element>(tensor: &Tensor<E>) -> Option<(usize, f64)> {
    // In row-major order the first copy of an element comes before the others.
    let once = strided::without_repetition(tensor);
    let mut copy = None;
    let elements = expect(once.in_order(&mut copy));
    let found = elements.iter().position(|x| !x.is_finite())?;
    // Its place among all elements.
    let (mut rest, mut element, mut step) = (found, 0, 1);
    for (&size, &all) in once.shape().iter().zip(tensor.shape().iter()).rev() {
        element += rest % size * step;
        rest /= size;
        step *= all;
    }
    Some((element, elements[found].to_f64()))
}
