//! The types of losses and optimizers in the JSON of a case.

use serde::{Deserialize, Serialize};

/// A loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossSpec {
    /// Which loss.
    pub name: LossName,
    /// How the losses of the rows are combined: their mean by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduction: Option<RowReduction>,
}

/// The losses, as functions of outputs and targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossName {
    /// The mean squared difference.
    Mse,
    /// The mean absolute difference.
    Mae,
    /// The binary cross-entropy of probabilities, which are limited to `1e-7..=1 - 1e-7`; a
    /// probability outside has no gradient.
    Bce,
    /// The cross-entropy of probabilities, which are divided by their sum and limited.
    Cce,
    /// The cross-entropy of logits.
    CceLogits,
    /// The binary cross-entropy of logits.
    BceLogits,
    /// The binary cross-entropy of probabilities without limits, summed over the outputs.
    BceUnclipped,
    /// The Poisson negative log-likelihood of rates.
    Poisson,
}

/// How the losses of the rows are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowReduction {
    /// Their mean.
    Mean,
    /// Their sum.
    Sum,
}

/// An optimizer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are the settings of `wengert::nn` with these names")]
pub struct OptimizerSpec {
    pub name: OptimizerName,
    pub lr: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nesterov: Option<bool>,
    /// The rate of step t, from 0, is `lr / (1 + decay t)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decay: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beta1: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beta2: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eps: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rho: Option<f64>,
    /// The largest norm of all gradients together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clipnorm: Option<f64>,
}

impl OptimizerSpec {
    /// An optimizer with its usual settings.
    pub fn new(name: OptimizerName, lr: f64) -> Self {
        Self {
            name,
            lr,
            momentum: None,
            nesterov: None,
            decay: None,
            beta1: None,
            beta2: None,
            eps: None,
            rho: None,
            clipnorm: None,
        }
    }
}

/// The optimizers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerName {
    /// Gradient descent.
    Sgd,
    /// Adam with an eps of 1e-7 that is not corrected.
    Adam,
    /// `RMSprop` with a rho of 0.9 and an eps of 1e-7.
    Rmsprop,
}
