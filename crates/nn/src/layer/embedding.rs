//! [`Embedding`]: a table of learned vectors.

use rand::Rng;
use wengert_autodiff::{
    Activation, Element, Error, Index, Kind, Parameter, Result, Tape, Var, instances, ops,
};

use super::accessors::accessors;
use super::{LayerConfig, LayerError, SampleShape, SequentialBuilder};
use crate::forward::Layer;
use crate::init::Init;
use crate::module::Module;

/// A table of learned vectors, selected by index.
///
/// [`lookup`](Self::lookup) takes an [`Index`]. As a [`Layer`], for example the first of a
/// [`Sequential`](crate::Sequential), it takes indices as elements of a tensor, which in `f32` are
/// exact up to 2^24; they have no gradient.
///
/// # Shapes
/// Indices `[..]` are mapped to vectors `[.., features]`.
#[derive(Clone, Debug, Module)]
pub struct Embedding<E: Element = f32> {
    weight: Parameter<E>,
    padding: Option<usize>,
}

impl Embedding {
    /// The config of a table of `rows` vectors of `features` numbers, drawn from N(0, 1).
    pub fn config(rows: usize, features: usize) -> EmbeddingConfig {
        let init = Init::Normal { mean: 0.0, std: 1.0 };
        EmbeddingConfig { rows, features, init, padding: None }
    }
}

impl<E: Element> Embedding<E> {
    /// Creates a table of `rows` vectors of `features` numbers, drawn by `init`.
    ///
    /// # Errors
    /// If the initializer cannot be applied.
    pub fn new(
        rows: usize,
        features: usize,
        init: &Init,
        rng: &mut impl Rng,
    ) -> Result<Self, LayerError> {
        let table = init.sample([rows, features], rng);
        let table = table.map_err(|error| error.of_layer("embedding"))?;
        Ok(Self { weight: Parameter::table(table), padding: None })
    }

    /// Sets the row for padding elements of sequences: it is zero and has no gradient. Initializers
    /// keep it zero ([`Init::sample_for`]).
    ///
    /// # Errors
    /// If the table has no such row.
    pub fn padding(mut self, padding: usize) -> Result<Self, LayerError> {
        let [rows, features] = [0, 1].map(|axis| self.weight.value().shape()[axis]);
        if padding >= rows {
            let message = format!("the padding must be one of the rows 0..{rows}, got {padding}");
            return Err(Error::Argument { op: "embedding", message }.into());
        }
        let start = padding * features;
        self.weight.value_mut().as_mut_slice()[start..start + features].fill(E::ZERO);
        self.weight.set_kind(Kind::Table { padding: Some(padding) });
        self.padding = Some(padding);
        Ok(self)
    }

    accessors! { layer => layer.weight; "the table `[rows, features]`" }

    /// The row that is zero and is not learned, if there is one.
    pub(super) fn padding_row(&self) -> Option<usize> {
        self.padding
    }

    /// Computes the score of each row of the table for the features `x`, `x weight^T`: the last
    /// layer of a language model whose weight is tied to the table. The table is one leaf on the
    /// tape, and its gradient is the sum over both uses.
    ///
    /// # Shapes
    /// `x` is `[.., features]`, the result `[.., rows]`.
    ///
    /// ```
    /// use wengert_autodiff::{Index, Tape};
    /// use wengert_nn::Embedding;
    /// # use rand::SeedableRng;
    /// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
    /// let table = Embedding::config(10, 4).build::<f32>(&mut rng)?;
    /// let tape = Tape::new();
    /// let x = table.lookup(&tape, &Index::from([7, 2]))?;
    /// assert_eq!(table.scores(x)?.shape(), [2, 10]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If `x` has another number of features.
    ///
    /// Source: O. Press, L. Wolf, "Using the output embedding to improve language models", EACL
    /// 2017.
    pub fn scores<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        ops::linear(x, x.tape().parameter(&self.weight), None, Activation::Identity)
    }

    /// Returns the vectors of the rows in `index`.
    ///
    /// # Errors
    /// If the table has no such row.
    pub fn lookup<'t>(&self, tape: &'t Tape<E>, index: &Index) -> Result<Var<'t, E>> {
        ops::embedding(tape.parameter(&self.weight), index, self.padding)
    }
}

impl<E: Element> Layer<E> for Embedding<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let value = x.try_value()?;
        let number = |x: E| {
            let x = x.to_f64();
            if x >= 0.0 && x.fract() == 0.0 && x < usize::MAX as f64 {
                return Ok(x as usize);
            }
            let message =
                format!("the indices of rows must be whole numbers of 0 or more, got {x}");
            Err(Error::Argument { op: "embedding", message })
        };
        let numbers: Result<Vec<usize>> = value.try_to_vec()?.into_iter().map(number).collect();
        self.lookup(x.tape(), &Index::from_vec(numbers?, value.shape())?)
    }
}

/// Describes an [`Embedding`].
#[derive(Clone, Debug, PartialEq)]
pub struct EmbeddingConfig {
    rows: usize,
    features: usize,
    init: Init,
    padding: Option<usize>,
}

impl EmbeddingConfig {
    /// Sets the initializer of the table.
    pub fn init(self, init: Init) -> Self {
        Self { init, ..self }
    }

    /// Sets the row for padding elements; see [`Embedding::padding`].
    pub fn padding(self, row: usize) -> Self {
        Self { padding: Some(row), ..self }
    }

    /// Builds the layer, with a table drawn from `rng`.
    ///
    /// # Errors
    /// If the initializer cannot be applied, or the table has no such padding row.
    pub fn build<E: Element>(&self, rng: &mut impl Rng) -> Result<Embedding<E>, LayerError> {
        let table = Embedding::new(self.rows, self.features, &self.init, rng)?;
        match self.padding {
            Some(row) => table.padding(row),
            None => Ok(table),
        }
    }
}

impl<E: Element> LayerConfig<E> for EmbeddingConfig {
    type Layer = Embedding<E>;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        Ok(input.embedded(self.features))
    }

    fn build(&self, mut rng: &mut dyn Rng) -> Result<Embedding<E>, LayerError> {
        self.build(&mut rng)
    }
}

impl<E: Element> SequentialBuilder<E> {
    /// Adds a table of `rows` vectors of `features` numbers, drawn from N(0, 1).
    pub fn embedding(self, rows: usize, features: usize) -> Self {
        self.with(Embedding::config(rows, features))
    }
}

instances!(embedding<E>: SequentialBuilder::<E>::with::<EmbeddingConfig>);
