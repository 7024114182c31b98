//! [`ClassShares`]: classes of very different frequency.

use super::Rule;
use crate::diagnose::{Action, Cause, Facts, Finding, Level};

/// Remarks on a class that is much rarer than the most frequent one. Alone it does not prevent
/// learning.
#[derive(Clone, Copy, Debug)]
pub struct ClassShares {
    /// The smallest ratio to the most frequent class; 0.1 by default.
    pub bound: f64,
}

impl Default for ClassShares {
    fn default() -> Self {
        Self { bound: 0.1 }
    }
}

impl Rule for ClassShares {
    fn name(&self) -> &'static str {
        "class_shares"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let Some(counts) = &facts.data.targets.counts else { return };
        let present = counts.iter().copied().filter(|count| *count > 0);
        let (Some(least), Some(most)) = (present.clone().min(), present.max()) else { return };
        let ratio = least as f64 / most as f64;
        if ratio < self.bound {
            findings.push(
                Finding::new(self.name(), Cause::ClassImbalance, Level::Info)
                    .measured("examples of the rarest class:", least as f64, "")
                    .measured("of the most frequent class:", most as f64, "")
                    .bound(self.bound, "SageMaker Debugger: ratio 10")
                    .why("a network can have a small loss and never predict the rare class")
                    .remedy(Action::Manual, "weight the classes in the loss, and judge by recall"),
            );
        }
    }
}
