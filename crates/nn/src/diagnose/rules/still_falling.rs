//! [`StillFalling`]: a run that ended while its loss was falling.

use super::Rule;
use crate::diagnose::{Action, Cause, Facts, Finding, Level};

/// Warns of a run whose last quarter brought a large share of the whole decrease of the loss.
#[derive(Clone, Copy, Debug)]
pub struct StillFalling {
    /// The largest share; 0.15 by default.
    pub bound: f64,
}

impl Default for StillFalling {
    fn default() -> Self {
        Self { bound: 0.15 }
    }
}

impl Rule for StillFalling {
    fn name(&self) -> &'static str {
        "still_falling"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let Some(course) = &facts.course else { return };
        let Some(late) = course.late_gain().filter(|late| *late > self.bound) else { return };
        let last = *course.losses.last().unwrap_or(&f64::NAN);
        if facts.learned() {
            return;
        }
        let slow = facts.rate < if facts.normalizes_steps == Some(true) { 5e-4 } else { 5e-3 };
        let (cause, remedy, text) = if slow {
            let text = format!("use the learning rate {}", 10.0 * facts.rate);
            (Cause::LrTooLow, Action::ScaleRate(10.0), text)
        } else {
            let text = format!("train for {} epochs", 10 * facts.budget.epochs);
            (Cause::TooFewEpochs, Action::ScaleEpochs(10.0), text)
        };
        findings.push(
            Finding::new(self.name(), cause, Level::Warning)
                .measured("share of the decrease in the last quarter:", late, "")
                .measured("last loss:", last, "")
                .bound(self.bound, "a straight line has 0.25, a settled exponential below 0.05")
                .why("the loss was still falling when the run ended")
                .remedy(remedy, text),
        );
    }
}
