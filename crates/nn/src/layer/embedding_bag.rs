//! [`EmbeddingBag`]: the sum, mean or maximum of several learned vectors.

use rand::Rng;
use wengert_autodiff::{Element, Error, Index, Mask, Parameter, Result, Tape, Tensor, Var, ops};

use super::LayerError;
use super::embedding::Embedding;
use crate::init::Init;
use crate::module::Module;

/// How an [`EmbeddingBag`] combines the vectors of a bag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BagMode {
    /// The sum of the vectors.
    Sum,
    /// The mean of the vectors.
    #[default]
    Mean,
    /// The maximum of each element of the vectors.
    Max,
}

/// The sum, mean or maximum of the vectors of a table that the indices of a bag select.
///
/// Bags of equal size are an [`Index`] `[bags, size]`. Bags of different sizes are one list of
/// indices and the offset at which each bag begins ([`lookup_offsets`](Self::lookup_offsets)).
/// Indices equal to the padding row are ignored, also in the mean; the output of an empty bag is
/// zero.
///
/// ```
/// use wengert_autodiff::{Index, Tape};
/// use wengert_nn::{BagMode, EmbeddingBag};
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let bag = EmbeddingBag::config(10, 4).mode(BagMode::Sum).build::<f32>(&mut rng)?;
/// let tape = Tape::new();
/// // Three bags, of two, no and one index.
/// let y = bag.lookup_offsets(&tape, &[7, 2, 2], &[0, 2, 2])?;
/// assert_eq!(y.shape(), [3, 4]);
/// assert_eq!(y.value().select(0, 1).to_vec(), [0.0; 4]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Shapes
/// `weight` is `[rows, features]`; the output is `[bags, features]`.
#[derive(Clone, Debug, Module)]
pub struct EmbeddingBag<E: Element = f32> {
    #[module(flatten)]
    table: Embedding<E>,
    #[module(skip)]
    mode: BagMode,
}

impl EmbeddingBag {
    /// The config of a table of `rows` vectors of `features` numbers, drawn from N(0, 1), that
    /// computes the mean of each bag.
    pub fn config(rows: usize, features: usize) -> EmbeddingBagConfig {
        let init = Init::Normal { mean: 0.0, std: 1.0 };
        EmbeddingBagConfig { rows, features, mode: BagMode::Mean, init, padding: None }
    }
}

const OP: &str = "embedding_bag";

impl<E: Element> EmbeddingBag<E> {
    /// The table, `[rows, features]`.
    pub fn weight(&self) -> &Parameter<E> {
        self.table.weight()
    }

