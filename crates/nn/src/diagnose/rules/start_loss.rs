//! [`StartLoss`]: a first loss far above that of a constant prediction.

use super::Rule;
use crate::diagnose::{Action, Cause, Facts, Finding, Level, Takes};

/// Warns of a loss at the start that is several times that of the best constant prediction, for
/// losses of classes.
#[derive(Clone, Copy, Debug)]
pub struct StartLoss {
    /// The largest ratio; 3 by default.
    pub bound: f64,
}

impl Default for StartLoss {
    fn default() -> Self {
        Self { bound: 3.0 }
    }
}

impl Rule for StartLoss {
    fn name(&self) -> &'static str {
        "start_loss"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let Some(network) = &facts.network else { return };
        let Some(constant) = network.constant_loss.filter(|loss| *loss > 0.05) else { return };
        // Where the targets are numbers, the ratio is that of targets to outputs, which another
        // rule judges.
        let matching = matches!(facts.takes, Takes::Logits | Takes::ClassLogits)
            || facts.takes == Takes::ClassProbabilities
            || facts.takes == Takes::Probabilities;
        // Equal probabilities are a fair start where a class is rare.
        let equal = if facts.takes.classes() { network.width.max(2) as f64 } else { 2.0 };
        let constant = constant.max(equal.ln());
        if !matching || network.loss <= self.bound * constant || !network.loss.is_finite() {
            return;
        }
        findings.push(
            Finding::new(self.name(), Cause::BadInitialization, Level::Warning)
                .measured("loss at the start:", network.loss, "")
                .measured("loss of constant outputs:", constant, "")
                .bound(self.bound, "ratio; TheDeepChecker compares with log C")
                .why("the first steps only undo the certainty of the initial outputs")
                .remedy(
                    Action::Initialize,
                    "draw the weights by the fan-in: `init::recommend(&model)?.apply(..)`",
                ),
        );
    }
}
