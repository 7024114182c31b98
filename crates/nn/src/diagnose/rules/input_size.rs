//! [`InputSize`]: inputs that are much larger than 1.

use super::Rule;
use crate::diagnose::{Action, Cause, Facts, Finding, Level};
use crate::module::Role;

/// Warns of a column of the inputs whose root mean square is above the bound, unless the first
/// layer normalizes its input.
#[derive(Clone, Copy, Debug)]
pub struct InputSize {
    /// The largest root mean square; 10 by default.
    pub bound: f64,
}

impl Default for InputSize {
    fn default() -> Self {
        Self { bound: 10.0 }
    }
}

impl Rule for InputSize {
    fn name(&self) -> &'static str {
        "input_size"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let first = facts.network.as_ref().and_then(|network| network.layers.first());
        let normalized =
            first.is_some_and(|layer| matches!(layer.role, Role::Standardization | Role::Normalization));
        // Integers of a table are looked up, not multiplied.
        let table = facts.network.as_ref().is_some_and(|network| {
            let first = network.weights.first();
            first.is_some_and(|weight| matches!(weight.kind, wengert_autodiff::Kind::Table { .. }))
        });
        let columns = facts.data.columns.iter().enumerate();
        let Some((at, largest)) = columns.max_by(|a, b| a.1.rms.total_cmp(&b.1.rms)) else { return };
        if normalized || table || largest.rms <= self.bound {
            return;
        }
        findings.push(
            Finding::new(self.name(), Cause::UnscaledInput, Level::Warning)
                .measured(format!("root mean square of input column {at}:"), largest.rms, "")
                .measured("its mean:", largest.mean, "")
                .bound(self.bound, "AutoTrainer, omega = 10; 0 of 28 healthy networks exceed it")
                .why(
                    "the gradient of the first weights grows with the inputs, and the curvature of \
                     the loss with their square: no learning rate suits these weights and the others",
                )
                .remedy(
                    Action::StandardizeInputs,
                    "standardize the inputs with the mean and deviation of the training part: \
                     `data::Scaler::standardize(&inputs)?`",
                ),
        );
    }
}
