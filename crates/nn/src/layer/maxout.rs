//! [`Maxout`]: the largest of several linear functions.

use rand::Rng;
use wengert_autodiff::{Element, Error, Result, Var, instances, ops};

use super::{LayerConfig, LayerError, Linear, SampleShape, SequentialBuilder};
use crate::forward::Layer;
use crate::init::Init;
use crate::module::Module;

/// `y_o = max over k of (weight_ok x + bias_ok)`: a learned convex function, computed by one linear
/// layer and a maximum.
///
/// Source: I. Goodfellow et al., "Maxout networks", ICML 2013.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::{Layer, Maxout};
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let layer = Maxout::config(3, 4, 5).build(&mut rng)?;
/// assert_eq!(layer.predict(&Tensor::<f32>::ones([2, 3])).shape().dims(), [2, 4]);
/// # Ok::<(), wengert_nn::LayerError>(())
/// ```
///
/// # Shapes
/// `x` is `[.., in]`, `weight` `[out pieces, in]`, the pieces of an output one after another,
/// `bias` `[out pieces]`; the output is `[.., out]`.
#[derive(Clone, Debug, Module)]
pub struct Maxout<E: Element = f32> {
    #[module(flatten)]
    linear: Linear<E>,
    pieces: usize,
}

impl Maxout {
    /// The config of a layer of `inputs` features to `outputs`, each the largest of `pieces` linear
    /// functions.
    pub fn config(inputs: usize, outputs: usize, pieces: usize) -> MaxoutConfig {
        MaxoutConfig { inputs, outputs, pieces, init: Init::he_normal() }
    }
}

impl<E: Element> Maxout<E> {
    /// The linear layer of all pieces.
    pub fn linear(&self) -> &Linear<E> {
        &self.linear
    }
}

impl<E: Element> Layer<E> for Maxout<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let all = self.linear.try_forward(x)?;
        let mut shape = all.shape().to_vec();
        let last = shape.len() - 1;
        shape[last] /= self.pieces;
        shape.push(self.pieces);
        ops::max_axes(ops::reshape(all, shape)?, &[-1], false)
    }
}

/// Describes a [`Maxout`] layer.
#[derive(Clone, Debug, PartialEq)]
pub struct MaxoutConfig {
    inputs: usize,
    outputs: usize,
    pieces: usize,
    init: Init,
}

impl MaxoutConfig {
    /// Sets the initializer of the weight; [`Init::he_normal`] by default.
    pub fn init(self, init: Init) -> Self {
        Self { init, ..self }
    }

    /// Builds the layer, with a weight drawn from `rng`.
    ///
    /// # Errors
    /// If the number of pieces is zero, the initializer cannot be applied, or there is no memory.
    pub fn build<E: Element>(&self, rng: &mut impl Rng) -> Result<Maxout<E>, LayerError> {
        let rows = self.outputs.checked_mul(self.pieces).filter(|_| self.pieces > 0);
        let Some(rows) = rows else {
            let message = format!(
                "the number of pieces must be positive, and the pieces of all {} outputs must \
                 fit the address space; got {}",
                self.outputs, self.pieces
            );
            return Err(Error::Argument { op: "maxout", message }.into());
        };
        let linear = Linear::config(self.inputs, rows).init(self.init.clone()).build(rng)?;
        Ok(Maxout { linear, pieces: self.pieces })
    }
}

impl<E: Element> LayerConfig<E> for MaxoutConfig {
    type Layer = Maxout<E>;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        input.features(self.inputs, self.outputs)
    }

    fn build(&self, mut rng: &mut dyn Rng) -> Result<Maxout<E>, LayerError> {
        self.build(&mut rng)
    }
}

instances!(maxout<E>: SequentialBuilder::<E>::with::<MaxoutConfig>);
