//! [`Connected`]: parameters on which the loss does not depend.

use super::Rule;
use crate::diagnose::facts::Gradient;
use crate::diagnose::{Action, Cause, Facts, Finding, Level};

/// Finds parameters on which the loss does not depend, and networks whose weights are all frozen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Connected;

impl Rule for Connected {
    fn name(&self) -> &'static str {
        "connected"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let Some(network) = &facts.network else { return };
        for weight in &network.weights {
            if weight.gradient == Gradient::NotConnected && weight.len > 0 {
                findings.push(
                    Finding::new(self.name(), Cause::NotConnected, Level::Error)
                        .at(weight.path.clone())
                        .measured("elements:", weight.len as f64, "")
                        .why("the loss does not depend on this parameter, so that it never changes")
                        .remedy(
                            Action::Manual,
                            "use the parameter in the forward pass on the tape of the inputs, not \
                             a copy of its value or a detached variable",
                        ),
                );
            }
        }
        let weights = || network.weights.iter().filter(|weight| weight.kind.is_weight());
        let frozen = weights().filter(|weight| weight.frozen).count();
        if frozen == 0 {
            return;
        }
        let all = frozen == weights().count();
        let level = if all { Level::Error } else { Level::Info };
        findings.push(
            Finding::new(self.name(), Cause::NotConnected, level)
                .measured("frozen weights:", frozen as f64, "")
                .measured("weights:", weights().count() as f64, "")
                .why("an optimizer does not change frozen parameters")
                .remedy(Action::Manual, "unfreeze what is to be learned: `unfreeze()`"),
        );
    }
}
