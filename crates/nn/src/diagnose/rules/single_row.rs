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
        let (batch, rows) = (facts.budget.batch, facts.data.rows);
        let last = rows.checked_rem(batch).unwrap_or(0);
        if rows > 1 && (batch == 1 || last == 1) {
            findings.push(
                Finding::new(self.name(), Cause::BatchSize, Level::Error)
                    .at(layer.path.clone())
                    .measured("examples in a batch:", batch as f64, "")
                    .measured("examples in the last batch:", last.max(1) as f64, "")
                    .why("a single example has no variance, so that the layer refuses it in training")
                    .remedy(Action::Batch(32), "use batches of 32 examples, drop a last one that is smaller, \
                         or use `LayerNorm`"),
            );
        }
    }
}