    /// Combines the bags of an index `[bags, size]`.
    ///
    /// # Errors
    /// If the index is of another rank, or a row does not exist.
    pub fn lookup<'t>(&self, tape: &'t Tape<E>, index: &Index) -> Result<Var<'t, E>> {
        let &[bags, size] = index.shape().dims() else {
            let expected = "an index [bags, size]".to_owned();
            return Err(Error::Shapes { op: OP, expected, got: vec![index.shape().clone()] });
        };
        let offsets: Vec<usize> = (0..bags).map(|bag| bag * size).collect();
        self.bags(tape, index.as_slice(), &offsets, None)
    }

    /// Combines the bags of an index `[bags, size]`, with each vector multiplied by its weight.
    /// Requires the mode [`BagMode::Sum`].
    ///
    /// # Errors
    /// If the mode is not [`BagMode::Sum`], the weights do not have the shape of the index, or a
    /// row does not exist.
    pub fn lookup_weighted<'t>(&self, index: &Index, weights: Var<'t, E>) -> Result<Var<'t, E>> {
        if self.mode != BagMode::Sum {
            let message = format!("weights require the mode Sum, but the mode is {:?}", self.mode);
            return Err(Error::Argument { op: OP, message });
        }
        let shape = weights.shape();
        let (&[bags, size], true) = (shape.dims(), shape == *index.shape()) else {
            let expected = format!(
                "weights of the shape of the index, [bags, size]; the index is {}",
                index.shape()
            );
            return Err(Error::Shapes { op: OP, expected, got: vec![shape] });
        };
        let offsets: Vec<usize> = (0..bags).map(|bag| bag * size).collect();
        let weights = ops::reshape(weights, [bags * size, 1])?;
        self.bags(weights.tape(), index.as_slice(), &offsets, Some(weights))
    }

    /// Combines the bags of one list of indices: each bag begins at its offset and ends where the
    /// next bag begins.
    ///
    /// # Errors
    /// If the offsets do not begin at 0, decrease or go beyond the list, or a row does not exist.
    pub fn lookup_offsets<'t>(
        &self,
        tape: &'t Tape<E>,
        rows: &[usize],
        offsets: &[usize],
    ) -> Result<Var<'t, E>> {
        let increase = offsets.windows(2).all(|pair| pair[0] <= pair[1]);
        let ends = offsets.last().is_none_or(|&last| last <= rows.len());
        let begins = offsets.first().map_or(rows.is_empty(), |&first| first == 0);
        if !(increase && ends && begins) {
            let message = format!(
                "offsets must begin at 0, not decrease, and not exceed the {} rows; got \
                 {offsets:?}",
                rows.len()
            );
            return Err(Error::Argument { op: OP, message });
        }
        self.bags(tape, rows, offsets, None)
    }

    fn bags<'t>(
        &self,
        tape: &'t Tape<E>,
        rows: &[usize],
        offsets: &[usize],
        weights: Option<Var<'t, E>>,
    ) -> Result<Var<'t, E>> {
        let padding = self.table.padding_row();
        let ends = offsets.iter().skip(1).copied().chain([rows.len()]);
        let bags: Vec<&[usize]> =
            offsets.iter().zip(ends).map(|(&start, end)| &rows[start..end]).collect();
        let vectors = self.table.lookup(tape, &Index::from_slice(rows, [rows.len()])?)?;
        let vectors = match weights {
            Some(weights) => ops::mul(vectors, weights)?,
            None => vectors,
        };
        // All bags are padded to the length of the longest; padded places are masked out.
        let longest = bags.iter().map(|bag| bag.len()).max().unwrap_or_default();
        let features = self.weight().value().shape()[1];
        if rows.is_empty() {
            return Ok(tape.constant(&Tensor::try_full([bags.len(), features], E::ZERO)?));
        }
        let (mut places, mut counts) = (Vec::new(), Vec::new());
        for (bag, &start) in bags.iter().zip(offsets) {
            for i in 0..longest {
                let row = bag.get(i);
                places.push(if row.is_some() { start + i } else { 0 });
                counts.push(row.is_some_and(|&row| Some(row) != padding));
            }
        }
        let places = Index::from_vec(places, [bags.len(), longest])?;
        let ignored = !&Mask::from_slice(&counts, [bags.len(), longest, 1])?;
        let vectors = ops::index_select(vectors, 0, &places)?;
        let number = |bag: &[usize]| bag.iter().filter(|&&row| Some(row) != padding).count();
        match self.mode {
            BagMode::Max => {
                let lowest = E::from_f64(f64::NEG_INFINITY);
                let largest =
                    ops::max_axes(ops::masked_fill(vectors, &ignored, lowest)?, &[1], false)?;
                let empty: Vec<bool> = bags.iter().map(|bag| number(bag) == 0).collect();
                ops::masked_fill(largest, &Mask::from_slice(&empty, [bags.len(), 1])?, E::ZERO)
            }
            mode => {
                let sum =
                    ops::sum_axes(ops::masked_fill(vectors, &ignored, E::ZERO)?, &[1], false)?;
                if mode == BagMode::Sum {
                    return Ok(sum);
                }
                let sizes = bags.iter().map(|bag| E::from_f64(number(bag).max(1) as f64));
                let sizes = Tensor::from_vec(sizes.collect(), [bags.len(), 1])?;
                ops::div(sum, tape.constant(&sizes))
            }
        }
    }
}

/// Describes an [`EmbeddingBag`].
#[derive(Clone, Debug, PartialEq)]
pub struct EmbeddingBagConfig {
    rows: usize,
    features: usize,
    mode: BagMode,
    init: Init,
    padding: Option<usize>,
}

impl EmbeddingBagConfig {
    /// Sets how the vectors are combined; the mean by default.
    pub fn mode(self, mode: BagMode) -> Self {
        Self { mode, ..self }
    }

    /// Sets the initializer of the table; N(0, 1) by default.
    pub fn init(self, init: Init) -> Self {
        Self { init, ..self }
    }

    /// Sets the padding row: its vector is and stays zero, and its index is ignored in bags.
    pub fn padding(self, row: usize) -> Self {
        Self { padding: Some(row), ..self }
    }

    /// Builds the layer, with a table drawn from `rng`.
    ///
    /// # Errors
    /// If the initializer cannot be applied, or the padding row does not exist.
    pub fn build<E: Element>(&self, rng: &mut impl Rng) -> Result<EmbeddingBag<E>, LayerError> {
        let config = Embedding::config(self.rows, self.features).init(self.init.clone());
        let config = match self.padding {
            Some(row) => config.padding(row),
            None => config,
        };
        Ok(EmbeddingBag { table: config.build(rng)?, mode: self.mode })
    }
}
