//! [`FiniteData`]: NaN and infinity in inputs and targets, and examples without a target.

use super::Rule;
use crate::diagnose::{Cause, Facts, Finding, Level};

/// Finds NaN and infinity in inputs and targets, and different numbers of inputs and targets.
#[derive(Clone, Copy, Debug, Default)]
pub struct FiniteData;

impl Rule for FiniteData {
    fn name(&self) -> &'static str {
        "finite_data"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let data = &facts.data;
        let found = || Finding::new("finite_data", Cause::InvalidData, Level::Error);
        let both = [("inputs", data.not_finite), ("targets", data.targets.not_finite)];
        for (what, count) in both.into_iter().filter(|(_, count)| *count > 0) {
            findings.push(
                found()
                    .measured(format!("NaN or infinite numbers among the {what}:"), count as f64, "")
                    .why("one such number makes the loss and every parameter NaN")
                    .remedy(
                        crate::diagnose::Action::Manual,
                        format!("remove the examples, or replace the {what} that are missing"),
                    ),
            );
        }
        if data.rows != data.targets.rows {
            findings.push(
                found()
                    .measured("inputs:", data.rows as f64, "examples")
                    .measured("targets:", data.targets.rows as f64, "examples")
                    .why("an example needs an input and a target"),
            );
        }
    }
}
