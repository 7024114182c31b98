//! [`Sequential`]: layers one after another, and its builder.

use std::sync::Arc;

use rand::Rng;
use wengert_autodiff::{Activation, Element, Result, Var};

use super::{ActivationLayer, Linear};
use crate::init::{Init, InitError, Nonlinearity, TheoryError};
use crate::module::{Module, Visitor, VisitorMut};
use crate::observe::Observer;

/// Modules applied one after another. The parameters of the first are named `0.weight` and so on.
#[derive(Debug, Default)]
pub struct Sequential<E: Element = f32> {
    layers: Vec<Box<dyn Module<E> + Send + Sync>>,
}

impl Sequential {
    /// Describes a network layer by layer; see [`SequentialBuilder`].
    pub fn builder() -> SequentialBuilder {
        SequentialBuilder::default()
    }
}

impl<E: Element> Sequential<E> {
    /// No layers: the output is the input.
    pub fn empty() -> Self {
        Self { layers: Vec::new() }
    }

    /// Adds a module behind the others.
    pub fn push(&mut self, module: impl Module<E> + Send + Sync + 'static) -> &mut Self {
        self.layers.push(Box::new(module));
        self
    }

    /// The layers in order.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = &(dyn Module<E> + Send + Sync)> {
        self.layers.iter().map(|layer| &**layer)
    }

    /// The output of every layer in order; the last is the network's.
    ///
    /// # Errors
    /// If the inputs' shape does not fit.
    pub fn trace<'t>(&self, x: Var<'t, E>) -> Result<Vec<Var<'t, E>>> {
        let mut outputs: Vec<Var<'t, E>> = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let input = outputs.last().copied().unwrap_or(x);
            outputs.push(layer.try_forward(input)?);
        }
        Ok(outputs)
    }
}

impl<E: Element> Module<E> for Sequential<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        self.layers.iter().try_fold(x, |x, layer| layer.try_forward(x))
    }

    fn observe<'t>(&self, x: Var<'t, E>, observer: &mut Observer<'_, 't, E>) -> Result<Var<'t, E>> {
        let mut layers = self.layers.iter().enumerate();
        layers.try_fold(x, |x, (i, layer)| observer.child(decimal(i, &mut [0; 20]), layer, x))
    }

    fn visit<'a>(&'a self, visitor: &mut Visitor<'_, 'a, E>) {
        for (i, layer) in self.layers.iter().enumerate() {
            visitor.child(decimal(i, &mut [0; 20]), layer);
        }
    }

    fn visit_mut(&mut self, visitor: &mut VisitorMut<'_, E>) {
        for (i, layer) in self.layers.iter_mut().enumerate() {
            visitor.child(decimal(i, &mut [0; 20]), layer);
        }
    }

    fn activation(&self) -> Activation {
        self.layers.last().map_or(Activation::Identity, Module::activation)
    }

    fn nonlinearity(&self) -> Option<Arc<dyn Nonlinearity>> {
        self.layers.last().and_then(Module::nonlinearity)
    }
}

/// The digits of `n` in `buffer`: names without an allocation a step.
fn decimal(mut n: usize, buffer: &mut [u8; 20]) -> &str {
    let mut at = buffer.len();
    loop {
        at -= 1;
        buffer[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    std::str::from_utf8(&buffer[at..]).unwrap_or_default()
}

/// What [`SequentialBuilder::build`] refuses.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A layer that takes another number of features than come in.
    #[error(
        "layer {layer} takes {takes} features, but the layers before it give {given}; make the two equal"
    )]
    Features {
        /// The layer's number, from 0.
        layer: usize,
        /// How many it takes.
        takes: usize,
        /// How many come in.
        given: usize,
    },
    /// An initializer that cannot be applied.
    #[error("layer {layer}: {error}")]
    Init {
        /// The layer's number, from 0.
        layer: usize,
        /// Why not.
        error: InitError,
    },
    /// An activation for which no scheme can be chosen.
    #[error("layer {layer}: its activation {activation} gives no scale for the weights: {error}")]
    Activation {
        /// The layer's number, from 0.
        layer: usize,
        /// The activation.
        activation: Activation,
        /// Why not.
        error: TheoryError,
    },
}

