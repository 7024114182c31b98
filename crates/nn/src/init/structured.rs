//! Initial weights with a structure: the identity, its convolution, matrices with zeros.

use rand::Rng;
use rand_distr::{Distribution as _, StandardNormal};
use wengert_autodiff::{Element, Result, Shape, Tensor};

/// A matrix with ones on the diagonal and zeros elsewhere.
pub(super) fn eye<E: Element>(shape: Shape) -> Result<Tensor<E>> {
    Tensor::try_from_fn(shape, |i| if i[0] == i[1] { E::ONE } else { E::ZERO })
}

/// Zeros, except for `at(out, in)` at the centre of the receptive field. The centre of an even
/// number of positions is the one after the middle.
pub(super) fn centred<E: Element>(
    shape: Shape,
    at: impl Fn(usize, usize) -> f64,
) -> Result<Tensor<E>> {
    let centre: Vec<usize> = shape.dims()[2..].iter().map(|size| size / 2).collect();
    Tensor::try_from_fn(
        shape,
        |i| if i[2..] == centre { E::from_f64(at(i[0], i[1])) } else { E::ZERO },
    )
}

/// Output `i` of each group copies input `i`. The number of outputs is a multiple of `groups`.
pub(super) fn dirac<E: Element>(shape: Shape, groups: usize) -> Result<Tensor<E>> {
    let in_group = (shape[0] / groups).max(1);
    centred(shape, |out, input| f64::from(u8::from(out % in_group == input)))
}

/// N(0, std^2) with `ceil(sparsity rows)` zeros in each column.
pub(super) fn sparse<E: Element>(
    rows: usize,
    columns: usize,
    sparsity: f64,
    std: f64,
    rng: &mut impl Rng,
) -> Result<Tensor<E>> {
    let mut weight = Tensor::try_from_fn([rows, columns], |_| {
        let draw: f64 = StandardNormal.sample(rng);
        E::from_f64(std * draw)
    })?;
    if weight.is_empty() {
        return Ok(weight);
    }
    let zeros = ((sparsity * rows as f64).ceil() as usize).min(rows);
    let elements = weight.as_mut_slice();
    for column in 0..columns {
        for row in rand::seq::index::sample(rng, rows, zeros) {
            elements[row * columns + column] = E::ZERO;
        }
    }
    Ok(weight)
}
