//! [`FiniteOutputs`]: NaN or infinity in weights, layers and loss before the first step.

use super::Rule;
use crate::diagnose::{Action, Cause, Facts, Finding, Level};

/// Finds the first weight or layer with a NaN or an infinity before training.
#[derive(Clone, Copy, Debug, Default)]
pub struct FiniteOutputs;

impl Rule for FiniteOutputs {
    fn name(&self) -> &'static str {
        "finite_outputs"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let Some(network) = &facts.network else { return };
        if facts.data.not_finite > 0 {
            return;
        }
        let found = || Finding::new("finite_outputs", Cause::Exploding, Level::Error);
        if let Some(weight) = network.weights.iter().find(|weight| weight.not_finite > 0) {
            findings.push(
                found()
                    .at(weight.path.clone())
                    .measured("NaN or infinite elements:", weight.not_finite as f64, "")
                    .why("the parameter is damaged before the first step")
                    .remedy(Action::Initialize, "draw it again, or load another checkpoint"),
            );
        } else if let Some(layer) = network.layers.iter().find(|layer| layer.not_finite > 0.0) {
            findings.push(
                found()
                    .at(layer.path.clone())
                    .measured("share of outputs that are NaN or infinite:", layer.not_finite, "")
                    .why("this is the first layer where they appear")
                    .remedy(Action::Manual, "`Tape::detect_anomaly` names the operation"),
            );
        } else if !network.loss.is_finite() {
            findings.push(
                found()
                    .measured("loss at the start:", network.loss, "")
                    .why("all layers are finite, but the loss of their outputs is not")
                    .remedy(Action::OutputAndLoss, "use a loss of logits"),
            );
        }
    }
}
