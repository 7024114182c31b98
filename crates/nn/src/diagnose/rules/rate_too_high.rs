//! [`RateTooHigh`]: a learning rate that raises the loss of the batch it steps on.

use super::Rule;
use crate::diagnose::facts::Trial;
use crate::diagnose::{Action, Cause, Facts, Finding, Level};

/// The factor by which the loss must rise.
const RISE: f64 = 1.5;

/// Warns of trial steps that raise the loss of the batch from which their gradients are computed,
/// and of outputs that are zero for every example after them.
#[derive(Clone, Copy, Debug)]
pub struct RateTooHigh {
    /// The smallest rise of the loss; a factor of 1.5 by default.
    pub rise: f64,
}

impl Default for RateTooHigh {
    fn default() -> Self {
        Self { rise: RISE }
    }
}

/// Whether the steps raised the loss.
pub(super) fn raised(trial: &Trial) -> bool {
    losses(trial).is_some_and(|[.., rise]| rise > RISE)
}

/// The first and the last loss, and their ratio; infinity for a NaN.
fn losses(trial: &Trial) -> Option<[f64; 3]> {
    let (first, last) = (*trial.losses.first()?, *trial.losses.last()?);
    let ratio = if last.is_nan() { f64::INFINITY } else { last / first };
    (first.is_finite() && first > 0.0).then_some([first, last, ratio])
}

impl Rule for RateTooHigh {
    fn name(&self) -> &'static str {
        "rate_too_high"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let Some(trial) = &facts.trial else { return };
        let Some([first, last, rise]) = losses(trial) else { return };
        if rise <= self.rise && !trial.output_died {
            return;
        }
        findings.push(
            Finding::new(self.name(), Cause::LrTooHigh, Level::Warning)
                .measured("learning rate:", facts.rate, "")
                .measured("loss before:", first, "")
                .measured("loss after 3 steps on the same batch:", last, "")
                .bound(self.rise, "ratio; 8 of 70 faults and 0 of 28 healthy networks exceed it")
                .why(
                    "a step along the gradient raises the loss only where the learning rate exceeds \
                     2 / curvature: the steps overshoot",
                )
                .remedy(Action::ScaleRate(0.1), format!("use the learning rate {}", 0.1 * facts.rate)),
        );
    }
}
