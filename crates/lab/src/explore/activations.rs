//! Every activation in a line.

use serde::Serialize;
use wengert::Activation;
use wengert::init::gain;

use super::{aligned, cells, told};
use crate::error::LabError;
use crate::reference::reference;
use crate::sweep::{STRIDE, errors, points};
use crate::text::figure;

/// The table.
#[derive(Debug, Serialize)]
pub struct Activations {
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    activation: String,
    /// `1 / sqrt(E[f(z)^2])`.
    forward_gain: f64,
    /// `E[f(z)]`.
    mean: f64,
    /// `E[f'(z)^2]`.
    slope: f64,
    /// What a layer with the forward gain does to the variance of gradients.
    gradient_factor: f64,
    /// The worst errors of value and derivative over a sweep; none without a reference.
    error_value: Option<f64>,
    error_derivative: Option<f64>,
}

/// Computes gains and sweeps kernels.
///
/// # Errors
/// If an expectation cannot be computed.
pub fn explore() -> Result<Activations, LabError> {
    let points = points(STRIDE);
    let row = |activation: Activation| {
        let gain = gain(&activation).map_err(told)?;
        let errors =
            reference(activation, 0.0).and_then(|_| errors(activation, activation, &points));
        Ok(Row {
            activation: activation.to_string(),
            forward_gain: gain.forward,
            mean: gain.mean,
            slope: gain.slope,
            gradient_factor: gain.gradient_factor(),
            error_value: errors.as_ref().map(|errors| errors.value),
            error_derivative: errors.map(|errors| errors.derivative),
        })
    };
    Ok(Activations { rows: Activation::ALL.into_iter().map(row).collect::<Result<_, LabError>>()? })
}

impl Activations {
    /// The table as text.
    pub fn lines(&self) -> Vec<String> {
        let mut rows =
            vec![cells(["activation", "gain", "E[f]", "E[f'^2]", "chi_1", "ULP f", "ULP f'"])];
        let ulp = |error: Option<f64>| error.map_or_else(|| "-".to_owned(), |e| format!("{e:.3}"));
        rows.extend(self.rows.iter().map(|row| {
            let number = |number: f64| format!("{:.4}", number + 0.0);
            vec![
                row.activation.clone(),
                number(row.forward_gain),
                number((row.mean * 1e9).round() / 1e9),
                number(row.slope),
                number(row.gradient_factor),
                ulp(row.error_value),
                ulp(row.error_derivative),
            ]
        }));
        let mut lines = aligned(&rows);
        lines.push(String::new());
        lines.push(
            "gain = 1/sqrt(E[f(z)^2]), z ~ N(0, 1): weights of variance gain^2/m keep the signal."
                .into(),
        );
        lines.push(
            "chi_1 = gain^2 E[f'(z)^2]: what such a layer does to the variance of gradients."
                .into(),
        );
        lines.push(format!(
            "ULP: worst error over every {}th f32; at most 0.5 if correctly rounded.",
            figure(STRIDE as f64)
        ));
        lines
    }
}
