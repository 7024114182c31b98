//! [`TargetRange`]: targets outside the range of the outputs.

use wengert_autodiff::Activation;

use super::Rule;
use crate::diagnose::facts::Range;
use crate::diagnose::{Action, Cause, Facts, Finding, Level, Takes};

/// Finds targets that the output activation cannot reach, for losses of numbers.
#[derive(Clone, Copy, Debug)]
pub struct TargetRange {
    /// The largest share of targets outside the range; 0.05 by default.
    pub bound: f64,
}

impl Default for TargetRange {
    fn default() -> Self {
        Self { bound: 0.05 }
    }
}

impl Rule for TargetRange {
    fn name(&self) -> &'static str {
        "target_range"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let (Some(network), Takes::Numbers) = (&facts.network, facts.takes) else { return };
        let [low, high] = match network.range {
            Range::Of(bounds) => bounds,
            Range::Distribution => [0.0, 1.0],
        };
        // A bound that is reached only at infinity can be approached closely enough.
        let slack = 0.02 * if (high - low).is_finite() { high - low } else { 1.0 };
        let outside = facts.data.targets.outside([low - slack, high + slack]);
        if outside <= self.bound {
            return;
        }
        let last = network.layers.last().map_or("", |layer| layer.path.as_str());
        let found = |cause| {
            Finding::new("target_range", cause, Level::Error)
                .at(last)
                .measured("share of targets out of reach:", outside, "")
                .measured("lower bound of the outputs:", low, "")
                .measured("upper bound:", high, "")
                .bound(self.bound, "share of targets; DeepDiagnosis, with a slack for outliers")
        };
        findings.push(
            found(Cause::WrongOutputActivation)
                .why("the outputs cannot take these values, and their gradients vanish at the end")
                .remedy(
                    Action::OutputActivation(Activation::Identity),
                    "leave the output linear",
                ),
        );
        let [least, most] = facts.data.targets.range;
        if (high - low).is_finite() && most - least > 4.0 * (high - low) {
            findings.push(
                found(Cause::UnscaledTarget)
                    .measured("range of the targets:", most - least, "")
                    .why("the outputs cover a small part of the range of the targets")
                    .remedy(
                        Action::StandardizeTargets,
                        "standardize the targets, and transform the predictions back",
                    ),
            );
        }
    }
}
