//! [`Network`]: the layers of a model, measured in a forward and a backward pass.

use std::collections::HashMap;

use wengert_autodiff::{Activation, Connection, Element, Kind, Result, Tape, Tensor, ops};

use crate::diagnose::data::{Targets, spread};
use crate::diagnose::loss::Loss;
use crate::diagnosis::UnitTally;
use crate::forward::Layer;
use crate::module::{Met, Role, Visitor};
use crate::observe::{Observation, Observer};

/// The layers of a model, measured with some examples.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Network {
    /// The number of examples.
    pub rows: usize,
    /// The layers in the order in which they are computed.
    pub layers: Vec<LayerFacts>,
    /// The parameters in the order of the model.
    pub weights: Vec<WeightFacts>,
    /// The number of outputs for each example.
    pub width: usize,
    /// The range of the outputs.
    pub range: Range,
    /// The root of the outputs' mean square.
    pub output_rms: f64,
    /// The share of the outputs that are NaN or infinite.
    pub output_not_finite: f64,
    /// The loss.
    pub loss: f64,
    /// The loss of the best constant outputs; `None` if it is not known.
    pub constant_loss: Option<f64>,
}

/// The range of the outputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// From the lower to the upper bound, which may be infinite, for each output.
    Of([f64; 2]),
    /// Probabilities that sum to 1 for each example: a softmax.
    Distribution,
}

/// A layer, measured.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LayerFacts {
    /// Its path.
    pub path: String,
    /// Its activation.
    pub activation: Activation,
    /// How it combines its parts.
    pub role: Role,
    /// The path of its weight; `None` without one.
    pub weight: Option<String>,
    /// The number of units of its input.
    pub inputs: usize,
    /// The number of its units.
    pub units: usize,
    /// The root of the mean square of the pre-activations.
    pub preactivation_rms: f64,
    /// The root of the mean square of the outputs.
    pub output_rms: f64,
    /// The mean over examples of the sum over units of the outputs' absolute values.
    pub output_sum: f64,
    /// The share of pre-activations beyond 5 in magnitude.
    pub beyond_five: f64,
    /// The share of outputs that are NaN or infinite.
    pub not_finite: f64,
    /// The share of units that are dead: see [`dead_share`](crate::diagnosis::dead_share).
    pub dead: Option<f64>,
    /// The mean cosine between the outputs of different examples; `None` where it cannot be
    /// computed.
    pub similarity: Option<f64>,
    /// Whether its input is the output of the layer before it in the list.
    pub follows: bool,
}

/// A parameter, measured.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WeightFacts {
    /// Its path.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// The number of its elements.
    pub len: usize,
    /// The standard deviation of its elements.
    pub std: f64,
    /// The number of elements that are NaN or infinite.
    pub not_finite: usize,
    /// Whether all units have the same weights.
    pub units_equal: bool,
    /// The number of units.
    pub units: usize,
    /// Whether it is frozen.
    pub frozen: bool,
    /// The gradient.
    pub gradient: Gradient,
}

/// The gradient of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gradient {
    /// The loss does not depend on the parameter.
    NotConnected,
    /// The parameter is frozen, so that there is no gradient.
    Frozen,
    /// The mean of the absolute values.
    Size(f64),
}

