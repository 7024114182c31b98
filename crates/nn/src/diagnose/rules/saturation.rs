//! [`Saturation`]: a first layer of sigmoid or tanh units in the flat part of their function.

use super::Rule;
use crate::diagnose::{Action, Cause, Facts, Finding, Level};

/// Warns of a layer of an activation with two ends, most of whose pre-activations are beyond 5.
#[derive(Clone, Copy, Debug)]
pub struct Saturation {
    /// The largest share of pre-activations beyond 5; 0.5 by default.
    pub bound: f64,
}

impl Default for Saturation {
    fn default() -> Self {
        Self { bound: 0.5 }
    }
}

impl Rule for Saturation {
    fn name(&self) -> &'static str {
        "saturation"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let Some(network) = &facts.network else { return };
        let flat = |layer: &&crate::diagnose::facts::LayerFacts| {
            layer.activation.range().is_some() && layer.beyond_five > self.bound
        };
        let Some(layer) = network.layers.iter().find(flat) else { return };
        findings.push(
            Finding::new(self.name(), Cause::SaturatedActivation, Level::Warning)
                .at(layer.path.clone())
                .measured("share of pre-activations beyond 5:", layer.beyond_five, "")
                .measured("their root mean square:", layer.preactivation_rms, "")
                .bound(self.bound, "DeepDiagnosis; the slope there is below 0.7 % of its maximum")
                .why("almost no gradient passes a saturated unit")
                .remedy(
                    Action::Initialize,
                    "standardize the inputs, and draw the weights by `init::recommend`",
                ),
        );
    }
}
