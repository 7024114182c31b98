//! [`measure()`]: what becomes of activations and gradients in a network, measured.

use wengert_autodiff::{CreateGraph, Element, Result, Tape, Tensor, Var, grad};

use crate::forward::Layer;
use crate::observe::{Observation, Observer};

/// What passes through a layer, over all its units and a batch of examples.
#[derive(Clone, Debug, PartialEq)]
pub struct Propagation {
    /// Where the layer is in the module tree.
    pub path: String,
    /// The mean square of the pre-activations.
    pub preactivation_square: f64,
    /// The mean square of the activations.
    pub activation_square: f64,
    /// The variance of the activations.
    pub activation_variance: f64,
    /// The mean square of the gradient with respect to the pre-activations; 0 where none arrives.
    pub gradient_square: f64,
}

/// Runs a batch through a module and a gradient back, and measures every layer the module shows.
///
/// `cotangent` is the gradient with respect to the outputs: that of a loss, or independent normal
/// numbers to have what [`predict`](super::predict) speaks of.
///
/// # Shapes
/// `batch` is what the module takes, `cotangent` what it returns.
///
/// # Errors
/// If either does not fit.
pub fn measure<E: Element>(
    model: &(impl Layer<E> + ?Sized),
    batch: &Tensor<E>,
    cotangent: &Tensor<E>,
) -> Result<Vec<Propagation>> {
    measure_with(|tape, observer| model.observe(tape.constant(batch), observer), cotangent)
}

/// [`measure()`] for a forward pass that is not that of a [`Layer`]: `forward` runs it, with the
/// layers shown to the observer ([`Observer::child`]), and returns the outputs.
///
/// # Errors
/// Those of `forward`, and if the cotangent does not fit the outputs.
pub fn measure_with<E: Element>(
    forward: impl for<'t> FnOnce(&'t Tape<E>, &mut Observer<'_, 't, E>) -> Result<Var<'t, E>>,
    cotangent: &Tensor<E>,
) -> Result<Vec<Propagation>> {
    let tape = Tape::new();
    let mut layers: Vec<(String, Observation<'_, E>)> = Vec::new();
    let output = forward(
        &tape,
        &mut Observer::new(&mut |path, layer| layers.push((path.to_owned(), layer))),
    )?;
    // A layer without parameters at the front has no gradient.
    let wanted: Vec<Var<'_, E>> =
        layers.iter().map(|(_, layer)| layer.preactivation).filter(|x| x.requires_grad()).collect();
    let mut found = if output.requires_grad() {
        grad(&[output], &[tape.constant(cotangent)], &wanted, CreateGraph::No)?.into_iter()
    } else {
        Vec::new().into_iter()
    };
    layers
        .into_iter()
        .map(|(path, layer)| {
            let gradient = if layer.preactivation.requires_grad() { found.next() } else { None };
            let gradient = gradient.flatten().map_or(0.0, |g| moments(&g).1);
            let (mean, square) = moments(&layer.output.try_value()?);
            Ok(Propagation {
                path,
                preactivation_square: moments(&layer.preactivation.try_value()?).1,
                activation_square: square,
                activation_variance: square - mean * mean,
                gradient_square: gradient,
            })
        })
        .collect()
}

/// Mean and mean square.
fn moments<E: Element>(values: &Tensor<E>) -> (f64, f64) {
    let values = values.to_vec();
    let count = values.len() as f64;
    let (mut sum, mut squares) = (0.0, 0.0);
    for value in values {
        let value = value.to_f64();
        sum += value;
        squares += value * value;
    }
    (sum / count, squares / count)
}