/// Measures a model that is in the mode of the measurement.
pub(crate) fn observed<E: Element>(
    model: &(impl Layer<E> + ?Sized),
    loss: &Loss<E>,
    (inputs, targets): (&Tensor<E>, &Targets<E>),
) -> Result<Network> {
    let mut modules = vec![Met::new(String::new(), model)];
    model.visit(&mut Visitor::recording(&mut |_, _| (), &mut modules));
    let met: HashMap<&str, &Met> = modules.iter().map(|met| (met.path.as_str(), met)).collect();
    let tape = Tape::new();
    let mut seen: Vec<(String, Observation<'_, E>)> = Vec::new();
    let output = model.observe(
        tape.constant(inputs),
        &mut Observer::new(&mut |path, layer| seen.push((path.to_owned(), layer))),
    )?;
    let value = loss.compute(output, targets)?;
    let loss_value = value.try_value()?.try_item()?.to_f64();
    let gradients = if value.requires_grad() { Some(value.try_backward()?) } else { None };
    let parameters = model.parameters();
    let weights: Vec<WeightFacts> = parameters
        .iter()
        .map(|(path, parameter)| {
            let gradient = match &gradients {
                _ if parameter.is_frozen() => Gradient::Frozen,
                Some(gradients) => match gradients.parameter_connection(parameter, &tape) {
                    Connection::Unused | Connection::Detached => Gradient::NotConnected,
                    _ => Gradient::Size(gradients.parameter(parameter).map_or(0.0, mean_size)),
                },
                None => Gradient::NotConnected,
            };
            weight_facts(path, parameter.kind(), parameter.value(), gradient)
        })
        .collect();
    let mut layers: Vec<LayerFacts> = Vec::with_capacity(seen.len());
    let mut last: Option<Tensor<E>> = None;
    for (path, layer) in &seen {
        let met = met.get(path.as_str());
        let (input, output) = (layer.input.try_value()?, layer.output.try_value()?);
        let follows = last.as_ref().is_some_and(|last| *last == input);
        let below = |name: &str| {
            path.is_empty()
                || name.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('.'))
        };
        let weight = weights.iter().find(|w| w.kind.is_weight() && below(&w.path));
        let spatial = weight.map_or(output.rank() == 4, |weight| {
            parameters.iter().any(|(path, p)| *path == weight.path && p.value().rank() > 2)
        });
        let (rows, units) = by_units(&output, spatial)?;
        let activation = met.map_or(Activation::Identity, |met| met.activation());
        let preactivation = layer.preactivation.try_value()?.to_vec();
        let of = |count: usize| count as f64 / preactivation.len().max(1) as f64;
        let mut tally = UnitTally::new(activation, units);
        tally.add(&rows);
        let health = tally.health();
        let flat = rows.to_vec();
        layers.push(LayerFacts {
            path: path.clone(),
            activation,
            role: met.map_or(Role::Plain, |met| met.role),
            weight: weight.map(|w| w.path.clone()),
            inputs: input
                .shape()
                .get(if spatial { 1 } else { input.rank().max(1) - 1 })
                .copied()
                .unwrap_or(1),
            units,
            preactivation_rms: rms(&preactivation),
            output_rms: rms(&flat),
            output_sum: mean_size(&rows) * units as f64,
            beyond_five: of(preactivation.iter().filter(|z| z.to_f64().abs() > 5.0).count()),
            not_finite: health.not_finite,
            dead: health.dead,
            similarity: similarity(&output),
            follows,
        });
        last = Some(output);
    }
    let values = output.try_value()?;
    let rows = values.shape().first().copied().unwrap_or(0);
    let width = values.len().checked_div(rows).unwrap_or(0);
    let flat: Vec<f64> = values.to_vec().into_iter().map(E::to_f64).collect();
    let distribution = width > 1
        && flat.chunks_exact(width).all(|row| {
            row.iter().all(|p| *p >= 0.0) && (row.iter().sum::<f64>() - 1.0).abs() < 1e-3
        });
    let alone = width == 1 && rows > 1 && flat.iter().all(|p| *p == 1.0);
    let activation = layers.last().map_or(Activation::Identity, |layer| layer.activation);
    let range = if distribution || (alone && activation == Activation::Identity) {
        Range::Distribution
    } else {
        Range::Of(range_of(activation))
    };
    let count = flat.len().max(1) as f64;
    Ok(Network {
        rows,
        layers,
        weights,
        width,
        range,
        output_rms: rms(&values.to_vec()),
        output_not_finite: flat.iter().filter(|y| !y.is_finite()).count() as f64 / count,
        loss: loss_value,
        constant_loss: loss.of_constant(targets, width),
    })
}

