//! [`Diverged`]: a run that ended in NaN or infinity.

use super::Rule;
use crate::diagnose::{Action, Cause, Facts, Finding, Level};

/// Finds a run whose loss became NaN or infinite.
#[derive(Clone, Copy, Debug, Default)]
pub struct Diverged;

impl Rule for Diverged {
    fn name(&self) -> &'static str {
        "diverged"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let Some(course) = facts.course.as_ref().filter(|course| course.diverged()) else { return };
        findings.push(
            Finding::new(self.name(), Cause::LrTooHigh, Level::Error)
                .measured("epoch:", course.losses.len() as f64, "")
                .measured("learning rate:", facts.rate, "")
                .why("the parameters grew until their products were out of range")
                .remedy(Action::ScaleRate(0.1), format!("use the learning rate {}", 0.1 * facts.rate)),
        );
    }
}
