//! The table of all activations.

use serde::Serialize;
use wengert::Activation;
use wengert::init::gain;

use super::{aligned, cells};
use crate::error::LabError;
use crate::sweep::{STRIDE, errors, points};
use crate::text::figure;

/// The table of all activations.
#[derive(Debug, Serialize)]
pub struct Activations {
    rows: Vec<ActivationRow>,
}

#[derive(Debug, Serialize)]
struct ActivationRow {
    activation: String,
    /// `1 / sqrt(E[f(z)^2])`.
    forward_gain: f64,
    /// `E[f(z)]`.
    mean: f64,
    /// `E[f'(z)^2]`.
    slope: f64,
    /// The factor by which a layer with the forward gain multiplies the variance of gradients.
    gradient_factor: f64,
    /// The largest error of the value over a sweep, in ULP.
    error_value: f64,
    /// The largest error of the derivative.
    error_derivative: f64,
}

/// Computes the gains, and the errors of the kernels.
///
/// # Errors
/// If an expectation cannot be computed.
pub fn explore() -> Result<Activations, LabError> {
    let points = points(STRIDE);
    let row = |activation: Activation| {
        let gain = gain(&activation).map_err(LabError::request)?;
        let errors = errors(activation, activation, &points);
        Ok(ActivationRow {
            activation: activation.to_string(),
            forward_gain: gain.forward,
            mean: gain.mean,
            slope: gain.slope,
            gradient_factor: gain.gradient_factor(),
            error_value: errors.value,
            error_derivative: errors.derivative,
        })
    };
    Ok(Activations { rows: Activation::ALL.into_iter().map(row).collect::<Result<_, LabError>>()? })
}

impl Activations {
    /// The table as text.
    pub fn lines(&self) -> Vec<String> {
        let mut rows =
            vec![cells(["activation", "gain", "E[f]", "E[f'^2]", "chi_1", "ULP f", "ULP f'"])];
        rows.extend(self.rows.iter().map(|row| {
            let number = |number: f64| format!("{:.4}", number + 0.0);
            vec![
                row.activation.clone(),
                number(row.forward_gain),
                number((row.mean * 1e9).round() / 1e9),
                number(row.slope),
                number(row.gradient_factor),
                format!("{:.3}", row.error_value),
                format!("{:.3}", row.error_derivative),
            ]
        }));
        let mut lines = aligned(&rows);
        lines.push(String::new());
        lines.push(
            "gain = 1/sqrt(E[f(z)^2]) for z ~ N(0, 1): weights of variance gain^2/m, for m inputs, keep"
                .into(),
        );
        lines.push(
            "the variance of the signal. chi_1 = gain^2 E[f'(z)^2]: the factor by which such a layer"
                .into(),
        );
        lines.push(format!(
            "multiplies the variance of gradients. ULP: the largest rounding error over every {}th number",
            figure(STRIDE as f64)
        ));
        lines.push("of single precision; at most 0.5 for a correctly rounded result.".into());
        lines
    }
}
