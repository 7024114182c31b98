//! Signals and gradients in a deep network for several initializations: measurement and theory.

use serde::Serialize;
use wengert::init::{StackLayer, measure, predict};
use wengert::prelude::*;

use super::{aligned, cells};
use crate::error::LabError;
use crate::network::Mlp;
use crate::statistics::normal;
use crate::text::figure;

/// The table of initializations.
#[derive(Debug, Serialize)]
pub struct Inits {
    activation: String,
    depth: usize,
    width: usize,
    rows: Vec<InitRow>,
}

#[derive(Debug, Serialize)]
struct InitRow {
    init: &'static str,
    /// The standard deviation of the weights times `sqrt(m)`.
    sigma_w: f64,
    /// The root mean squares of the activations of the first and the last layer.
    activations: [f64; 2],
    /// The root mean square of the activations of the last layer by theory; `None` if its
    /// expectation is not finite.
    activations_predicted: Option<f64>,
    /// The root mean square of the gradient in the first layer, relative to that at the outputs.
    gradient: f64,
    /// The root mean square of the gradient by theory; `None` if its expectation is not finite.
    gradient_predicted: Option<f64>,
}

/// Builds and measures networks.
///
/// # Errors
/// If an expectation cannot be computed.
pub fn explore(
    activation: Activation,
    depth: usize,
    width: usize,
    seed: u64,
) -> Result<Inits, LabError> {
    let computed = gain(&activation).map_err(LabError::request)?.forward;
    let root = (width as f64).sqrt();
    let schemes = [
        ("normal, 0.01", 0.01 * root),
        ("1/m", 1.0 / root),
        ("xavier, 1/sqrt(m)", 1.0),
        ("he, sqrt(2/m)", 2.0_f64.sqrt()),
        ("computed, gain/sqrt(m)", computed),
        ("normal, 1", root),
    ];
    let row = |(init, sigma_w): (&'static str, f64)| -> Result<InitRow, LabError> {
        let scheme = Init::lecun_normal().gain(sigma_w);
        let model = Mlp::new(&vec![width; depth + 2], activation, scheme)
            .build(seed)
            .map_err(LabError::request)?;
        let input = normal([16, width], seed ^ 1).map_err(LabError::request)?;
        let cotangent = normal([16, width], seed ^ 2).map_err(LabError::request)?;
        let seen = measure(&model, &input, &cotangent).map_err(LabError::request)?;
        let end = seen[depth].gradient_square;
        let mut stack = vec![StackLayer::linear(width, width, activation, sigma_w, 0.0); depth];
        stack.push(StackLayer::linear(width, width, Activation::Identity, sigma_w, 0.0));
        // The expectations of a rapidly growing function may be infinite.
        let theory = predict(&stack, 1.0).ok();
        let predicted = |of: &dyn Fn(&[wengert::init::StackPrediction]) -> f64| {
            theory.as_deref().map(of).filter(|number| number.is_finite())
        };
        Ok(InitRow {
            init,
            sigma_w,
            activations: [0, depth - 1].map(|layer| seen[layer].activation_square.sqrt()),
            activations_predicted: predicted(&|layers| layers[depth - 1].activation_square.sqrt()),
            gradient: (seen[0].gradient_square / end).sqrt(),
            gradient_predicted: predicted(&|layers| {
                (layers[0].gradient_square / layers[depth].gradient_square).sqrt()
            }),
        })
    };
    let rows = schemes.into_iter().map(row).collect::<Result<_, LabError>>()?;
    Ok(Inits { activation: activation.to_string(), depth, width, rows })
}

impl Inits {
    /// The table as text.
    pub fn lines(&self) -> Vec<String> {
        let mut rows = vec![cells([
            "weights",
            "sigma_w",
            "signal 1",
            "signal L",
            "theory",
            "gradient 1/L",
            "theory",
        ])];
        let or = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), figure);
        rows.extend(self.rows.iter().map(|row| {
            vec![
                row.init.to_owned(),
                figure(row.sigma_w),
                figure(row.activations[0]),
                figure(row.activations[1]),
                or(row.activations_predicted),
                figure(row.gradient),
                or(row.gradient_predicted),
            ]
        }));
        let heading = format!(
            "{} in {} layers of {} units, one network",
            self.activation, self.depth, self.width
        );
        let mut lines = vec![heading, String::new()];
        lines.extend(aligned(&rows));
        lines.push(String::new());
        lines.push(
            "signal 1, signal L: root mean square of the activations in the first and the last layer."
                .into(),
        );
        lines.push(
            "gradient 1/L: root mean square of the gradient in the first layer / that at the outputs."
                .into(),
        );
        lines.push(
            "sigma_w: standard deviation of the weights times sqrt(m), for m inputs of a unit."
                .into(),
        );
        lines
    }
}
