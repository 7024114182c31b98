//! What a network is asked: how well it does on examples, what its hidden units are up to, which
//! gradient reaches which layer. Nothing here changes the network.

use std::collections::HashSet;

use wengert::nn::diagnosis::UnitTally;
use wengert::prelude::*;

use crate::task::Examples;

/// How a network does on some examples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// The share of examples whose largest logit is at the label.
    pub accuracy: f64,
    /// The mean softmax cross-entropy.
    pub loss: f64,
}

/// What the units of a hidden layer are up to, over all training examples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Units {
    /// The number of units.
    pub count: usize,
    /// The share of outputs at an end of the activation's range; none for an activation whose range
    /// has fewer than two ends.
    pub saturated: Option<f64>,
    /// The share of units whose derivative is zero for every example; none for an activation whose
    /// derivative is zero nowhere.
    pub dead: Option<f64>,
    /// The share of outputs that are NaN or infinite; these are neither saturated nor dead.
    pub not_finite: f64,
    /// The number of units that differ from one another in a bit of a weight or of the bias.
    pub distinct: usize,
}

/// The Euclidean norm of a layer's gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerGradient {
    /// Of the weight.
    pub weight: f64,
    /// Of the bias.
    pub bias: f64,
}

impl LayerGradient {
    /// Of weight and bias together.
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

/// The parameters layer by layer.
pub(crate) fn layers(model: &Sequential<f32>) -> Vec<LayerParameters<'_>> {
    model.layers().map(layer_parameters).collect()
}

fn layer_parameters(layer: &(dyn Layer + Send + Sync)) -> LayerParameters<'_> {
    let mut parameters = layer.parameters().into_iter().map(|(_, parameter)| parameter);
    match (parameters.next(), parameters.next()) {
        (Some(weight), Some(bias)) => LayerParameters { weight, bias },
        _ => unreachable!("every layer of the lab's networks has a weight and a bias"),
    }
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

/// The hidden layers' units, over all examples.
pub fn hidden_units(
    model: &Sequential<f32>,
    examples: &Examples,
    tape: &mut Tape<f32>,
) -> Vec<Units> {
    let parameters = layers(model);
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
                .unwrap_or_else(|error| unreachable!("the network was made for these: {error}"));
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

/// The number of units of which no two have the same weights and bias to the bit. Zeros of either
/// sign are the same.
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
    let layers = layers(model);
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

/// The Euclidean norm; squares of what an f32 holds stay within the range of f64.
fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

#[cfg(test)]
#[path = "measure/tests.rs"]
mod tests;
