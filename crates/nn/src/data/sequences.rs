//! [`Sequences`] of different lengths, padded to one length for each batch, and [`Computed`]
//! examples.

use std::fmt;
use std::sync::Arc;

use wengert_autodiff::{Element, Error, Index, Mask, Result, Shape, Tensor};

use super::rows::{IntoRows, Rows};

/// Sequences of one length, that of the longest: see [`pad_sequences`] and [`pad_tokens`].
#[derive(Clone, Debug)]
pub struct Padded<T> {
    /// The sequences along the first axis, their places along the second.
    pub values: T,
    /// The number of places of each sequence before padding.
    pub lengths: Vec<usize>,
    /// `[sequences, places]`: true where a place belongs to its sequence, false for padding, as
    /// [`AttentionMask::key_padding`](crate::AttentionMask::key_padding) expects.
    pub mask: Mask,
}

/// Pads sequences of vectors or other elements to the length of the longest with a value.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::data::pad_sequences;
/// let sequences = [Tensor::<f32>::ones([2, 4]), Tensor::ones([3, 4])];
/// let padded = pad_sequences(&sequences, 0.0)?;
/// assert_eq!(padded.values.shape().dims(), [2, 3, 4]);
/// assert_eq!(padded.lengths, [2, 3]);
/// assert_eq!(padded.mask.to_vec(), [true, true, false, true, true, true]);
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
///
/// # Shapes
/// Each sequence is `[length, ..]`, and the sizes after the length are equal; the result is
/// `[sequences, longest, ..]`.
///
/// # Errors
/// If there is no sequence, one has no first axis, the other sizes differ, or there is no memory
/// for the result.
#[doc(alias = "pad_sequence")]
#[doc(alias = "collate")]
pub fn pad_sequences<E: Element>(sequences: &[Tensor<E>], value: E) -> Result<Padded<Tensor<E>>> {
    const OP: &str = "pad_sequences";
    let Some([_, rest @ ..]) = sequences.first().map(|first| first.shape().dims()) else {
        return Err(unfit(OP, sequences.first().map(Tensor::shape)));
    };
    for sequence in sequences {
        if sequence.rank() == 0 || sequence.shape()[1..] != *rest {
            let expected = "sequences [length, ..] that differ in length only".to_owned();
            let got = vec![sequences[0].shape().clone(), sequence.shape().clone()];
            return Err(Error::Shapes { op: OP, expected, got });
        }
    }
    let lengths: Vec<usize> = sequences.iter().map(|sequence| sequence.shape()[0]).collect();
    let longest = lengths.iter().copied().max().unwrap_or(0);
    let shape: Shape = [sequences.len(), longest].iter().chain(rest).copied().collect();
    let mut values = Tensor::try_full(shape, value)?;
    let width: usize = values.len() / sequences.len();
    if width > 0 {
        let rows = values.as_mut_slice().chunks_exact_mut(width);
        for (row, sequence) in rows.zip(sequences) {
            let sequence = sequence.try_contiguous()?;
            row[..sequence.len()].copy_from_slice(sequence.as_slice().unwrap_or_default());
        }
    }
    let mask = mask(&lengths, longest)?;
    Ok(Padded { values, lengths, mask })
}

/// Pads sequences of tokens to the length of the longest with a token.
///
/// ```
/// use wengert_nn::data::pad_tokens;
/// let padded = pad_tokens(&[vec![7, 8], vec![9]], 0)?;
/// assert_eq!(padded.values.to_vec(), [7, 8, 9, 0]);
/// assert_eq!(padded.lengths, [2, 1]);
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
///
/// # Errors
/// If there is no sequence, or there is no memory for the result.
pub fn pad_tokens(sequences: &[impl AsRef<[usize]>], token: usize) -> Result<Padded<Index>> {
    const OP: &str = "pad_tokens";
    if sequences.is_empty() {
        return Err(unfit(OP, None));
    }
    let lengths: Vec<usize> = sequences.iter().map(|tokens| tokens.as_ref().len()).collect();
    let longest = lengths.iter().copied().max().unwrap_or(0);
    let (count, shape) =
        (lengths.len().checked_mul(longest), Shape::from([lengths.len(), longest]));
    let mut values = Vec::new();
    if count.and_then(|count| values.try_reserve_exact(count).ok()).is_none() {
        let bytes = count.unwrap_or(usize::MAX).saturating_mul(size_of::<usize>());
        return Err(Error::OutOfMemory { op: OP, shape, bytes, limit: None });
    }
    for tokens in sequences {
        let tokens = tokens.as_ref();
        values.extend_from_slice(tokens);
        values.extend(std::iter::repeat_n(token, longest - tokens.len()));
    }
    let mask = mask(&lengths, longest)?;
    Ok(Padded { values: Index::from_vec(values, shape)?, lengths, mask })
}

fn unfit(op: &'static str, first: Option<&Shape>) -> Error {
    match first {
        Some(shape) => {
            let expected = "sequences of shape [length, ..]".to_owned();
            Error::Shapes { op, expected, got: vec![shape.clone()] }
        }
        None => Error::Argument { op, message: "there must be at least 1 sequence, got 0".into() },
    }
}

