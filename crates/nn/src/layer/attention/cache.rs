//! [`KeyValueCache`]: the keys and values of the elements that an attention layer has processed.

use wengert_autodiff::{Element, Error, Result, Tensor};

use super::OP;

/// The projected keys and values of the elements that a
/// [`MultiHeadAttention`](crate::MultiHeadAttention) has processed, so that a further element costs
/// one row of scores.
///
/// The memory of the cache grows by doubling. The cache is written in place if no tape refers to
/// it: clear or drop the tape of a step before the next step.
#[derive(Clone, Debug)]
pub struct KeyValueCache<E: Element = f32> {
    /// Keys and values, `[batch, heads, capacity, features]`.
    tensors: Option<[Tensor<E>; 2]>,
    len: usize,
}

impl<E: Element> Default for KeyValueCache<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: Element> KeyValueCache<E> {
    /// Creates an empty cache.
    pub fn new() -> Self {
        Self { tensors: None, len: 0 }
    }

    /// The number of elements in the cache.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the cache is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Removes all elements, for the next sequence.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Appends keys and values, both `[batch, heads, new, features]`, and returns all in the cache.
    pub(super) fn extend(&mut self, new: [&Tensor<E>; 2]) -> Result<[Tensor<E>; 2]> {
        let &[batch, heads, count, features] = new[0].shape().dims() else {
            unreachable!("projections have four axes")
        };
        let len = self.len + count;
        let mut tensors = match self.tensors.take() {
            Some(tensors) if tensors[0].shape()[0] != batch => {
                let expected = format!("the {} sequences of the cache", tensors[0].shape()[0]);
                self.tensors = Some(tensors);
                return Err(Error::Shapes { op: OP, expected, got: vec![[batch].into()] });
            }
            Some(tensors) if tensors[0].shape()[2] >= len => tensors,
            Some([keys, values]) => {
                let capacity = keys.shape()[2].saturating_mul(2).max(len);
                let larger = |old: &Tensor<E>| {
                    let mut new = Tensor::try_full([batch, heads, capacity, features], E::ZERO)?;
                    write(&mut new, 0, &old.try_slice(2, ..self.len as isize)?)?;
                    Ok::<_, Error>(new)
                };
                [larger(&keys)?, larger(&values)?]
            }
            None => {
                let empty = || Tensor::try_full([batch, heads, len, features], E::ZERO);
                [empty()?, empty()?]
            }
        };
        for (tensor, new) in tensors.iter_mut().zip(new) {
            write(tensor, self.len, new)?;
        }
        self.len = len;
        let seen = |tensor: &Tensor<E>| tensor.try_slice(2, ..len as isize);
        let all = [seen(&tensors[0])?, seen(&tensors[1])?];
        self.tensors = Some(tensors);
        Ok(all)
    }
}

/// Writes `[batch, heads, count, features]` at a position of the third axis.
fn write<E: Element>(into: &mut Tensor<E>, start: usize, from: &Tensor<E>) -> Result<()> {
    let (capacity, features) = (into.shape()[2], into.shape()[3]);
    let (row, block) = (from.shape()[2] * features, capacity * features);
    let values = from.try_to_vec()?;
    if row == 0 {
        return Ok(());
    }
    let blocks = into.as_mut_slice().chunks_exact_mut(block);
    for (block, values) in blocks.zip(values.chunks_exact(row)) {
        block[start * features..][..row].copy_from_slice(values);
    }
    Ok(())
}
