//! Negative log-likelihoods of numbers.

use std::f64::consts::TAU;

use wengert_autodiff::{Element, Result, Var, ops};

use super::{Reduction, domain, reduce, same_shape};

/// Options of [`gaussian_nll_loss`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GaussianNll {
    /// Whether the constant `ln(2 pi) / 2` is part of the loss; false by default.
    pub full: bool,
    /// The lower bound of the variances; 1e-6 by default.
    pub eps: f64,
    /// The reduction of the losses.
    pub reduction: Reduction,
}

impl Default for GaussianNll {
    fn default() -> Self {
        Self { full: false, eps: 1e-6, reduction: Reduction::Mean }
    }
}

/// The negative log-likelihood of targets under normal distributions of these means and variances,
/// `(ln v + (target - mean)^2 / v) / 2` with `v = max(variance, eps)`.
///
/// # Shapes
/// Means, variances and targets have the same shape, which is also that of the losses.
///
/// # Errors
/// If the shapes differ, or `eps` is not positive and finite.
///
/// Source: D. A. Nix, A. S. Weigend, "Estimating the mean and variance of the target probability
/// distribution", ICNN 1994.
pub fn gaussian_nll_loss<'t, E: Element>(
    mean: Var<'t, E>,
    target: Var<'t, E>,
    variance: Var<'t, E>,
    options: GaussianNll,
) -> Result<Var<'t, E>> {
    const OP: &str = "gaussian_nll_loss";
    same_shape(OP, &[mean, target, variance])?;
    domain::<E>(OP, "eps", options.eps, true)?;
    let variance = ops::clamp(variance, E::from_f64(options.eps), E::INFINITY)?;
    // The deviation is divided before it is squared, and its square halved before it is complete:
    // the square alone may be out of range.
    let ratio = ops::div(ops::sub(target, mean)?, ops::sqrt(variance)?)?;
    let half = |x: Var<'t, E>| ops::mul_scalar(x, E::from_f64(0.5));
    let mut losses = ops::add(half(ops::log(variance)?)?, ops::mul(half(ratio)?, ratio)?)?;
    if options.full {
        losses = ops::add_scalar(losses, E::from_f64(0.5 * TAU.ln()))?;
    }
    reduce(losses, options.reduction)
}

/// Options of [`poisson_nll_loss`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoissonNll {
    /// Whether the predictions are logarithms of rates; true by default.
    pub log_input: bool,
    /// Whether Stirling's approximation of `ln target!`, for targets above 1, is part of the loss;
    /// false by default.
    pub full: bool,
    /// The number that is added to a rate before its logarithm, if the predictions are rates; 1e-8
    /// by default.
    pub eps: f64,
    /// The reduction of the losses.
    pub reduction: Reduction,
}

impl Default for PoissonNll {
    fn default() -> Self {
        Self { log_input: true, full: false, eps: 1e-8, reduction: Reduction::Mean }
    }
}

/// The negative log-likelihood of counts under Poisson distributions: `e^x - target x` if the
/// predictions `x` are logarithms of rates, `x - target ln(x + eps)` if they are rates.
///
/// # Shapes
/// Predictions and targets have the same shape, which is also that of the losses.
///
/// # Errors
/// If the shapes differ, or `eps` is negative or not finite.
pub fn poisson_nll_loss<'t, E: Element>(
    prediction: Var<'t, E>,
    target: Var<'t, E>,
    options: PoissonNll,
) -> Result<Var<'t, E>> {
    const OP: &str = "poisson_nll_loss";
    same_shape(OP, &[prediction, target])?;
    domain::<E>(OP, "eps", options.eps, false)?;
    let (rate, log_rate) = if options.log_input {
        (ops::exp(prediction)?, prediction)
    } else {
        let shifted = ops::add_scalar(prediction, E::from_f64(options.eps))?;
        (prediction, ops::log(shifted)?)
    };
    let losses = ops::sub(rate, ops::mul(target, log_rate)?)?;
    if !options.full {
        return reduce(losses, options.reduction);
    }
    // For targets y above 1 with y ln y - y + ln(2 pi y) / 2. The products with y, and the numbers
    // without, are nearly equal for large counts, so that each pair is subtracted first.
    let counts = ops::clamp(target, E::ONE, E::INFINITY)?;
    let log = ops::log(counts)?;
    let likely = ops::mul(counts, ops::sub(log, log_rate)?)?;
    let half = ops::mul_scalar(ops::add_scalar(log, E::from_f64(TAU.ln()))?, E::from_f64(0.5))?;
    let full = ops::add(ops::add(ops::sub(rate, counts)?, likely)?, half)?;
    reduce(ops::where_(&target.gt_scalar(E::ONE), full, losses)?, options.reduction)
}