fn mask(lengths: &[usize], longest: usize) -> Result<Mask> {
    Mask::try_from_fn([lengths.len(), longest], |i| i[1] < lengths[i[0]])
}

/// Sequences of different lengths as examples of [`Batches`](super::Batches): a batch holds some of
/// them, and its [`pad`](Self::pad) returns them with one length.
///
/// ```
/// use wengert_nn::data::{Batches, Sequences};
/// let sentences = Sequences::new(vec![vec![5, 6, 7], vec![8], vec![9, 4]]);
/// let mut batches = Batches::new(sentences, [0, 1, 0], 2)?;
/// let batch = batches.epoch().next().unwrap();
/// let padded = batch.inputs.pad(0)?;
/// assert_eq!(padded.values.to_vec(), [5, 6, 7, 8, 0, 0]);
/// # Ok::<(), wengert_nn::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sequences<T> {
    all: Arc<[T]>,
    /// The sequences of a batch among all.
    places: Arc<[usize]>,
}

impl<T> Sequences<T> {
    /// Creates examples of these sequences: tensors, or vectors of tokens.
    pub fn new(sequences: impl Into<Arc<[T]>>) -> Self {
        let all = sequences.into();
        let places = (0..all.len()).collect();
        Self { all, places }
    }

    /// The sequences in the order of the batch.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.places.iter().filter_map(|&place| self.all.get(place))
    }
}

impl<E: Element> Sequences<Tensor<E>> {
    /// Pads the sequences to the length of the longest of the batch.
    ///
    /// # Errors
    /// Those of [`pad_sequences`].
    pub fn pad(&self, value: E) -> Result<Padded<Tensor<E>>> {
        pad_sequences(&self.iter().cloned().collect::<Vec<_>>(), value)
    }
}

impl Sequences<Vec<usize>> {
    /// Pads the sequences to the length of the longest of the batch.
    ///
    /// # Errors
    /// Those of [`pad_tokens`].
    pub fn pad(&self, token: usize) -> Result<Padded<Index>> {
        pad_tokens(&self.iter().collect::<Vec<_>>(), token)
    }
}

impl<T> Rows for Sequences<T>
where
    Sequences<T>: Clone,
{
    fn count(&self) -> Option<usize> {
        Some(self.places.len())
    }

    // `copy_rows` replaces the places.
    fn is_unique(&self) -> bool {
        true
    }

    fn blank(&self, rows: usize) -> Self {
        Self { all: Arc::clone(&self.all), places: vec![0; rows].into() }
    }

    fn copy_rows(&mut self, from: &Self, places: &[usize]) {
        let places = places.iter().map(|&place| from.places[place]).collect();
        (self.all, self.places) = (Arc::clone(&from.all), places);
    }
}

impl<T> IntoRows for Sequences<T>
where
    Sequences<T>: Clone,
{
    type Rows = Self;

    fn into_rows(self) -> Self {
        self
    }
}

/// Examples that a closure computes from their index when a batch needs them: for examples that do
/// not fit in memory, are read from files, or are drawn.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::data::{Batches, Computed};
/// let waves = Computed::new(100, |i| Tensor::<f32>::from_fn([8], move |t| (i * t[0]) as f32));
/// let labels: Vec<usize> = (0..100).map(|i| i % 2).collect();
/// let mut batches = Batches::new(waves, labels, 10)?.shuffled(1);
/// for batch in batches.epoch() {
///     let waves: Vec<&Tensor> = batch.inputs.items().iter().collect();
///     let inputs = Tensor::stack(&waves, 0);
///     assert_eq!(inputs.shape().dims(), [10, 8]);
/// }
/// # Ok::<(), wengert_nn::Error>(())
/// ```
///
/// A closure that can fail returns a `Result`: the items of a batch then are results, and its
/// errors are found where the batch is used.
#[derive(Clone)]
#[doc(alias = "Dataset")]
pub struct Computed<T> {
    len: usize,
    compute: Arc<dyn Fn(usize) -> T + Send + Sync>,
    items: Vec<T>,
}

impl<T> Computed<T> {
    /// Creates `len` examples; `compute` returns the example of an index below `len`.
    pub fn new(len: usize, compute: impl Fn(usize) -> T + Send + Sync + 'static) -> Self {
        Self { len, compute: Arc::new(compute), items: Vec::new() }
    }

    /// The examples of a batch; none of the data set itself, whose examples are not kept.
    pub fn items(&self) -> &[T] {
        &self.items
    }
}

impl<T: Clone> Rows for Computed<T> {
    fn count(&self) -> Option<usize> {
        Some(self.len)
    }

    fn is_unique(&self) -> bool {
        true
    }

    fn blank(&self, rows: usize) -> Self {
        Self { len: rows, compute: Arc::clone(&self.compute), items: Vec::new() }
    }

    fn copy_rows(&mut self, from: &Self, places: &[usize]) {
        self.items = places.iter().map(|&place| (from.compute)(place)).collect();
    }
}

impl<T: Clone> IntoRows for Computed<T> {
    type Rows = Self;

    fn into_rows(self) -> Self {
        self
    }
}

impl<T> fmt::Debug for Computed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Computed examples, {} of {} in memory", self.items.len(), self.len)
    }
}
