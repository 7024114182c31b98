//! [`Batches`]: a data set dealt out in mini-batches, shuffled by a seed.

use std::sync::Arc;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;
use wengert_autodiff::{Element, IntoLabels, Shape, Tensor};

/// Examples with their labels, dealt out in mini-batches.
///
/// Each [`epoch`](Self::epoch) deals every example once; the last batch may be smaller. With a seed
/// each epoch has another order, always the same for the same seed. The tensors of a batch are used
/// again for later ones once nobody holds them.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::data::Batches;
/// let inputs = Tensor::<f32>::from_fn([10, 3], |i| i[0] as f32);
/// let mut batches = Batches::new(&inputs, &[0; 10], 4)?.shuffled(1);
/// let sizes: Vec<usize> = batches.epoch().map(|batch| batch.labels.len()).collect();
/// assert_eq!(sizes, [4, 4, 2]);
/// # Ok::<(), wengert_nn::data::BatchesError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Batches<E: Element = f32> {
    inputs: Tensor<E>,
    labels: Arc<[usize]>,
    size: usize,
    order: Vec<usize>,
    rng: Option<Pcg64>,
    spare: Vec<Batch<E>>,
}

/// Some examples and their labels.
#[derive(Clone, Debug)]
pub struct Batch<E: Element = f32> {
    /// The examples, along the first axis.
    pub inputs: Tensor<E>,
    /// Their labels.
    pub labels: Arc<[usize]>,
}

/// What [`Batches::new`] refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchesError {
    /// The batch size is zero.
    #[error("a batch of 0 examples was asked for; the least is 1")]
    Size,
    /// There is not one label for each example.
    #[error(
        "inputs of shape {inputs} need a label for each place of their first axis, got {labels}"
    )]
    Labels {
        /// The inputs' shape.
        inputs: Shape,
        /// The number of labels.
        labels: usize,
    },
}

impl<E: Element> Batches<E> {
    /// Batches of `size` examples, in order. The examples lie along the first axis of `inputs`.
    ///
    /// # Errors
    /// If `size` is 0 or there is not one label for each example.
    pub fn new(
        inputs: &Tensor<E>,
        labels: impl IntoLabels,
        size: usize,
    ) -> Result<Self, BatchesError> {
        let labels = labels.into_labels();
        if size == 0 {
            return Err(BatchesError::Size);
        }
        if inputs.shape().first() != Some(&labels.len()) {
            let inputs = inputs.shape().clone();
            return Err(BatchesError::Labels { inputs, labels: labels.len() });
        }
        Ok(Self {
            inputs: inputs.contiguous(),
            order: (0..labels.len()).collect(),
            labels,
            size,
            rng: None,
            spare: Vec::new(),
        })
    }

    /// The same, in another order each epoch.
    pub fn shuffled(mut self, seed: u64) -> Self {
        self.rng = Some(Pcg64::seed_from_u64(seed));
        self
    }

    /// The number of examples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no examples.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The number of batches in an epoch.
    pub fn batches(&self) -> usize {
        self.len().div_ceil(self.size)
    }

    /// Every example once.
    pub fn epoch(&mut self) -> Epoch<'_, E> {
        if let Some(rng) = &mut self.rng {
            self.order.shuffle(rng);
        }
        Epoch { batches: self, dealt: 0 }
    }

    /// A batch of `rows` examples to be filled: one that nobody holds any more, or a new one.
    fn blank(&mut self, rows: usize) -> Batch<E> {
        let free = |batch: &Batch<E>| {
            batch.labels.len() == rows
                && !batch.inputs.is_shared()
                && Arc::strong_count(&batch.labels) == 1
        };
        if let Some(place) = self.spare.iter().position(free) {
            return self.spare.swap_remove(place);
        }
        let shape = self.inputs.shape()[1..].iter().copied();
        let shape: Shape = std::iter::once(rows).chain(shape).collect();
        Batch { inputs: Tensor::zeros(shape), labels: vec![0; rows].into() }
    }
}

/// The batches of one pass over the examples.
#[derive(Debug)]
pub struct Epoch<'a, E: Element> {
    batches: &'a mut Batches<E>,
    dealt: usize,
}

