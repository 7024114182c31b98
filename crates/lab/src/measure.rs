//! Measurements of a network that do not change it: accuracy and loss, the values of its layers,
//! the state of its hidden units, and the gradients of its layers.

use std::collections::HashSet;

use wengert::nn::diagnosis::UnitTally;
use wengert::nn::{Observation, Observer};
use wengert::prelude::*;

use crate::task::Examples;

/// Accuracy and loss on some examples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// The fraction of examples whose largest logit is at the label.
    pub accuracy: f64,
    /// The mean softmax cross-entropy.
    pub loss: f64,
}

/// The state of the units of a hidden layer, over some examples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Units {
    /// The number of units.
    pub count: usize,
    /// The fraction of outputs at an end of the activation's range; `None` for an activation whose
    /// range does not have two ends.
    pub saturated: Option<f64>,
    /// The fraction of units whose derivative is zero for every example; `None` for an activation
    /// whose derivative is zero nowhere.
    pub dead: Option<f64>,
    /// The fraction of outputs that are NaN or infinite; these are neither saturated nor dead.
    pub not_finite: f64,
    /// The number of units with different bits of weights and bias.
    pub distinct: usize,
}

/// The fraction of the saturated outputs of all layers together.
pub fn saturated_fraction(layers: &[Units]) -> Option<f64> {
    weighted(layers, |layer| layer.saturated)
}

/// The fraction of the dead units of all layers together.
pub fn dead_fraction(layers: &[Units]) -> Option<f64> {
    weighted(layers, |layer| layer.dead)
}

/// The fraction of the outputs of all layers together that are NaN or infinite.
pub fn not_finite_fraction(layers: &[Units]) -> f64 {
    weighted(layers, |layer| Some(layer.not_finite)).unwrap_or(0.0)
}

/// The mean of a fraction over layers, weighted by their numbers of units.
fn weighted(layers: &[Units], fraction: impl Fn(&Units) -> Option<f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0);
    for layer in layers {
        sum += fraction(layer)? * layer.count as f64;
        count += layer.count;
    }
    (count > 0).then(|| sum / count as f64)
}

/// The Euclidean norms of the gradients of a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerGradient {
    /// The norm of the weight's gradient.
    pub weight: f64,
    /// The norm of the bias's gradient.
    pub bias: f64,
}

impl LayerGradient {
    /// The norm of the gradient of weight and bias together.
    pub fn norm(self) -> f64 {
        self.weight.hypot(self.bias)
    }
}

/// The parameters of a fully connected layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LayerParameters<'a> {
    /// `[outputs, inputs]`.
    pub weight: &'a Parameter<f32>,
    /// `[outputs]`.
    pub bias: &'a Parameter<f32>,
}

/// The parameters of each layer.
pub(crate) fn layer_parameters(model: &Sequential<f32>) -> Vec<LayerParameters<'_>> {
    fn of(layer: &(dyn Layer + Send + Sync)) -> LayerParameters<'_> {
        let mut parameters = layer.parameters().into_iter().map(|(_, parameter)| parameter);
        match (parameters.next(), parameters.next()) {
            (Some(weight), Some(bias)) => LayerParameters { weight, bias },
            _ => unreachable!("every layer of the lab's networks has a weight and a bias"),
        }
    }
    model.layers().map(of).collect()
}

/// The values of a layer for some examples.
#[derive(Clone, Debug)]
pub struct LayerValues {
    /// The values before the activation, `[examples, units]`.
    pub preactivation: Tensor<f32>,
    /// The outputs, `[examples, units]`.
    pub output: Tensor<f32>,
}

/// The values of every layer, including the last.
///
/// # Errors
/// If the network does not accept the shape of the inputs.
pub fn layer_values(model: &dyn Layer, inputs: &Tensor<f32>) -> wengert::Result<Vec<LayerValues>> {
    let tape = Tape::new();
    let mut values = Vec::new();
    tape.no_grad(|| {
        let mut see = |_: &str, layer: Observation<'_, f32>| {
            let (preactivation, output) = (layer.preactivation.value(), layer.output.value());
            values.push(LayerValues { preactivation, output });
        };
        model.observe(tape.constant(inputs), &mut Observer::new(&mut see)).map(|_| ())
    })?;
    Ok(values)
}

