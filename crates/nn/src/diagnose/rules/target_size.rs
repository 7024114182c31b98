//! [`TargetSize`]: targets much larger than the outputs.

use super::Rule;
use crate::diagnose::{Action, Cause, Facts, Finding, Level, Takes};

/// Warns of targets that are much larger than the outputs at the start, or so large that trial
/// steps diverge.
#[derive(Clone, Copy, Debug)]
pub struct TargetSize {
    /// The largest ratio of target size to output size; 1000 by default.
    pub bound: f64,
    /// The largest root mean square where trial steps raise the loss; 20 by default.
    pub unstable: f64,
}

impl Default for TargetSize {
    fn default() -> Self {
        Self { bound: 1000.0, unstable: 20.0 }
    }
}

impl Rule for TargetSize {
    fn name(&self) -> &'static str {
        "target_size"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let (Some(network), Takes::Numbers) = (&facts.network, facts.takes) else { return };
        let size = facts.data.targets.rms;
        let ratio = size / network.output_rms.max(0.1);
        // The steps of a single linear layer are stable or not whatever its targets.
        let deep = network.layers.iter().filter(|layer| layer.weight.is_some()).count() > 1;
        let raised = deep && facts.trial.as_ref().is_some_and(super::rate_too_high::raised);
        if ratio <= self.bound && !(raised && size > self.unstable) {
            return;
        }
        findings.push(
            Finding::new(self.name(), Cause::UnscaledTarget, Level::Warning)
                .measured("root mean square of the targets:", size, "")
                .measured("of the outputs at the start:", network.output_rms, "")
                .bound(self.bound, "ratio; DeepDiagnosis uses 10, which fires on networks that train")
                .why(
                    "the first errors, and with them the gradients, are as large as the targets; a \
                     step of fixed length needs many steps to reach them",
                )
                .remedy(
                    Action::StandardizeTargets,
                    "standardize the targets, and transform the predictions back",
                ),
        );
    }
}
