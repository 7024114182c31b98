//! [`NarrowLayer`]: hidden layers of one or two units.

use wengert_autodiff::Activation;

use super::Rule;
use crate::diagnose::{Action, Cause, Facts, Finding, Level};

/// Warns of a hidden layer of one unit, and of a relu layer that may be dead on all examples by
/// chance.
#[derive(Clone, Copy, Debug)]
pub struct NarrowLayer {
    /// The largest number of relu units that are warned of; 2 by default.
    pub bound: usize,
}

impl Default for NarrowLayer {
    fn default() -> Self {
        Self { bound: 2 }
    }
}

impl Rule for NarrowLayer {
    fn name(&self) -> &'static str {
        "narrow_layer"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let Some(network) = &facts.network else { return };
        let weighted: Vec<_> = network.layers.iter().filter(|l| l.weight.is_some()).collect();
        let Some((_, hidden)) = weighted.split_last() else { return };
        let follow = |path: &str| {
            let at = network.layers.iter().position(|layer| layer.path == path);
            at.and_then(|at| network.layers.get(at + 1)).map(|layer| layer.activation)
        };
        for layer in hidden {
            let relu = layer.activation == Activation::Relu
                || (layer.activation == Activation::Identity
                    && follow(&layer.path) == Some(Activation::Relu));
            if layer.units != 1 && !(relu && layer.units <= self.bound) {
                continue;
            }
            let chance = 0.5_f64.powi(layer.units as i32);
            let why = if relu {
                format!(
                    "each relu unit starts dead on one side; all {} are with a chance of about \
                     {chance}, and a function of several inputs needs more of them",
                    layer.units
                )
            } else {
                "everything after this layer depends on a single number".to_owned()
            };
            findings.push(
                Finding::new(self.name(), Cause::TooSmallCapacity, Level::Warning)
                    .at(layer.path.clone())
                    .measured("units:", layer.units as f64, "")
                    .bound(self.bound as f64, "25 to 70 % of starts fail in reported cases")
                    .why(why)
                    .remedy(Action::Widen(16), "use at least 16 units"),
            );
        }
    }
}
