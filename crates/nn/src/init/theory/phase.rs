//! [`phase_diagram()`]: the phases in the plane of weight and bias deviation.

use std::fmt;

use super::{MeanField, TheoryError};
use crate::init::nonlinearity::Nonlinearity;

/// The behaviour of a deep network at initialization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Gradients vanish, and all inputs become alike.
    Ordered,
    /// `chi_1` is 1 to within a hundredth: gradients pass.
    Critical,
    /// Gradients explode, and inputs that are nearly alike become different.
    Chaotic,
    /// The activations themselves grow without bound.
    Divergent,
}

impl Phase {
    fn symbol(self) -> char {
        match self {
            Phase::Ordered => '.',
            Phase::Critical => 'o',
            Phase::Chaotic => '#',
            Phase::Divergent => '^',
        }
    }
}

/// The phases over a grid of `(sigma_w, sigma_b)`. `Display` draws it as text, `sigma_b` upwards.
#[derive(Clone, Debug, PartialEq)]
pub struct PhaseDiagram {
    /// The weights' standard deviations, times `sqrt(fan_in)`.
    pub sigma_w: Vec<f64>,
    /// The biases' standard deviations.
    pub sigma_b: Vec<f64>,
    /// `chi_1` at the fixed point that the variance reaches from 1; infinite where the variance
    /// diverges. A row for each `sigma_b`.
    pub chi_1: Vec<Vec<f64>>,
    /// The phases, a row for each `sigma_b`.
    pub phases: Vec<Vec<Phase>>,
}

/// The phase of every pair of the given standard deviations.
///
/// # Errors
/// [`TheoryError`] if one is negative or an expectation cannot be computed.
pub fn phase_diagram(
    activation: &dyn Nonlinearity,
    sigma_w: impl IntoIterator<Item = f64>,
    sigma_b: impl IntoIterator<Item = f64>,
) -> Result<PhaseDiagram, TheoryError> {
    let (sigma_w, sigma_b): (Vec<_>, Vec<_>) =
        (sigma_w.into_iter().collect(), sigma_b.into_iter().collect());
    let mut diagram = PhaseDiagram { sigma_w, sigma_b, chi_1: Vec::new(), phases: Vec::new() };
    for &sigma_b in &diagram.sigma_b {
        let (mut row, mut phases) = (Vec::new(), Vec::new());
        for &sigma_w in &diagram.sigma_w {
            let network = MeanField::new(activation, sigma_w, sigma_b)?;
            let chi = match network.fixed_point(1.0)? {
                Some(q) => network.chi_1(q)?,
                None => f64::INFINITY,
            };
            row.push(chi);
            phases.push(match chi {
                chi if chi == f64::INFINITY => Phase::Divergent,
                chi if chi < 0.99 => Phase::Ordered,
                chi if chi > 1.01 => Phase::Chaotic,
                _ => Phase::Critical,
            });
        }
        diagram.chi_1.push(row);
        diagram.phases.push(phases);
    }
    Ok(diagram)
}

impl fmt::Display for PhaseDiagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (sigma_b, row) in self.sigma_b.iter().zip(&self.phases).rev() {
            let row: String = row.iter().map(|phase| phase.symbol()).collect();
            writeln!(f, "{sigma_b:8.3} {row}")?;
        }
        let (first, last) = (self.sigma_w.first(), self.sigma_w.last());
        if let (Some(first), Some(last)) = (first, last) {
            let width = self.sigma_w.len().saturating_sub(5);
            writeln!(f, " sigma_b {first:<width$.2}{last:>5.2} sigma_w")?;
        }
        write!(f, "         . ordered   o critical   # chaotic   ^ divergent")
    }
}
