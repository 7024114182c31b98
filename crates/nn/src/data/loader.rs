//! [`Batches`]: divides a data set into mini-batches, shuffled by a seed.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

use super::rows::{IntoRows, Labels, Rows};
use wengert_autodiff::Tensor;

/// Examples with their targets, divided into mini-batches.
///
/// Inputs and targets are data with one row per example along the first axis ([`Rows`]): tensors,
/// class labels, an [`Index`](wengert_autodiff::Index) of tokens, or tuples of these. Each
/// [`epoch`](Self::epoch) yields every example once; the last batch may be smaller. With
/// [`shuffled`](Self::shuffled) each epoch has a different order, determined by the seed. The
/// tensors of a batch are reused for later batches once nothing else refers to them.
///
/// ```
/// use wengert_autodiff::{Index, Tensor};
/// use wengert_nn::data::Batches;
/// let inputs = Tensor::<f32>::from_fn([10, 3], |i| i[0] as f32);
/// let mut batches = Batches::new(&inputs, &[0; 10], 4)?.shuffled(1);
/// let sizes: Vec<usize> = batches.epoch().map(|batch| batch.targets.len()).collect();
/// assert_eq!(sizes, [4, 4, 2]);
///
/// // Regression.
/// let targets = Tensor::<f32>::ones([10, 1]);
/// let batch = Batches::new(&inputs, &targets, 5)?.epoch().next().unwrap();
/// assert_eq!(batch.targets.shape().dims(), [5, 1]);
///
/// // Pairs of sequences, each with the next tokens as targets.
/// let tokens = Index::from_fn([10, 8], |i| i[1]);
/// let batch = Batches::new((&inputs, &tokens), &tokens, 5)?.epoch().next().unwrap();
/// let (left, right) = batch.inputs;
/// assert_eq!((left.shape().dims(), right.shape().dims()), (&[5, 3][..], &[5, 8][..]));
/// # Ok::<(), wengert_nn::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Batches<X: Rows = Tensor, Y: Rows = Labels> {
    all: Batch<X, Y>,
    size: usize,
    order: Vec<usize>,
    rng: Option<Pcg64>,
    spare: Vec<Batch<X, Y>>,
}

/// Some examples and their targets.
#[derive(Clone, Debug)]
pub struct Batch<X: Rows = Tensor, Y: Rows = Labels> {
    /// The examples, along the first axis.
    pub inputs: X,
    /// Their targets, along the first axis.
    pub targets: Y,
}

/// Errors of [`Batches::new`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchesError {
    /// The batch size is zero.
    #[error("the batch size is 0, but must be at least 1")]
    Size,
    /// The number of targets is not that of the inputs.
    #[error("{inputs} inputs (rows along the first axis) need as many targets, got {targets}")]
    Targets {
        /// The number of inputs.
        inputs: usize,
        /// The number of targets.
        targets: usize,
    },
    /// Inputs or targets without a first axis, or a tuple with different numbers of rows.
    #[error(
        "the {what} need one row for each example along their first axis, and the parts of a tuple the same number of rows"
    )]
    Rows {
        /// `inputs` or `targets`.
        what: &'static str,
    },
}

impl<X: Rows, Y: Rows> Batches<X, Y> {
    /// Batches of `size` examples, in order. The examples lie along the first axis of `inputs`,
    /// their targets along that of `targets`.
    ///
    /// # Errors
    /// If `size` is 0, or the number of targets is not that of the inputs.
    pub fn new(
        inputs: impl IntoRows<Rows = X>,
        targets: impl IntoRows<Rows = Y>,
        size: usize,
    ) -> Result<Self, BatchesError> {
        let all = Batch { inputs: inputs.into_rows(), targets: targets.into_rows() };
        if size == 0 {
            return Err(BatchesError::Size);
        }
        let inputs = all.inputs.count().ok_or(BatchesError::Rows { what: "inputs" })?;
        let targets = all.targets.count().ok_or(BatchesError::Rows { what: "targets" })?;
        if inputs != targets {
            return Err(BatchesError::Targets { inputs, targets });
        }
        Ok(Self { all, size, order: (0..inputs).collect(), rng: None, spare: Vec::new() })
    }

    /// Shuffles the examples before each epoch.
    pub fn shuffled(mut self, seed: u64) -> Self {
        self.rng = Some(Pcg64::seed_from_u64(seed));
        self
    }

    /// The number of examples.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are no examples.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The number of batches in an epoch.
    pub fn batches(&self) -> usize {
        self.len().div_ceil(self.size)
    }

    /// An iterator over the batches of one pass over the examples.
    pub fn epoch(&mut self) -> Epoch<'_, X, Y> {
        if let Some(rng) = &mut self.rng {
            self.order.shuffle(rng);
        }
        Epoch { batches: self, next: 0 }
    }

    /// A batch of `rows` examples to be overwritten: a spare one that nothing else refers to, or a
    /// new one.
    fn blank(&mut self, rows: usize) -> Batch<X, Y> {
        let free = |batch: &Batch<X, Y>| {
            batch.inputs.count() == Some(rows)
                && batch.inputs.is_unique()
                && batch.targets.is_unique()
        };
        if let Some(place) = self.spare.iter().position(free) {
            return self.spare.swap_remove(place);
        }
        Batch { inputs: self.all.inputs.blank(rows), targets: self.all.targets.blank(rows) }
    }
}

