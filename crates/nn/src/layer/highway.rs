//! [`Highway`]: a layer that learns which fraction of its input to pass through.

use rand::Rng;
use wengert_autodiff::{Activation, Element, Result, Tensor, Var, instances, ops};

use super::{LayerConfig, LayerError, Linear, SampleShape, SequentialBuilder};
use crate::forward::Layer;
use crate::module::Module;

/// `y = t h(x) + (1 - t) x`, with `h` a linear layer and its activation, and the transform gate
/// `t = logistic(gate(x))`.
///
/// The bias of the gate begins at -1 ([`gate_bias`](HighwayConfig::gate_bias)), so that a new
/// network passes most of its input through.
///
/// Source: R. Srivastava, K. Greff, J. Schmidhuber, "Highway networks", arXiv:1505.00387, 2015.
///
/// ```
/// use wengert_autodiff::{Activation, Tensor};
/// use wengert_nn::{Highway, Layer};
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let layer = Highway::config(4).activation(Activation::Tanh).gate_bias(-100.0).build(&mut rng)?;
/// let x = Tensor::<f32>::ones([2, 4]);
/// assert_eq!(layer.predict(&x), x);
/// # Ok::<(), wengert_nn::LayerError>(())
/// ```
///
/// # Shapes
/// `[.., features]`; the output has the input's shape.
#[derive(Clone, Debug, Module)]
pub struct Highway<E: Element = f32> {
    transform: Linear<E>,
    gate: Linear<E>,
}

impl Highway {
    /// The config of a layer over `features` features, with relu.
    pub fn config(features: usize) -> HighwayConfig {
        HighwayConfig { features, activation: Activation::Relu, gate_bias: -1.0 }
    }
}

impl<E: Element> Layer<E> for Highway<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let (gate, y) = (self.gate.try_forward(x)?, self.transform.try_forward(x)?);
        // x + t (h - x)
        ops::add(x, ops::mul(gate, ops::sub(y, x)?)?)
    }
}

/// Describes a [`Highway`] layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HighwayConfig {
    features: usize,
    activation: Activation,
    gate_bias: f64,
}

impl HighwayConfig {
    /// Sets the activation of the transform; relu by default.
    pub fn activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    /// Sets the initial bias of the gate; -1 by default.
    pub fn gate_bias(self, gate_bias: f64) -> Self {
        Self { gate_bias, ..self }
    }

    /// Builds the layer, with weights drawn from `rng`.
    ///
    /// # Errors
    /// If the activation has no gain, or there is no memory.
    pub fn build<E: Element>(&self, rng: &mut impl Rng) -> Result<Highway<E>, LayerError> {
        let linear =
            |activation| Linear::config(self.features, self.features).activation(activation);
        let transform = linear(self.activation).build(rng)?;
        let mut gate = linear(Activation::Logistic).build(rng)?;
        if let Some(bias) = gate.bias_mut() {
            *bias.value_mut() = Tensor::try_full([self.features], E::from_f64(self.gate_bias))?;
        }
        Ok(Highway { transform, gate })
    }
}

impl<E: Element> LayerConfig<E> for HighwayConfig {
    type Layer = Highway<E>;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        input.features(self.features, self.features)
    }

    fn build(&self, mut rng: &mut dyn Rng) -> Result<Highway<E>, LayerError> {
        self.build(&mut rng)
    }
}

instances!(highway<E>: SequentialBuilder::<E>::with::<HighwayConfig>);