/// So many batches are kept to be used again.
const SPARES: usize = 4;

impl<E: Element> Iterator for Epoch<'_, E> {
    type Item = Batch<E>;

    fn next(&mut self) -> Option<Batch<E>> {
        let rows = self.batches.size.min(self.batches.len() - self.dealt);
        if rows == 0 {
            return None;
        }
        let mut batch = self.batches.blank(rows);
        let Batches { inputs, labels, order, spare, .. } = &mut *self.batches;
        let width: usize = inputs.shape()[1..].iter().product();
        let source = inputs.as_slice().unwrap_or_default();
        let target = batch.inputs.as_mut_slice();
        let own_labels = Arc::get_mut(&mut batch.labels);
        let picked = &order[self.dealt..self.dealt + rows];
        if let Some(own_labels) = own_labels {
            for (to, &from) in own_labels.iter_mut().zip(picked) {
                *to = labels[from];
            }
        }
        if width > 0 {
            for (to, &from) in target.chunks_exact_mut(width).zip(picked) {
                to.copy_from_slice(&source[from * width..(from + 1) * width]);
            }
        }
        if spare.len() == SPARES {
            spare.remove(0);
        }
        spare.push(batch.clone());
        self.dealt += rows;
        Some(batch)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.batches.len() - self.dealt).div_ceil(self.batches.size);
        (left, Some(left))
    }
}

impl<E: Element> ExactSizeIterator for Epoch<'_, E> {}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(n: usize, size: usize) -> Batches<f32> {
        let inputs = Tensor::from_fn([n, 2], |i| (10 * i[0] + i[1]) as f32);
        Batches::new(&inputs, (0..n).collect::<Vec<_>>(), size).unwrap()
    }

    fn labels(epoch: Epoch<'_, f32>) -> Vec<usize> {
        epoch.flat_map(|batch| batch.labels.to_vec()).collect()
    }

    #[test]
    fn every_example_is_dealt_once_with_its_label() {
        let mut plain = batches(7, 3);
        assert_eq!(labels(plain.epoch()), [0, 1, 2, 3, 4, 5, 6]);
        let mut shuffled = batches(7, 3).shuffled(5);
        let first = labels(shuffled.epoch());
        let second = labels(shuffled.epoch());
        assert_ne!(first, second);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(first, labels(batches(7, 3).shuffled(5).epoch()));
        for batch in shuffled.epoch() {
            for (row, &label) in batch.inputs.to_vec().chunks(2).zip(batch.labels.iter()) {
                assert_eq!(row, [10.0 * label as f32, 10.0 * label as f32 + 1.0]);
            }
        }
    }

    #[test]
    fn a_batch_somebody_holds_is_not_written_over() {
        let mut batches = batches(6, 2);
        let held: Vec<Batch<f32>> = batches.epoch().collect();
        let again: Vec<Batch<f32>> = batches.epoch().collect();
        for (a, b) in held.iter().zip(&again) {
            assert_eq!(a.inputs, b.inputs);
            assert_eq!(a.labels, b.labels);
        }
    }

    #[test]
    fn batches_nobody_holds_are_used_again() {
        let mut batches = batches(5, 2);
        let places = |batches: &mut Batches<f32>| -> Vec<*const f32> {
            let mut places: Vec<_> =
                batches.epoch().map(|batch| batch.inputs.as_slice().unwrap().as_ptr()).collect();
            places.sort_unstable();
            places.dedup();
            places
        };
        let first = places(&mut batches);
        assert_eq!(first, places(&mut batches));
        assert_eq!(first.len(), 2);
    }

    #[test]
    fn what_cannot_be_dealt_is_refused() {
        let inputs = Tensor::<f32>::zeros([3, 2]);
        assert_eq!(Batches::new(&inputs, [0; 3], 0).unwrap_err(), BatchesError::Size);
        let error = Batches::new(&inputs, [0; 4], 1).unwrap_err().to_string();
        assert!(error.contains("[3, 2]") && error.contains('4'), "{error}");
        assert_eq!(batches(0, 4).epoch().count(), 0);
    }
}
