//! [`OutputForm`]: the output activation against what the loss takes.

use super::Rule;
use crate::diagnose::facts::Range;
use crate::diagnose::{Action, Cause, Facts, Finding, Level, Takes};

/// Compares the range of the outputs with what the loss takes: logits for the losses of logits,
/// probabilities for those of probabilities. One output under a loss of classes is constant.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutputForm;

impl Rule for OutputForm {
    fn name(&self) -> &'static str {
        "output_form"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let Some(network) = &facts.network else { return };
        let last = network.layers.last().map_or("", |layer| layer.path.as_str());
        let found = |level| {
            Finding::new("output_form", Cause::WrongOutputActivation, level)
                .at(last)
                .measured("outputs:", network.width as f64, "")
        };
        let softmax = network.range == Range::Distribution;
        if network.width == 1 && (softmax || facts.takes.classes()) {
            if facts.data.targets.numbered_classes().is_none() {
                findings.push(
                    found(Level::Error)
                        .why("the softmax of one number is 1, so that no weight has a gradient")
                        .remedy(
                            Action::OutputAndLoss,
                            "use one logit with `binary_cross_entropy_with_logits`, or one output \
                             for each class",
                        ),
                );
            }
            return;
        }
        let [low, high] = match network.range {
            Range::Of(bounds) => bounds,
            Range::Distribution => [0.0, 1.0],
        };
        let bounded = low.is_finite() && high.is_finite();
        let probability = low >= -0.01 && high <= 1.01;
        let level = match facts.takes {
            Takes::Probabilities if !probability => Level::Error,
            Takes::Rates if low < -0.01 => Level::Error,
            Takes::ClassProbabilities if softmax => return,
            Takes::ClassProbabilities if probability => Level::Warning,
            Takes::ClassProbabilities => Level::Error,
            Takes::ClassLogits if softmax => Level::Error,
            Takes::Logits | Takes::ClassLogits if bounded || low >= -0.01 => Level::Warning,
            _ => return,
        };
        let form = if softmax { "a softmax" } else { "the output activation" };
        findings.push(
            found(level)
                .measured("lower bound of the outputs:", low, "")
                .measured("upper bound:", high, "")
                .why(format!(
                    "the loss {} takes {}; {form} computes numbers from {low} to {high}",
                    facts.loss,
                    facts.takes.described()
                ))
                .remedy(
                    Action::OutputAndLoss,
                    "leave the output linear and use the loss of its logits: \
                     `cross_entropy` for classes, `binary_cross_entropy_with_logits` for events",
                ),
        );
    }
}