#[derive(Clone, Debug, PartialEq)]
enum Layer {
    Linear { inputs: usize, outputs: usize, activation: Activation, init: Option<Init>, bias: bool },
    Activation(Activation),
}

/// A description of a network, layer by layer.
///
/// Unless told otherwise, a linear layer's weight is drawn by [`Init::for_activation`] of its
/// activation, and its bias is zero.
///
/// ```
/// use rand::SeedableRng;
/// use wengert_autodiff::Activation;
/// use wengert_nn::{Init, Module, Sequential};
/// let model = Sequential::builder()
///     .linear(64, 32, Activation::Relu)
///     .init(Init::xavier_normal())
///     .linear(32, 10, Activation::Identity)
///     .build::<f64>(&mut rand_pcg::Pcg64::seed_from_u64(1))?;
/// assert_eq!(model.parameter_count(), 64 * 32 + 32 + 32 * 10 + 10);
/// assert_eq!(model.parameters()[2].0, "1.weight");
/// # Ok::<(), wengert_nn::BuildError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SequentialBuilder {
    layers: Vec<Layer>,
}

impl SequentialBuilder {
    /// A fully connected layer with its activation.
    pub fn linear(mut self, inputs: usize, outputs: usize, activation: Activation) -> Self {
        self.layers.push(Layer::Linear { inputs, outputs, activation, init: None, bias: true });
        self
    }

    /// An activation as a layer of its own.
    pub fn activation(mut self, activation: Activation) -> Self {
        self.layers.push(Layer::Activation(activation));
        self
    }

    /// How the weight of the last layer named begins.
    ///
    /// # Panics
    /// If that layer has no weight.
    #[track_caller]
    pub fn init(mut self, scheme: Init) -> Self {
        match self.layers.last_mut() {
            Some(Layer::Linear { init, .. }) => *init = Some(scheme),
            Some(last) => {
                panic!("init names the weight of the layer before it, and {last:?} has none")
            }
            None => panic!("init names the weight of the layer before it, and there is none yet"),
        }
        self
    }

    /// The last layer named without a bias.
    ///
    /// # Panics
    /// If that layer never has one.
    #[track_caller]
    pub fn without_bias(mut self) -> Self {
        match self.layers.last_mut() {
            Some(Layer::Linear { bias, .. }) => *bias = false,
            Some(last) => {
                panic!("without_bias speaks of the layer before it, and {last:?} has no bias")
            }
            None => panic!("without_bias speaks of the layer before it, and there is none yet"),
        }
        self
    }

    /// The network, its parameters drawn in order from `rng`.
    ///
    /// # Errors
    /// [`BuildError::Features`] if a layer takes another number of features than the one before it
    /// gives, [`BuildError::Init`] if an initializer cannot be applied, [`BuildError::Activation`]
    /// if none is named and the activation has no gain.
    pub fn build<E: Element>(&self, rng: &mut impl Rng) -> Result<Sequential<E>, BuildError> {
        let mut model = Sequential::empty();
        let mut features = None;
        for (layer, description) in self.layers.iter().enumerate() {
            match *description {
                Layer::Activation(activation) => {
                    model.push(ActivationLayer(activation));
                }
                Layer::Linear { inputs, outputs, activation, ref init, bias } => {
                    if let Some(given) = features.replace(outputs)
                        && given != inputs
                    {
                        return Err(BuildError::Features { layer, takes: inputs, given });
                    }
                    let init = match init {
                        Some(init) => init.clone(),
                        None => Init::try_for_activation(activation)
                            .map_err(|error| BuildError::Activation { layer, activation, error })?,
                    };
                    let linear = Linear::new(inputs, outputs, activation, &init, rng)
                        .map_err(|error| BuildError::Init { layer, error })?;
                    model.push(if bias { linear } else { linear.without_bias() });
                }
            }
        }
        Ok(model)
    }
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn decimals_are_what_display_prints() {
        for n in [0, 7, 10, 12_345, usize::MAX] {
            assert_eq!(decimal(n, &mut [0; 20]), n.to_string());
        }
    }
}
