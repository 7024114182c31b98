//! [`SingleRow`]: batch normalization of batches of one.

use super::Rule;
use crate::diagnose::{Action, Cause, Facts, Finding, Level};
use crate::module::Role;

/// Finds batch normalization in a run whose batches, or last batch, have one example.
#[derive(Clone, Copy, Debug, Default)]
pub struct SingleRow;

impl Rule for SingleRow {
    fn name(&self) -> &'static str {
        "single_row"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let Some(network) = &facts.network else { return };
        let normalized = network.layers.iter().find(|l| l.role == Role::Standardization);
        let Some(layer) = normalized else { return };
        if facts.budget.batch == 1 && facts.data.rows > 1 {
            findings.push(
                Finding::new(self.name(), Cause::BatchSize, Level::Error)
                    .at(layer.path.clone())
                    .measured("examples in a batch:", 1.0, "")
                    .why("a single example equals its own mean, so that every output is the bias")
                    .remedy(Action::Batch(32), "use batches of 32 examples, or `LayerNorm`"),
            );
        }
    }
}