/// The batches of one pass over the examples.
#[derive(Debug)]
pub struct Epoch<'a, X: Rows = Tensor, Y: Rows = Labels> {
    batches: &'a mut Batches<X, Y>,
    next: usize,
}

/// The number of batches that are kept for reuse.
const SPARES: usize = 4;

impl<X: Rows, Y: Rows> Iterator for Epoch<'_, X, Y> {
    type Item = Batch<X, Y>;

    fn next(&mut self) -> Option<Batch<X, Y>> {
        let rows = self.batches.size.min(self.batches.len() - self.next);
        if rows == 0 {
            return None;
        }
        let mut batch = self.batches.blank(rows);
        let Batches { all, order, spare, .. } = &mut *self.batches;
        let picked = &order[self.next..self.next + rows];
        batch.inputs.copy_rows(&all.inputs, picked);
        batch.targets.copy_rows(&all.targets, picked);
        if spare.len() == SPARES {
            spare.remove(0);
        }
        spare.push(batch.clone());
        self.next += rows;
        Some(batch)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.batches.len() - self.next).div_ceil(self.batches.size);
        (left, Some(left))
    }
}

impl<X: Rows, Y: Rows> ExactSizeIterator for Epoch<'_, X, Y> {}

#[cfg(test)]
mod tests {
    use wengert_autodiff::Index;

    use super::*;

    fn batches(n: usize, size: usize) -> Batches {
        let inputs = Tensor::from_fn([n, 2], |i| (10 * i[0] + i[1]) as f32);
        Batches::new(&inputs, (0..n).collect::<Vec<_>>(), size).unwrap()
    }

    fn labels(epoch: Epoch<'_>) -> Vec<usize> {
        epoch.flat_map(|batch| batch.targets.to_vec()).collect()
    }

    #[test]
    fn every_example_occurs_once_with_its_label() {
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
            for (row, &label) in batch.inputs.to_vec().chunks(2).zip(batch.targets.iter()) {
                assert_eq!(row, [10.0 * label as f32, 10.0 * label as f32 + 1.0]);
            }
        }
    }

    #[test]
    fn a_batch_that_is_still_referenced_is_not_overwritten() {
        let mut batches = batches(6, 2);
        let held: Vec<Batch> = batches.epoch().collect();
        let again: Vec<Batch> = batches.epoch().collect();
        for (a, b) in held.iter().zip(&again) {
            assert_eq!(a.inputs, b.inputs);
            assert_eq!(a.targets, b.targets);
        }
    }

    #[test]
    fn unreferenced_batches_are_reused() {
        let mut batches = batches(5, 2);
        let places = |batches: &mut Batches| -> Vec<*const f32> {
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
    fn invalid_sizes_and_rows_are_refused() {
        let inputs = Tensor::<f32>::zeros([3, 2]);
        assert_eq!(Batches::new(&inputs, [0; 3], 0).unwrap_err(), BatchesError::Size);
        let error = Batches::new(&inputs, [0; 4], 1).unwrap_err().to_string();
        assert!(error.starts_with("3 inputs") && error.ends_with("got 4"), "{error}");
        let scalar = Tensor::<f32>::ones([]);
        for error in [
            Batches::new(&scalar, [0; 1], 1).unwrap_err(),
            Batches::new((&inputs, [0; 2]), [0; 3], 1).unwrap_err(),
        ] {
            assert_eq!(error, BatchesError::Rows { what: "inputs" });
        }
        let error = Batches::new(&inputs, &scalar, 1).unwrap_err();
        assert_eq!(error, BatchesError::Rows { what: "targets" });
        assert_eq!(batches(0, 4).epoch().count(), 0);
    }

    #[test]
    fn rows_of_all_parts_stay_together() {
        let values = Tensor::<f64>::from_fn([7, 2], |i| (10 * i[0] + i[1]) as f64);
        let tokens = Index::from_fn([7, 3], |i| 100 * i[0] + i[1]);
        let strided = Tensor::<f32>::from_fn([2, 7], |i| i[1] as f32).transpose(0, 1);
        let labels: Vec<usize> = (0..7).collect();
        let mut batches =
            Batches::new((&values, &tokens), (&strided, &labels), 3).unwrap().shuffled(2);
        let mut seen = Vec::new();
        for _ in 0..3 {
            for batch in batches.epoch() {
                let ((values, tokens), (strided, labels)) = (batch.inputs, batch.targets);
                for (row, &label) in labels.iter().enumerate() {
                    assert_eq!(values.get(&[row, 1]), Some(10.0 * label as f64 + 1.0));
                    assert_eq!(tokens.get(&[row, 2]), Some(100 * label + 2));
                    assert_eq!(strided.get(&[row, 0]), Some(label as f32));
                }
                seen.extend_from_slice(&labels);
            }
        }
        seen.sort_unstable();
        let thrice: Vec<usize> = (0..21).map(|i| i / 3).collect();
        assert_eq!(seen, thrice);
    }
}
