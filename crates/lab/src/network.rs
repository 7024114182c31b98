//! Fully connected networks for experiments.

use wengert::Kind;
use wengert::nn::{BuildError, VisitorMut};
use wengert::prelude::*;

/// A fully connected network: one activation in the hidden layers, logits at the end.
#[derive(Clone, Debug)]
pub struct Mlp {
    /// The sizes of the layers, from the inputs to the outputs.
    pub sizes: Vec<usize>,
    /// The activation of the hidden layers.
    pub activation: Activation,
    /// The initializer of the weights of the hidden layers.
    pub hidden: Init,
    /// The initializer of the weights of the last layer.
    pub last: Init,
    /// The initial value of the hidden biases; that of the last biases is zero.
    pub bias: f64,
}

impl Mlp {
    /// A network with the same initializer for all weights, and biases of zero.
    pub fn new(sizes: &[usize], activation: Activation, init: Init) -> Self {
        let (sizes, hidden, last) = (sizes.to_vec(), init.clone(), init);
        Self { sizes, activation, hidden, last, bias: 0.0 }
    }

    /// Sets the initializer of the last layer's weights.
    pub fn last(self, last: Init) -> Self {
        Self { last, ..self }
    }

    /// Sets the initial value of the hidden biases.
    pub fn bias(self, bias: f64) -> Self {
        Self { bias, ..self }
    }

    /// Builds the network, with weights drawn from a seed.
    ///
    /// # Errors
    /// If an initializer cannot be applied.
    pub fn build(&self, seed: u64) -> Result<Sequential<f32>, BuildError> {
        self.build_with(&mut Pcg64::seed_from_u64(seed))
    }

    /// Builds the network, with weights drawn from a generator.
    ///
    /// # Errors
    /// If an initializer cannot be applied.
    pub fn build_with(&self, rng: &mut Pcg64) -> Result<Sequential<f32>, BuildError> {
        let mut builder = Sequential::builder();
        for (layer, sizes) in self.sizes.windows(2).enumerate() {
            let config = Linear::config(sizes[0], sizes[1]);
            builder = builder.with(if layer + 2 == self.sizes.len() {
                config.init(self.last.clone())
            } else {
                config.activation(self.activation).init(self.hidden.clone())
            });
        }
        let mut model = builder.build(rng)?;
        if self.bias != 0.0 {
            let last = format!("{}.bias", self.sizes.len() - 2);
            model.visit_mut(&mut VisitorMut::new(&mut |path, parameter| {
                if parameter.kind() == Kind::Bias && path.to_string() != last {
                    parameter.value_mut().as_mut_slice().fill(self.bias as f32);
                }
            }));
        }
        Ok(model)
    }
}
