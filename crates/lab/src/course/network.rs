//! Networks for the experiments, and what is looked at in them.

use std::error::Error;

use wengert::Kind;
use wengert::kernels::activation::{self, Saved};
use wengert::nn::diagnosis::UnitTally;
use wengert::nn::{Observer, VisitorMut};
use wengert::prelude::*;

/// What an experiment can fail with.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A fully connected network: one activation in the hidden layers, logits at the end.
#[derive(Clone, Debug)]
pub struct Mlp {
    /// The sizes of the layers, from the inputs to the outputs.
    pub sizes: Vec<usize>,
    /// Of the hidden layers.
    pub activation: Activation,
    /// Of all weights.
    pub init: Init,
    /// Where the hidden biases begin; the others begin at zero.
    pub bias: f64,
}

impl Mlp {
    /// With biases of zero.
    pub fn new(sizes: &[usize], activation: Activation, init: Init) -> Self {
        Self { sizes: sizes.to_vec(), activation, init, bias: 0.0 }
    }

    /// With other hidden biases.
    pub fn bias(self, bias: f64) -> Self {
        Self { bias, ..self }
    }

    /// The network, its weights drawn by a seed.
    ///
    /// # Errors
    /// If the initializer cannot be applied.
    pub fn build(&self, seed: u64) -> Result<Sequential<f32>, Failure> {
        let mut builder = Sequential::builder();
        for (layer, sizes) in self.sizes.windows(2).enumerate() {
            let last = layer + 2 == self.sizes.len();
            let activation = if last { Activation::Identity } else { self.activation };
            let layer = Linear::config(sizes[0], sizes[1]).activation(activation);
            builder = builder.with(layer.init(self.init.clone()));
        }
        let mut model = builder.build(&mut Pcg64::seed_from_u64(seed))?;
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

/// A layer at work on some examples.
#[derive(Clone, Debug)]
pub struct LayerValues {
    /// Before the activation, `[examples, units]`.
    pub preactivation: Tensor<f32>,
    /// After it.
    pub output: Tensor<f32>,
}

/// Every layer at work, the last included.
///
/// # Errors
/// If the inputs' shape does not fit.
pub fn layers(model: &Sequential<f32>, inputs: &Tensor<f32>) -> Result<Vec<LayerValues>, Failure> {
    let tape = Tape::new();
    let mut seen = Vec::new();
    tape.no_grad(|| {
        let mut see = |_: &str, layer: wengert::nn::Observation<'_, f32>| {
            seen.push(LayerValues {
                preactivation: layer.preactivation.value(),
                output: layer.output.value(),
            });
        };
        model.observe(tape.constant(inputs), &mut Observer::new(&mut see)).map(|_| ())
    })?;
    Ok(seen)
}

/// An activation's derivative at some pre-activations, as the backward pass computes it.
pub fn derivatives(act: Activation, preactivations: &[f32]) -> Vec<f32> {
    let mut outputs = vec![0.0; preactivations.len()];
    activation::forward(act, preactivations, &mut outputs);
    let saved = if act.saves() == Saved::Input { preactivations } else { &outputs };
    let mut derivatives = vec![0.0; preactivations.len()];
    activation::backward(act, &vec![1.0; preactivations.len()], saved, &mut derivatives);
    derivatives
}

/// An activation's values.
pub fn values(act: Activation, points: &[f32]) -> Vec<f32> {
    let mut outputs = vec![0.0; points.len()];
    activation::forward(act, points, &mut outputs);
    outputs
}

/// The share of dead units in all hidden layers; 0 for an activation whose units cannot die.
///
/// # Errors
/// If the inputs' shape does not fit.
pub fn dead_share(
    act: Activation,
    model: &Sequential<f32>,
    inputs: &Tensor<f32>,
) -> Result<f64, Failure> {
    let layers = layers(model, inputs)?;
    let mut dead = Vec::new();
    for layer in &layers[..layers.len() - 1] {
        let units = layer.output.shape()[1];
        let mut tally = UnitTally::new(act, units);
        tally.add(&layer.output);
        dead.extend(tally.dead_units().unwrap_or_else(|| vec![false; units]));
    }
    Ok(share(&dead))
}

/// The share of what is true.
pub fn share(flags: &[bool]) -> f64 {
    flags.iter().filter(|flag| **flag).count() as f64 / flags.len() as f64
}

/// Standard normal numbers.
///
/// # Errors
/// If there is no such shape.
pub fn normal(shape: impl Into<Shape>, seed: u64) -> Result<Tensor<f32>, Failure> {
    let mut rng = Pcg64::seed_from_u64(seed);
    Ok(Init::Normal { mean: 0.0, std: 1.0 }.sample(shape, &mut rng)?)
}

/// The Euclidean norm.
pub fn norm(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}

/// The mean square.
pub fn mean_square(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>() / values.len() as f64
}
