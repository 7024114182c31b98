//! [`LinearLayers`]: linear layers in succession.

use wengert_autodiff::{Activation, Kind};

use super::Rule;
use crate::diagnose::{Action, Cause, Facts, Finding, Level};
use crate::module::Role;

/// Warns of a dense hidden layer without an activation whose output goes directly into another
/// dense layer. One that narrows by the factor is a bottleneck, and only remarked on.
#[derive(Clone, Copy, Debug)]
pub struct LinearLayers {
    /// The factor from which a layer counts as a bottleneck; 4 by default.
    pub bottleneck: f64,
}

impl Default for LinearLayers {
    fn default() -> Self {
        Self { bottleneck: 4.0 }
    }
}

impl Rule for LinearLayers {
    fn name(&self) -> &'static str {
        "linear_layers"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let Some(network) = &facts.network else { return };
        let layers = network.layers.iter().filter(|layer| layer.role != Role::Dropout);
        let layers: Vec<_> = layers.collect();
        let dense = |path: &Option<String>| {
            path.as_ref().is_some_and(|path| {
                let weight = network.weights.iter().find(|weight| weight.path == *path);
                weight.is_some_and(|w| matches!(w.kind, Kind::Weight { fan_in, .. } if fan_in * w.units == w.len))
            })
        };
        for pair in layers.windows(2) {
            let (first, second) = (pair[0], pair[1]);
            let linear = first.activation == Activation::Identity
                && (first.preactivation_rms - first.output_rms).abs() <= 1e-6 * first.output_rms;
            if !(linear && second.follows && dense(&first.weight) && dense(&second.weight)) {
                continue;
            }
            let narrows = first.inputs as f64 >= self.bottleneck * first.units as f64
                && second.units > first.units;
            let level = if narrows { Level::Info } else { Level::Warning };
            findings.push(
                Finding::new(self.name(), Cause::MissingNonlinearity, level)
                    .at(first.path.clone())
                    .measured("units:", first.units as f64, "")
                    .why(format!(
                        "without an activation the layers {} and {} together compute one linear \
                         function",
                        first.path, second.path
                    ))
                    .remedy(
                        Action::HiddenActivation(Activation::Relu),
                        "give the hidden layer an activation: `.activation(Activation::Relu)`",
                    ),
            );
        }
    }
}