/// Accuracy and loss on examples.
pub fn judge(model: &Sequential<f32>, examples: &Examples, tape: &mut Tape<f32>) -> Judgement {
    let (mut hits, mut loss) = (0.0, 0.0);
    for part in examples.parts() {
        let count = part.labels.len() as f64;
        tape.no_grad(|| {
            let logits = model.forward(tape.constant(&part.inputs));
            hits += (accuracy(&logits.value(), &part.labels) * count).round();
            loss += f64::from(logits.cross_entropy(part.labels.clone()).item()) * count;
        });
        tape.clear();
    }
    let count = examples.len() as f64;
    Judgement { accuracy: hits / count, loss: loss / count }
}

/// The state of the units of each hidden layer, over all examples.
pub fn hidden_units(
    model: &Sequential<f32>,
    examples: &Examples,
    tape: &mut Tape<f32>,
) -> Vec<Units> {
    let parameters = layer_parameters(model);
    let hidden = parameters.len().saturating_sub(1);
    let activations: Vec<Activation> = model.layers().map(Module::activation).collect();
    let count = |(layer, &activation): (&LayerParameters<'_>, _)| {
        UnitTally::new(activation, layer.bias.value().len())
    };
    let mut tallies: Vec<UnitTally> =
        parameters[..hidden].iter().zip(&activations).map(count).collect();
    for part in examples.parts() {
        tape.no_grad(|| {
            let outputs = model
                .trace(tape.constant(&part.inputs))
                .unwrap_or_else(|error| unreachable!("the network accepts its examples: {error}"));
            for (tally, output) in tallies.iter_mut().zip(outputs) {
                tally.add(&output.value());
            }
        });
        tape.clear();
    }
    let of = |(tally, layer): (UnitTally, &LayerParameters<'_>)| {
        let health = tally.health();
        Units {
            count: layer.bias.value().len(),
            saturated: health.saturated,
            dead: health.dead,
            not_finite: health.not_finite,
            distinct: distinct_units(layer),
        }
    };
    tallies.into_iter().zip(&parameters).map(of).collect()
}

/// The number of units with different bits of weights and bias. Zeros of either sign are equal.
fn distinct_units(layer: &LayerParameters<'_>) -> usize {
    let inputs = layer.weight.value().shape()[1];
    let weights = layer.weight.value().to_vec();
    let bits = |value: f32| (value + 0.0).to_bits();
    let unit = |(row, bias): (&[f32], f32)| -> Vec<u32> {
        row.iter().copied().chain([bias]).map(bits).collect()
    };
    let units = weights.chunks_exact(inputs).zip(layer.bias.value().to_vec());
    units.map(unit).collect::<HashSet<_>>().len()
}

/// The gradient of the mean loss over all examples.
pub fn gradients(
    model: &Sequential<f32>,
    examples: &Examples,
    tape: &mut Tape<f32>,
) -> Vec<LayerGradient> {
    let layers = layer_parameters(model);
    let zeros = |parameter: &Parameter<f32>| vec![0.0; parameter.value().len()];
    let mut sums: Vec<[Vec<f64>; 2]> =
        layers.iter().map(|layer| [zeros(layer.weight), zeros(layer.bias)]).collect();
    for part in examples.parts() {
        let share = part.labels.len() as f64 / examples.len() as f64;
        let loss = model.forward(tape.constant(&part.inputs)).cross_entropy(part.labels.clone());
        let gradients = loss.backward();
        for (layer, [weight, bias]) in layers.iter().zip(&mut sums) {
            add_scaled(weight, share, gradients.parameter(layer.weight));
            add_scaled(bias, share, gradients.parameter(layer.bias));
        }
        drop(gradients);
        tape.clear();
    }
    sums.iter()
        .map(|[weight, bias]| LayerGradient { weight: norm(weight), bias: norm(bias) })
        .collect()
}

fn add_scaled(sum: &mut [f64], factor: f64, gradient: Option<&Tensor<f32>>) {
    for (sum, value) in sum.iter_mut().zip(gradient.map(Tensor::to_vec).unwrap_or_default()) {
        *sum += factor * f64::from(value);
    }
}

/// The Euclidean norm of sums of `f32` numbers, whose squares do not leave the range of `f64`.
fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

#[cfg(test)]
#[path = "measure/tests.rs"]
mod tests;
