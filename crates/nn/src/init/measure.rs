//! [`measure()`]: measures activations and gradients in each layer of a network.

use wengert_autodiff::{CreateGraph, Element, Result, Tape, Tensor, Var, grad};

use crate::forward::Layer;
use crate::observe::{Observation, Observer};
use crate::unchanged::unchanged;

/// The moments of a layer's activations and gradients, over all its units and a batch of examples.
#[derive(Clone, Debug, PartialEq)]
pub struct Propagation {
    /// The path of the layer in the module tree.
    pub path: String,
    /// The mean square of the pre-activations.
    pub preactivation_square: f64,
    /// The mean square of the activations.
    pub activation_square: f64,
    /// The variance of the activations.
    pub activation_variance: f64,
    /// The mean square of the gradient with respect to the pre-activations; 0 if there is none.
    pub gradient_square: f64,
}

/// Runs a forward and a backward pass, and measures every layer that the module shows.
///
/// `cotangent` is the gradient with respect to the outputs: that of a loss, or independent normal
/// numbers, for which [`predict`](super::predict) is defined.
///
/// # Shapes
/// `batch` has the shape of the module's input, `cotangent` that of its output.
///
/// Running statistics and random streams of the module do not change.
///
/// # Errors
/// If a shape does not match.
pub fn measure<E: Element>(
    model: &(impl Layer<E> + ?Sized),
    batch: &Tensor<E>,
    cotangent: &Tensor<E>,
) -> Result<Vec<Propagation>> {
    unchanged(model, || {
        measure_with(|tape, observer| model.observe(tape.constant(batch), observer), cotangent)
    })
}

/// [`measure()`] for a module that is not a [`Layer`]: `forward` runs the forward pass, shows the
/// layers to the observer ([`Observer::child`]) and returns the outputs.
///
/// # Errors
/// Those of `forward`, and if the cotangent does not have the shape of the outputs.
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
    // Layers before the first parameter have no gradient.
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
