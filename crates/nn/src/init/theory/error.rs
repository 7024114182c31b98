//! [`TheoryError`], and the check of a standard deviation.

use wengert_autodiff::Shape;

use crate::init::figure::figure;

/// Why a gain or a quantity of mean-field theory cannot be computed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TheoryError {
    /// An operation of the activation failed.
    #[error("the activation cannot be computed: {0}")]
    Function(#[from] wengert_autodiff::Error),
    /// The function does not work element by element.
    #[error(
        "the activation was given numbers of shape {given} and returned {returned}; it must work element by element and keep the shape"
    )]
    NotElementwise {
        /// The shape of its argument.
        given: Shape,
        /// The shape of its result.
        returned: Shape,
    },
    /// An expectation that is not a finite number.
    #[error(
        "the expectations of {activation} at pre-activations of variance {} are not finite, or depend on inputs beyond 37 standard deviations; the function must be defined everywhere and grow more slowly than e^(x^2/4)", figure(*.variance)
    )]
    NotFinite {
        /// The activation's name.
        activation: String,
        /// The variance.
        variance: f64,
    },
    /// An expectation on which the quadrature rules disagree.
    #[error(
        "the expectations of {activation} at pre-activations of variance {} could not be computed accurately (two quadrature rules have a relative difference of {error:.1e}): either they are not finite, or the function has a kink or jump that is not listed; list its kinks with CustomActivation::with_kinks", figure(*.variance)
    )]
    Unresolved {
        /// The activation's name.
        activation: String,
        /// The variance.
        variance: f64,
        /// The difference of the rules, relative to the value.
        error: f64,
    },
    /// An activation that is zero, or nearly so, at all inputs that occur.
    #[error(
        "{activation} is zero, or nearly zero, for all pre-activations of variance {} (its mean square is {second:e}), so that no weights of moderate size pass a signal through it", figure(*.variance)
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
        /// The values that are allowed.
        domain: &'static str,
        /// The number given.
        got: f64,
    },
}

/// Returns the number if it is finite and not negative.
pub(super) fn not_negative(what: &'static str, got: f64) -> Result<f64, TheoryError> {
    if got.is_finite() && got >= 0.0 {
        return Ok(got);
    }
    Err(TheoryError::Number { what, domain: "finite and not negative", got })
}
