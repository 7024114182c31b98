//! [`edge_of_chaos()`]: the initializations under which gradients neither vanish nor explode.

use super::error::{TheoryError, not_negative};
use crate::init::gain::moments;
use crate::init::nonlinearity::Nonlinearity;

/// A point of the edge of chaos.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CriticalPoint {
    /// The variance of the pre-activations, a fixed point.
    pub q: f64,
    /// The standard deviation of the weights, times `sqrt(fan_in)`.
    pub sigma_w: f64,
    /// The standard deviation of the biases.
    pub sigma_b: f64,
    /// The slope of the variance map: the fixed point attracts where it is below 1, and keeps any
    /// variance where it is 1 (relu).
    pub chi_q: f64,
}

/// The curve in the plane of `(sigma_w, sigma_b)` on which `chi_1 = 1` at a fixed point of the
/// variance, with that variance `q` as its parameter:
///
/// ```text
/// sigma_w^2(q) = 1 / E[f'(sqrt(q) z)^2]
/// sigma_b^2(q) = q - sigma_w^2(q) E[f(sqrt(q) z)^2]
/// ```
///
/// Not every `q` is on the curve: where `sigma_b^2` would be negative no bias keeps that variance.
/// For relu the curve is one point, `(sqrt 2, 0)`, for every `q`; for the logistic function it
/// begins at large variances, where the units saturate.
#[derive(Clone, Copy, Debug)]
pub struct EdgeOfChaos<'a> {
    activation: &'a dyn Nonlinearity,
}

/// The edge of chaos of an activation (Poole et al. 2016, Hayou et al. 2019).
///
/// ```
/// use wengert_autodiff::Activation;
/// use wengert_nn::init::edge_of_chaos;
/// let tanh = edge_of_chaos(&Activation::Tanh);
/// let point = tanh.at_sigma_b(0.05_f64.sqrt())?.unwrap();
/// assert!((point.sigma_w.powi(2) - 1.76).abs() < 0.005);
/// # Ok::<(), wengert_nn::init::TheoryError>(())
/// ```
pub fn edge_of_chaos(activation: &dyn Nonlinearity) -> EdgeOfChaos<'_> {
    EdgeOfChaos { activation }
}

/// The searched range of variances.
const RANGE: [f64; 2] = [1e-4, 1e4];

/// Evaluations of the curve in each decade of the variance.
const PER_DECADE: usize = 20;

impl EdgeOfChaos<'_> {
    /// The point whose pre-activations have the variance `q`, or `None` if `q` is not on the curve.
    ///
    /// # Errors
    /// [`TheoryError`] if `q` is negative or an expectation cannot be computed.
    pub fn at_variance(&self, q: f64) -> Result<Option<CriticalPoint>, TheoryError> {
        let q = not_negative("the variance q", q)?;
        let moments = moments(self.activation, q)?;
        let weights = 1.0 / moments.slope;
        // For functions that scale, the two terms are equal but for rounding.
        let rounding = 100.0 * self.activation.epsilon() * q;
        let biases = q - weights * moments.second;
        if biases.is_nan() {
            let activation = self.activation.name();
            return Err(TheoryError::NotFinite { activation, variance: q });
        }
        if !weights.is_finite() || biases < -rounding {
            return Ok(None);
        }
        let biases = if biases < rounding { 0.0 } else { biases };
        Ok(Some(CriticalPoint {
            q,
            sigma_w: weights.sqrt(),
            sigma_b: biases.sqrt(),
            chi_q: weights * moments.growth,
        }))
    }

    /// The point with these biases and the smallest variance from 1e-4 to 1e4, or `None` if that
    /// range has no such point. For `sigma_b = 0` and a function through zero this is the limit of
    /// small variance, `sigma_w = 1 / |f'(0)|`.
    ///
    /// # Errors
    /// [`TheoryError`] if `sigma_b` is negative or an expectation cannot be computed.
    pub fn at_sigma_b(&self, sigma_b: f64) -> Result<Option<CriticalPoint>, TheoryError> {
        let sigma_b = not_negative("sigma_b", sigma_b)?;
        if sigma_b == 0.0
            && let Some(silent) = self.at_variance(0.0)?
        {
            return Ok(Some(silent));
        }
        self.first_crossing(|point| point.sigma_b - sigma_b)
    }

    /// The point with these weights and the smallest variance from 1e-4 to 1e4, or `None` if that
    /// range has no such point.
    ///
    /// # Errors
    /// [`TheoryError`] if `sigma_w` is negative or an expectation cannot be computed.
    pub fn at_sigma_w(&self, sigma_w: f64) -> Result<Option<CriticalPoint>, TheoryError> {
        let sigma_w = not_negative("sigma_w", sigma_w)?;
        self.first_crossing(|point| point.sigma_w - sigma_w)
    }

    /// Points of the curve by increasing variance, evenly in its logarithm, from 1e-4 to 1e4.
    /// Variances that are not on it are left out.
    ///
    /// # Errors
    /// [`TheoryError`] if an expectation cannot be computed.
    pub fn curve(&self) -> Result<Vec<CriticalPoint>, TheoryError> {
        let all: Result<Vec<_>, _> = grid().map(|q| self.at_variance(q)).collect();
        Ok(all?.into_iter().flatten().collect())
    }

    /// The first sign change of `off` along the curve.
    fn first_crossing(
        &self,
        off: impl Fn(&CriticalPoint) -> f64,
    ) -> Result<Option<CriticalPoint>, TheoryError> {
        let mut last: Option<CriticalPoint> = None;
        for q in grid() {
            let here = self.at_variance(q)?;
            if let (Some(before), Some(after)) = (last, here) {
                if off(&before) == 0.0 {
                    return Ok(Some(before));
                }
                if off(&before) * off(&after) < 0.0 {
                    return self.bisect(before, after, &off).map(Some);
                }
            }
            last = here;
        }
        Ok(last.filter(|point| off(point) == 0.0))
    }

    fn bisect(
        &self,
        mut low: CriticalPoint,
        mut high: CriticalPoint,
        off: &impl Fn(&CriticalPoint) -> f64,
    ) -> Result<CriticalPoint, TheoryError> {
        for _ in 0..60 {
            let Some(middle) = self.at_variance(f64::midpoint(low.q, high.q))? else { break };
            if off(&middle) * off(&low) > 0.0 { low = middle } else { high = middle }
        }
        Ok(high)
    }
}

/// The variances at which the curve is evaluated, evenly spaced in the logarithm.
fn grid() -> impl Iterator<Item = f64> {
    let decades = (RANGE[1] / RANGE[0]).log10();
    let steps = (decades * PER_DECADE as f64).round() as usize;
    (0..=steps).map(move |i| RANGE[0] * 10.0_f64.powf(decades * i as f64 / steps as f64))
}
