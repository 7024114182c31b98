//! [`Oscillation`]: a loss that rises in many epochs.

use super::Rule;
use crate::diagnose::{Action, Cause, Facts, Finding, Level};

/// Warns of a loss that rises by a tenth in many epochs.
#[derive(Clone, Copy, Debug)]
pub struct Oscillation {
    /// The largest share of epochs with a rise; 0.2 by default.
    pub bound: f64,
}

impl Default for Oscillation {
    fn default() -> Self {
        Self { bound: 0.2 }
    }
}

impl Rule for Oscillation {
    fn name(&self) -> &'static str {
        "oscillation"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let Some(course) = facts.course.as_ref().filter(|c| c.losses.len() >= 10) else { return };
        let constant = facts.network.as_ref().and_then(|network| network.constant_loss);
        let last = *course.losses.last().unwrap_or(&f64::NAN);
        // The relative rises of a loss near zero mean nothing.
        if course.rises() <= self.bound || constant.is_some_and(|loss| last < 0.1 * loss) {
            return;
        }
        findings.push(
            Finding::new(self.name(), Cause::LrTooHigh, Level::Warning)
                .measured("share of epochs with a rise by a tenth:", course.rises(), "")
                .measured("learning rate:", facts.rate, "")
                .measured("examples in a batch:", facts.budget.batch as f64, "")
                .bound(self.bound, "AutoTrainer, eta, with the loss in place of the accuracy")
                .why("the steps overshoot: the learning rate is too high for the noise of a batch")
                .remedy(Action::ScaleRate(0.1), format!("use the learning rate {}", 0.1 * facts.rate)),
        );
    }
}