/// The bounds of an activation, measured far from zero.
fn range_of(activation: Activation) -> [f64; 2] {
    let at: Vec<f64> = (-400..=400).map(|i| f64::from(i) / 10.0).collect();
    let tape = Tape::<f64>::new();
    let values = Tensor::from_slice(&at, [at.len()])
        .and_then(|x| ops::activate(tape.constant(&x), activation)?.try_value());
    let Ok(values) = values else { return [f64::NEG_INFINITY, f64::INFINITY] };
    let values = values.to_vec();
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let grows = |end: usize, before: usize| (values[end] - values[before]).abs() > 1.0;
    let ends = [(0, 100), (800, 700)];
    let down = ends.iter().any(|&(end, before)| grows(end, before) && values[end] < values[before]);
    let up = ends.iter().any(|&(end, before)| grows(end, before) && values[end] > values[before]);
    [if down { f64::NEG_INFINITY } else { low }, if up { f64::INFINITY } else { high }]
}

/// The outputs with one row for each example and position, and one column for each unit.
fn by_units<E: Element>(output: &Tensor<E>, spatial: bool) -> Result<(Tensor<E>, usize)> {
    let rank = output.rank();
    let units = output.shape().get(if spatial { 1 } else { rank.max(1) - 1 }).copied().unwrap_or(1);
    let last = if spatial && rank > 2 {
        let mut axes: Vec<isize> = (0..rank as isize).filter(|axis| *axis != 1).collect();
        axes.push(1);
        output.try_permute(&axes)?.try_contiguous()?
    } else {
        output.try_contiguous()?
    };
    let rows = last.len().checked_div(units).unwrap_or(0);
    Ok((last.try_reshape([rows, units])?, units))
}

fn rms<E: Element>(values: &[E]) -> f64 {
    let square: f64 = values.iter().map(|x| x.to_f64() * x.to_f64()).sum();
    (square / values.len().max(1) as f64).sqrt()
}

fn mean_size<E: Element>(values: &Tensor<E>) -> f64 {
    let sum: f64 = values.to_vec().into_iter().map(|x| x.to_f64().abs()).sum();
    sum / values.len().max(1) as f64
}

/// The mean cosine between the rows, of at most 64 of them at equal distances.
fn similarity<E: Element>(output: &Tensor<E>) -> Option<f64> {
    let rows = spread(output.shape().first().copied()?, 64);
    let width = output.len().checked_div(output.shape()[0])?;
    if rows.len() < 2 || width < 2 {
        return None;
    }
    let values = output.to_vec();
    let mut mean = vec![0.0; width];
    let mut counted = 0_usize;
    for row in rows.into_iter().map(|row| &values[row * width..(row + 1) * width]) {
        let norm: f64 = row.iter().map(|x| x.to_f64() * x.to_f64()).sum::<f64>().sqrt();
        if norm > 0.0 && norm.is_finite() {
            counted += 1;
            for (sum, x) in mean.iter_mut().zip(row) {
                *sum += x.to_f64() / norm;
            }
        }
    }
    if counted < 2 {
        return None;
    }
    // The square of the sum of unit vectors has a 1 for each of them and all pairs twice.
    let (square, count): (f64, f64) = (mean.iter().map(|x| x * x).sum(), counted as f64);
    Some((square - count) / (count * (count - 1.0)))
}

fn weight_facts<E: Element>(
    path: &str,
    kind: Kind,
    value: &Tensor<E>,
    gradient: Gradient,
) -> WeightFacts {
    let values: Vec<f64> = value.to_vec().into_iter().map(E::to_f64).collect();
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / count;
    let inputs_first = matches!(kind, Kind::Weight { layout, .. } if layout.inputs_first);
    let units = value.shape().get(usize::from(inputs_first)).copied().unwrap_or(1);
    let units_equal = kind.is_weight()
        && units > 1
        && if inputs_first {
            values.chunks_exact(units).all(|row| row.iter().all(|w| *w == row[0]))
        } else {
            let size = values.len() / units;
            values.chunks_exact(size.max(1)).all(|row| row == &values[..size])
        };
    WeightFacts {
        path: path.to_owned(),
        kind,
        len: values.len(),
        std: variance.sqrt(),
        not_finite: values.iter().filter(|w| !w.is_finite()).count(),
        units_equal,
        units,
        frozen: gradient == Gradient::Frozen,
        gradient,
    }
}
