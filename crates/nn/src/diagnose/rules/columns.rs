//! [`Columns`]: constant and duplicate columns of the inputs.

use super::Rule;
use crate::diagnose::{Action, Cause, Facts, Finding, Level};

/// Remarks on columns of the inputs that are constant, or have the same values as another column.
#[derive(Clone, Copy, Debug, Default)]
pub struct Columns;

impl Rule for Columns {
    fn name(&self) -> &'static str {
        "columns"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let data = &facts.data;
        let found = || Finding::new("columns", Cause::InvalidData, Level::Info);
        let constant = data.columns.iter().filter(|column| column.std == 0.0).count();
        if data.rows > 1 && constant > 0 {
            findings.push(
                found()
                    .measured("constant columns:", constant as f64, "")
                    .why("a constant column says nothing about an example")
                    .remedy(Action::Manual, "leave the columns out"),
            );
        }
        if let Some((first, second)) = data.duplicates.first() {
            findings.push(
                found()
                    .measured("columns that repeat another one:", data.duplicates.len() as f64, "")
                    .measured("the first pair:", *first as f64, "")
                    .measured("and", *second as f64, "")
                    .why("the weights of equal columns are not determined")
                    .remedy(Action::Manual, "keep one of each pair"),
            );
        }
    }
}
