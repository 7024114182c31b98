//! [`GradientWarning`]: gradients that vanish or explode with any initial weights.

use std::fmt;

use super::figure::rounded;

/// The gradient that reaches the first layer is too small or too large for training with any
/// initial weights. `Display` states what to change in the network instead.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GradientWarning {
    /// The predicted root mean square of the gradient with respect to the first layer's
    /// pre-activations, relative to that with respect to the network's outputs. Layers of residual
    /// branches are assumed to keep it. 0 if it is below the range of `f64`.
    pub first_gradient: f64,
    /// The number of weight layers.
    pub layers: usize,
    /// The activations that have no edge of chaos at moderate pre-activations.
    pub activations: Vec<String>,
}

/// The largest factor between the root mean squares of the gradient at the first layer and at the
/// outputs without a warning.
const MODERATE: f64 = 100.0;

impl GradientWarning {
    /// The warning for a gradient whose mean square at the first layer has this logarithm; `None`
    /// if the size is moderate.
    pub(super) fn new(ln_square: f64, layers: usize, activations: Vec<String>) -> Option<Self> {
        let moderate = ln_square.abs() <= 2.0 * MODERATE.ln();
        if moderate || activations.is_empty() {
            return None;
        }
        Some(Self { first_gradient: (0.5 * ln_square).exp(), layers, activations })
    }
}

impl fmt::Display for GradientWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.activations.join(" and ");
        let size = match self.first_gradient {
            0.0 => "less than 1e-300".to_owned(),
            size => rounded(size, 3),
        };
        let trend = if self.first_gradient < 1.0 { "vanish" } else { "explode" };
        write!(
            f,
            "gradients {trend}: the gradient at the first of {} weight layers is predicted to be {size} times the gradient at the outputs (root mean square), and no initial weights prevent this with {names}; change the network: use tanh or relu in place of {names}, or standardize each unit before its activation (batch_norm1d; not layer_norm, which keeps the mean that the units have in common), or put the layers into blocks that add their input (Role::Residual)",
            self.layers
        )
    }
}
