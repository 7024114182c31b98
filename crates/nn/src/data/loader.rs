//! [`Batches`]: divides a data set into mini-batches, shuffled by a seed.

use rand::seq::SliceRandom;

use super::rows::{IntoRows, Labels, Rows};
use super::sampling::{Draws, Weights};
use crate::state::{State, StateError, Stateful};
use wengert_autodiff::Tensor;

/// Examples with their targets, divided into mini-batches.
///
/// Inputs and targets are data with one row per example along the first axis ([`Rows`]): tensors,
/// class labels, an [`Index`](wengert_autodiff::Index) of tokens, or tuples of these. Each
/// [`epoch`](Self::epoch) yields every example once; the last batch may be smaller. With
/// [`shuffled`](Self::shuffled) each epoch has a different order, determined by the seed. The
/// tensors of a batch are reused for later batches once nothing else refers to them.
///
/// [`next_batch`](Self::next_batch) returns the same batches one by one, so that the loader can be
/// saved between any two of them ([`Stateful`]). A loader that loads the state continues with the
/// next batch.
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
    /// The examples of an epoch, in the order of their batches.
    order: Vec<usize>,
    draws: Option<Draws>,
    /// The sampling weights of the examples; `None` if each example occurs once in an epoch.
    weights: Option<Weights>,
    drop_last: bool,
    /// The number of examples of the current epoch that were returned; `None` between epochs.
    dealt: Option<usize>,
    /// Whether the current epoch was loaded from a saved state.
    resumed: bool,
    spare: Vec<Batch<X, Y>>,
}

/// Some examples with their targets: a mini-batch.
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
    #[error("{inputs} inputs (rows along the first axis) need {inputs} targets, got {targets}")]
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
    /// Weights of examples from which no example can be drawn.
    #[error("the weights of the examples cannot be used: {message}")]
    Weights {
        /// What is wrong, and what would be right.
        message: String,
    },
}

impl<X: Rows, Y: Rows> Batches<X, Y> {
    /// Creates batches of `size` examples, in order. The examples lie along the first axis of
    /// `inputs`, and their targets along the first axis of `targets`.
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
        Ok(Self {
            all,
            size,
            order: (0..inputs).collect(),
            draws: None,
            weights: None,
            drop_last: false,
            dealt: None,
            resumed: false,
            spare: Vec::new(),
        })
    }

    /// Shuffles the examples before each epoch.
    pub fn shuffled(mut self, seed: u64) -> Self {
        (self.draws, self.weights) = (Some(Draws::new(seed)), None);
        self
    }

    /// Draws the examples of each epoch at random with replacement, with probabilities proportional
    /// to their weights. Some examples occur several times in an epoch, others not at all.
    ///
    /// ```
    /// use wengert_nn::data::Batches;
    /// # use wengert_autodiff::Tensor;
    /// // Two classes of unequal size, dealt equally often.
    /// let labels = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    /// let weights = labels.map(|label| [1.0 / 9.0, 1.0][label]);
    /// let inputs = Tensor::<f32>::zeros([10, 2]);
    /// let mut batches = Batches::new(inputs, labels, 5)?.weighted(&weights, 1)?;
    /// assert_eq!(batches.epoch().count(), 2);
    /// # Ok::<(), wengert_nn::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`BatchesError::Weights`], if there is not one weight for each example, one is negative or
    /// not finite, or all are zero.
    pub fn weighted(mut self, weights: &[f64], seed: u64) -> Result<Self, BatchesError> {
        let weights = Weights::new(weights, self.len())
            .map_err(|message| BatchesError::Weights { message })?;
        (self.draws, self.weights) = (Some(Draws::new(seed)), Some(weights));
        Ok(self)
    }

    /// Omits the last batch of an epoch if it is smaller than the others.
    pub fn drop_last(mut self) -> Self {
        self.drop_last = true;
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
        self.batches_of(self.len())
    }

    fn batches_of(&self, examples: usize) -> usize {
        if self.drop_last { examples / self.size } else { examples.div_ceil(self.size) }
    }

    /// Begins a new epoch, even if the previous one was not iterated to its end, and returns an
    /// iterator over its batches. After a saved state was loaded, the first call returns the rest
    /// of the saved epoch instead.
    pub fn epoch(&mut self) -> Epoch<'_, X, Y> {
        if !(self.resumed && self.dealt.is_some()) {
            self.begin();
        }
        self.resumed = false;
        Epoch { batches: self }
    }

    /// Returns the next batch of the current epoch, or `None` once at its end. The first call, and
    /// the call after a `None`, begin a new epoch.
    ///
    /// ```
    /// use wengert_nn::data::Batches;
    /// # use wengert_autodiff::Tensor;
    /// # let inputs = Tensor::<f32>::zeros([10, 2]);
    /// let mut batches = Batches::new(inputs, [0; 10], 4)?.shuffled(1);
    /// for epoch in 0..2 {
    ///     while let Some(batch) = batches.next_batch() {
    ///         // A checkpoint can be saved here.
    ///     }
    /// }
    /// # Ok::<(), wengert_nn::Error>(())
    /// ```
    pub fn next_batch(&mut self) -> Option<Batch<X, Y>> {
        if self.dealt.is_none() {
            self.begin();
        }
        self.resumed = false;
        let batch = self.deal();
        if batch.is_none() {
            self.dealt = None;
        }
        batch
    }

    /// Begins an epoch.
    fn begin(&mut self) {
        match (&mut self.draws, &self.weights) {
            (Some(draws), Some(weights)) => weights.draw(draws, &mut self.order),
            (Some(draws), None) => self.order.shuffle(draws),
            (None, _) => {}
        }
        self.dealt = Some(0);
    }

    /// The next batch of the current epoch.
    fn deal(&mut self) -> Option<Batch<X, Y>> {
        let dealt = self.dealt?;
        let rows = self.size.min(self.len() - dealt);
        if rows == 0 || self.drop_last && rows < self.size {
            return None;
        }
        let mut batch = self.blank(rows);
        let Self { all, order, spare, .. } = &mut *self;
        let picked = &order[dealt..dealt + rows];
        batch.inputs.copy_rows(&all.inputs, picked);
        batch.targets.copy_rows(&all.targets, picked);
        if spare.len() == SPARES {
            spare.remove(0);
        }
        spare.push(batch.clone());
        self.dealt = Some(dealt + rows);
        Some(batch)
    }

    /// A batch of `rows` examples to be overwritten: a spare batch to which nothing else refers, or
    /// a new one.
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

