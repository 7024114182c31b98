//! [`HeldOutGap`]: a held-out loss that rises while the training loss falls.

use super::Rule;
use crate::diagnose::{Action, Cause, Facts, Finding, Level};

/// Warns of a held-out loss that ends above its minimum while the training loss is far below it.
#[derive(Clone, Copy, Debug)]
pub struct HeldOutGap {
    /// The smallest rise of the held-out loss above its minimum; 0.1 by default.
    pub bound: f64,
}

impl Default for HeldOutGap {
    fn default() -> Self {
        Self { bound: 0.1 }
    }
}

impl Rule for HeldOutGap {
    fn name(&self) -> &'static str {
        "held_out_gap"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let Some(course) = &facts.course else { return };
        let [Some(&held_out), Some(&train)] = [course.held_out.last(), course.losses.last()] else {
            return;
        };
        let least = course.held_out.iter().copied().fold(f64::INFINITY, f64::min);
        if !(held_out > (1.0 + self.bound) * least && train < 0.7 * held_out) {
            return;
        }
        let constant = facts.network.as_ref().and_then(|network| network.constant_loss);
        let measured = |cause, level| {
            Finding::new("held_out_gap", cause, level)
                .measured("last held-out loss:", held_out, "")
                .measured("its minimum:", least, "")
                .measured("last training loss:", train, "")
                .bound(self.bound, "rise above the minimum; AutoTrainer, SageMaker Debugger")
        };
        findings.push(
            measured(Cause::Overfit, Level::Warning)
                .why("the network learns the training examples by heart")
                .remedy(
                    Action::Manual,
                    "stop at the minimum (`EarlyStopping`), use more examples, weight decay or \
                     dropout",
                ),
        );
        if constant.is_some_and(|constant| least > 0.97 * constant) {
            findings.push(
                measured(Cause::NoSignal, Level::Warning)
                    .why("the held-out loss was never below that of a constant prediction")
                    .remedy(Action::Manual, "look for inputs that determine the targets"),
            );
        }
    }
}
