//! The theory of an activation: gains, fixed points, the edge of chaos, depth scales.

use serde::Serialize;
use wengert::init::{CriticalPoint, MeanField, edge_of_chaos};
use wengert::prelude::*;

use super::{aligned, cells};
use crate::error::LabError;
use crate::text::figure;

/// The theory of an activation.
#[derive(Debug, Serialize)]
pub struct Theory {
    activation: String,
    forward_gain: f64,
    backward_gain: f64,
    mean: f64,
    second_moment: f64,
    slope: f64,
    gradient_factor: f64,
    error: f64,
    networks: Vec<Network>,
    edge: Vec<Point>,
    silent: Option<Point>,
}

/// Networks whose layers all have the same weights.
#[derive(Debug, Serialize)]
struct Network {
    weights: &'static str,
    sigma_w: f64,
    /// The limit of the variance over many layers; `None` if it grows without bound.
    fixed_point: Option<f64>,
    chi_q: Option<f64>,
    chi_1: Option<f64>,
    /// In layers; `None` if it is infinite or there is no fixed point.
    variance_depth: Option<f64>,
    correlation_depth: Option<f64>,
    phase: &'static str,
}

/// A point of the edge of chaos.
#[derive(Debug, Serialize)]
struct Point {
    variance: f64,
    sigma_w: f64,
    sigma_b: f64,
    chi_q: f64,
}

impl From<CriticalPoint> for Point {
    fn from(point: CriticalPoint) -> Self {
        let CriticalPoint { q, sigma_w, sigma_b, chi_q } = point;
        Self { variance: q, sigma_w, sigma_b, chi_q }
    }
}

/// Computes the theory.
///
/// # Errors
/// If an expectation cannot be computed.
pub fn explore(activation: Activation) -> Result<Theory, LabError> {
    let gain = gain(&activation).map_err(LabError::request)?;
    let networks = [
        ("xavier, 1/sqrt(m)", 1.0),
        ("he, sqrt(2/m)", 2.0_f64.sqrt()),
        ("gain/sqrt(m)", gain.forward),
    ];
    let networks =
        networks.into_iter().map(|(name, sigma_w)| network(activation, name, sigma_w)).collect();
    let edge = edge_of_chaos(&activation);
    let mut points = Vec::new();
    for variance in [0.01, 0.1, 0.5, 1.0, 2.0, 10.0] {
        // The expectations of a rapidly growing function are infinite at large variances.
        if let Ok(Some(point)) = edge.at_variance(variance) {
            points.push(point.into());
        }
    }
    let silent = edge.at_sigma_b(0.0).ok().flatten().map(Point::from);
    Ok(Theory {
        activation: activation.to_string(),
        forward_gain: gain.forward,
        backward_gain: gain.backward(),
        mean: gain.mean,
        second_moment: gain.second_moment(),
        slope: gain.slope,
        gradient_factor: gain.gradient_factor(),
        error: gain.error,
        networks,
        edge: points,
        silent,
    })
}

fn network(activation: Activation, weights: &'static str, sigma_w: f64) -> Network {
    let none = |phase| Network {
        weights,
        sigma_w,
        fixed_point: None,
        chi_q: None,
        chi_1: None,
        variance_depth: None,
        correlation_depth: None,
        phase,
    };
    let Ok(field) = MeanField::new(&activation, sigma_w, 0.0) else { return none("unknown") };
    let q = match field.fixed_point(1.0) {
        Ok(Some(q)) => q,
        Ok(None) => return none("diverges"),
        Err(_) => return none("unknown"),
    };
    let chi_1 = field.chi_1(q).ok();
    let scales = field.depth_scales(q).ok();
    let finite = |depth: Option<f64>| depth.filter(|depth| depth.is_finite());
    Network {
        weights,
        sigma_w,
        fixed_point: Some(q),
        chi_q: field.chi_q(q).ok(),
        chi_1,
        variance_depth: finite(scales.map(|scales| scales.variance)),
        correlation_depth: finite(scales.map(|scales| scales.correlation)),
        phase: match chi_1 {
            None => "unknown",
            Some(chi) if (chi - 1.0).abs() < 1e-6 => "edge of chaos",
            Some(chi) if chi < 1.0 => "ordered: gradients vanish",
            Some(_) => "chaotic: gradients explode",
        },
    }
}

impl Theory {
    /// The tables as text.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            self.activation.clone(),
            String::new(),
            format!("forward gain  1/sqrt(E[f(z)^2])    {:.6}", self.forward_gain),
            format!("backward gain 1/sqrt(E[f'(z)^2])   {:.6}", self.backward_gain),
            format!(
                "E[f(z)]                            {:.6}",
                (self.mean * 1e12).round() / 1e12 + 0.0
            ),
            format!("E[f(z)^2]                          {:.6}", self.second_moment),
            format!("E[f'(z)^2]                         {:.6}", self.slope),
            format!("chi_1 at the forward gain          {:.6}", self.gradient_factor),
            format!("error of these numbers             {:.0e}", self.error),
            String::new(),
        ];
        let or = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), figure);
        let mut rows = vec![cells([
            "networks without biases",
            "sigma_w",
            "q*",
            "chi_q",
            "chi_1",
            "xi_q",
            "xi_c",
            "",
        ])];
        rows.extend(self.networks.iter().map(|network| {
            vec![
                network.weights.to_owned(),
                figure(network.sigma_w),
                or(network.fixed_point),
                or(network.chi_q),
                or(network.chi_1),
                or(network.variance_depth),
                or(network.correlation_depth),
                network.phase.to_owned(),
            ]
        }));
        lines.extend(aligned(&rows));
        lines.push(String::new());
        let mut rows = vec![cells(["edge of chaos at variance", "sigma_w", "sigma_b", "chi_q"])];
        rows.extend(self.silent.iter().chain(&self.edge).map(|point| {
            [point.variance, point.sigma_w, point.sigma_b, point.chi_q].map(figure).to_vec()
        }));
        if rows.len() == 1 {
            lines.push("The edge of chaos has no point at variances from 0.01 to 10.".into());
        } else {
            lines.extend(aligned(&rows));
        }
        lines.push(String::new());
        lines.push(
            "sigma_w: standard deviation of the weights times sqrt(m), for m inputs of a unit; sigma_b: of"
                .into(),
        );
        lines.extend(
            [
                "the biases. q*: limit of the variance of the pre-activations over many layers, from 1. chi_q,",
                "chi_1: factors by which a layer multiplies a deviation from q* and the variance of gradients.",
                "xi_q, xi_c: numbers of layers over which the length of an input and the difference between",
                "two inputs decay by a factor e. -: does not exist.",
            ]
            .map(String::from),
        );
        lines
    }
}
