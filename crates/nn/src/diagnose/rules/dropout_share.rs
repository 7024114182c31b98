//! [`DropoutShare`]: dropout of most of a small layer.

use super::Rule;
use crate::diagnose::{Action, Cause, Facts, Finding, Level};

/// Warns of dropout that sets half or more of a few units to zero.
#[derive(Clone, Copy, Debug)]
pub struct DropoutShare {
    /// The smallest share; 0.5 by default.
    pub share: f64,
    /// The largest number of units; 8 by default.
    pub units: usize,
}

impl Default for DropoutShare {
    fn default() -> Self {
        Self { share: 0.5, units: 8 }
    }
}

impl Rule for DropoutShare {
    fn name(&self) -> &'static str {
        "dropout_share"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let Some(trial) = &facts.trial else { return };
        for (path, share, units) in &trial.dropped {
            // The share is an estimate from random numbers.
            let low = *share < self.share - 0.1 || *units > self.units;
            if low && *share < 0.9 {
                continue;
            }
            findings.push(
                Finding::new(self.name(), Cause::OverRegularised, Level::Warning)
                    .at(path.clone())
                    .measured("share of elements set to zero:", *share, "")
                    .measured("units:", *units as f64, "")
                    .bound(self.share, "UMLAUT's bound, for small layers only")
                    .why("too few units are left in a step to compute the function")
                    .remedy(Action::RemoveDropout, "remove the dropout, or widen the layer"),
            );
        }
    }
}
