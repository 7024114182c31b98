//! Mean-field theory: what becomes of signals and gradients in a deep network of random weights.
//!
//! B. Poole et al., "Exponential expressivity in deep neural networks through transient chaos",
//! `NeurIPS` 2016; S. S. Schoenholz et al., "Deep information propagation", ICLR 2017; L. Xiao et
//! al., "Dynamical isometry and a mean field theory of CNNs", ICML 2018; S. Hayou et al., "On the
//! impact of the activation function on deep neural networks training", ICML 2019.
//!
//! The maps and their fixed points are in `mean_field`, the correlation integrals in `pair`, the
//! curve between order and chaos in `edge` and its picture in `phase`, whole stacks of layers at
//! finite width in `stack`.

mod edge;
mod mean_field;
mod pair;
mod phase;
mod stack;

pub use edge::{CriticalPoint, EdgeOfChaos, edge_of_chaos};
pub use mean_field::{DepthScales, MeanField};
pub(super) use pair::rough_pair;
pub use phase::{Phase, PhaseDiagram, phase_diagram};
pub use stack::{StackLayer, StackPrediction, predict};

use wengert_autodiff::Shape;

use super::figure::figure;

/// Why a gain or a quantity of mean-field theory cannot be computed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TheoryError {
    /// The activation's operations refuse.
    #[error("the activation cannot be computed: {0}")]
    Function(#[from] wengert_autodiff::Error),
    /// The function is not one of single elements.
    #[error(
        "the activation was given numbers of shape {given} and returned {returned}; it must work element by element and keep the shape"
    )]
    NotElementwise {
        /// What it was given.
        given: Shape,
        /// What it returned.
        returned: Shape,
    },
    /// An expectation that is not a finite number.
    #[error(
        "the expectations of {activation} at pre-activations of variance {} are not finite, or come from beyond 37 standard deviations; it must be defined everywhere and grow more slowly than e^(x^2/4)", figure(*.variance)
    )]
    NotFinite {
        /// The activation's name.
        activation: String,
        /// The variance.
        variance: f64,
    },
    /// An expectation that the quadrature does not settle on.
    #[error(
        "the expectations of {activation} at pre-activations of variance {} could not be resolved (two quadrature rules differ by {error:.1e} of them): either they are not finite, or the function bends or jumps where it does not say so; name its kinks (CustomActivation::with_kinks)", figure(*.variance)
    )]
    Unresolved {
        /// The activation's name.
        activation: String,
        /// The variance.
        variance: f64,
        /// By how much the rules differ, relative to the value.
        error: f64,
    },
    /// An activation that lets nothing through.
    #[error(
        "{activation} is zero, or nearly so, at every point that pre-activations of variance {} reach: E[f^2] = {second:e}, and no weights of moderate size bring a signal through it", figure(*.variance)
    )]
    Silent {
        /// The activation's name.
        activation: String,
        /// The variance.
        variance: f64,
        /// `E[f(x)^2]`.
        second: f64,
    },
    /// A number outside its domain.
    #[error("{what} must be {domain}, got {}", figure(*.got))]
    Number {
        /// Which number.
        what: &'static str,
        /// What would be right.
        domain: &'static str,
        /// What was given.
        got: f64,
    },
}

/// A finite number that is not negative.
fn not_negative(what: &'static str, got: f64) -> Result<f64, TheoryError> {
    if got.is_finite() && got >= 0.0 {
        return Ok(got);
    }
    Err(TheoryError::Number { what, domain: "finite and not negative", got })
}