/// The state is the order of the current epoch, the position in it, and the state of the generator.
/// A loader over the same examples that loads the state returns the batches that this one would
/// have returned.
impl<X: Rows, Y: Rows> Stateful for Batches<X, Y> {
    fn state(&self) -> State {
        let mut state = State::new();
        let order: Vec<u64> = self.order.iter().map(|&place| place as u64).collect();
        state.insert_integers("order", order);
        let dealt = self.dealt.map_or([0, 0], |dealt| [1, dealt as u64]);
        state.insert_integers("dealt", dealt);
        if let Some(draws) = &self.draws {
            state.insert_integers("draws", draws.position());
        }
        state
    }

    fn load_state(&mut self, state: &State) -> Result<(), StateError> {
        let (len, wrong) = (self.len(), |name: &str, message: String| StateError::Content {
            name: name.to_owned(),
            message,
        });
        let order = state.integers("order", len)?;
        if let Some(place) = order.iter().find(|&&place| place >= len as u64) {
            return Err(wrong("order", format!("it has example {place} of {len}")));
        }
        let order: Vec<usize> = order.into_iter().map(|place| place as usize).collect();
        if self.weights.is_none() {
            let mut seen = vec![false; len];
            let again = order.iter().find(|&&place| std::mem::replace(&mut seen[place], true));
            if let Some(place) = again {
                let message =
                    format!("it has example {place} twice, but each of the {len} must occur once");
                return Err(wrong("order", message));
            }
        }
        let dealt = match state.integers("dealt", 2)?[..] {
            [0, _] => None,
            [_, dealt] if dealt <= len as u64 => Some(dealt as usize),
            ref other => return Err(wrong("dealt", format!("{other:?} of {len} examples"))),
        };
        let draws = match &self.draws {
            Some(_) => {
                let position = state.integers("draws", 3)?;
                if position[1] > 0 {
                    let message = "it counts 2^64 draws or more, but must count fewer".to_owned();
                    return Err(wrong("draws", message));
                }
                Some(Draws::at([position[0], position[1], position[2]]))
            }
            None => None,
        };
        let shuffled = draws.is_some();
        state.only(|name| name == "order" || name == "dealt" || name == "draws" && shuffled)?;
        (self.order, self.dealt, self.draws, self.resumed) = (order, dealt, draws, true);
        Ok(())
    }
}

/// The batches of one pass over the examples.
#[derive(Debug)]
pub struct Epoch<'a, X: Rows = Tensor, Y: Rows = Labels> {
    batches: &'a mut Batches<X, Y>,
}

/// The number of batches that are kept for reuse.
const SPARES: usize = 4;

impl<X: Rows, Y: Rows> Iterator for Epoch<'_, X, Y> {
    type Item = Batch<X, Y>;

    fn next(&mut self) -> Option<Batch<X, Y>> {
        let batch = self.batches.deal();
        if batch.is_none() {
            self.batches.dealt = None;
        }
        batch
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let batches = &*self.batches;
        let left = batches.dealt.map_or(0, |dealt| batches.batches_of(batches.len() - dealt));
        (left, Some(left))
    }
}

impl<X: Rows, Y: Rows> ExactSizeIterator for Epoch<'_, X, Y> {}

#[cfg(test)]
mod tests;
