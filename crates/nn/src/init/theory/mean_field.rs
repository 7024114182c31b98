//! [`MeanField`]: the maps of variance and correlation through a layer, and their fixed points.

use super::error::{TheoryError, not_negative};
use super::pair::pair;
use crate::init::gain::moments;
use crate::init::nonlinearity::Nonlinearity;

/// A deep fully connected network of infinite width with weights from `N(0, sigma_w^2 / fan_in)`
/// and biases from `N(0, sigma_b^2)`.
///
/// The pre-activations of a layer are normal, of variance `q`; those of two inputs have a
/// correlation `c`. A layer maps (Poole et al. 2016)
///
/// ```text
/// q -> sigma_w^2 E[f(sqrt(q) z)^2] + sigma_b^2
/// c -> (sigma_w^2 E[f(u) f(v)] + sigma_b^2) / q      u, v of variance q, correlation c
/// ```
///
/// and the variance of gradients is multiplied by `chi_1 = sigma_w^2 E[f'(sqrt(q) z)^2]` on the way
/// back. A convolution with circular padding does the same in each channel (Xiao et al. 2018),
/// with the receptive field counted in `fan_in`.
///
/// ```
/// use wengert_autodiff::Activation;
/// use wengert_nn::init::MeanField;
/// // Poole et al. 2016 and Schoenholz et al. 2016: critical at sigma_w^2 = 1.76, sigma_b^2 = 0.05.
/// let tanh = MeanField::new(&Activation::Tanh, 1.76_f64.sqrt(), 0.05_f64.sqrt())?;
/// let q = tanh.fixed_point(1.0)?.unwrap();
/// assert!((tanh.chi_1(q)? - 1.0).abs() < 1e-3);
/// # Ok::<(), wengert_nn::init::TheoryError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MeanField<'a> {
    activation: &'a dyn Nonlinearity,
    weight_variance: f64,
    bias_variance: f64,
}

/// The numbers of layers over which information on the input decays by a factor e.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DepthScales {
    /// `xi_q = -1 / ln(chi_q)`: for the length of the input. Infinite where it does not decay.
    pub variance: f64,
    /// `xi_c = -1 / ln(chi_c)`: for the difference between two inputs (and, with `c = 1`, of
    /// gradients). Infinite on the edge of chaos. Schoenholz et al. 2016, equations 6 and 9.
    pub correlation: f64,
}

/// Beyond this variance a network counts as divergent; below its inverse the variance counts as 0.
const EXTREME: f64 = 1e8;

/// A variance that its map changes by less than this, relatively, is a fixed point.
const FIXED: f64 = 1e-13;

impl<'a> MeanField<'a> {
    /// A network whose layers all have this activation and these deviations.
    ///
    /// # Errors
    /// [`TheoryError::Number`] if a standard deviation is negative or not finite.
    pub fn new(
        activation: &'a dyn Nonlinearity,
        sigma_w: f64,
        sigma_b: f64,
    ) -> Result<Self, TheoryError> {
        Ok(Self {
            activation,
            weight_variance: not_negative("sigma_w", sigma_w)?.powi(2),
            bias_variance: not_negative("sigma_b", sigma_b)?.powi(2),
        })
    }

    /// The next layer's variance: `sigma_w^2 E[f(sqrt(q) z)^2] + sigma_b^2`.
    ///
    /// # Errors
    /// [`TheoryError`] if the expectation cannot be computed.
    pub fn variance_map(&self, q: f64) -> Result<f64, TheoryError> {
        let moments = moments(self.activation, q)?;
        Ok(self.weight_variance * moments.second + self.bias_variance)
    }

    /// `chi_q = d variance_map / dq`: a fixed point attracts if it is below 1 there.
    ///
    /// # Errors
    /// [`TheoryError`] if the expectation cannot be computed.
    pub fn chi_q(&self, q: f64) -> Result<f64, TheoryError> {
        Ok(self.weight_variance * moments(self.activation, q)?.growth)
    }

    /// `chi_1 = sigma_w^2 E[f'(sqrt(q) z)^2]`: the factor by which a layer multiplies the variance
    /// of gradients, and the slope of the correlation map at `c = 1`. Below 1 is the ordered phase
    /// (gradients vanish, all inputs become alike), above 1 the chaotic phase (gradients explode).
    ///
    /// # Errors
    /// [`TheoryError`] if the expectation cannot be computed.
    pub fn chi_1(&self, q: f64) -> Result<f64, TheoryError> {
        Ok(self.weight_variance * moments(self.activation, q)?.slope)
    }

    /// The limit of the variance over many layers, from `start`: the nearest fixed point in the
    /// direction in which the variance moves, or `None` if it grows without bound.
    ///
    /// A map that decreases somewhere may also oscillate, and then has no limit.
    ///
    /// # Errors
    /// [`TheoryError`] if an expectation cannot be computed or `start` is negative.
    pub fn fixed_point(&self, start: f64) -> Result<Option<f64>, TheoryError> {
        let start = not_negative("the variance to start from", start)?;
        let drift = |q: f64| -> Result<f64, TheoryError> {
            let off = self.variance_map(q)? - q;
            Ok(if off.abs() <= FIXED * q { 0.0 } else { off })
        };
        let first = drift(start)?;
        if first == 0.0 {
            return Ok(Some(start));
        }
        // Steps in the direction of the drift until its sign changes.
        let step = if first > 0.0 { 1.2 } else { 1.0 / 1.2 };
        let mut near = start;
        let mut far = if start == 0.0 { 1.0 / EXTREME } else { start * step };
        while drift(far)? * first > 0.0 {
            if far > EXTREME {
                return Ok(None);
            }
            if far < 1.0 / EXTREME {
                return Ok(Some(0.0));
            }
            (near, far) = (far, far * step);
        }
        for _ in 0..200 {
            let middle = f64::midpoint(near, far);
            if middle == near || middle == far {
                break;
            }
            if drift(middle)? * first > 0.0 { near = middle } else { far = middle }
        }
        Ok(Some(far))
    }

    /// The next layer's correlation of two inputs, whose pre-activations have both the variance
    /// `q`, for a `q` that is a fixed point. To nine digits for smooth activations and for those
    /// that name their kinks, up to `q` of a thousand; to about four at a kink not named.
    ///
    /// # Errors
    /// [`TheoryError`] if the expectation cannot be computed or `c` is not in `[-1, 1]`.
    pub fn correlation_map(&self, q: f64, c: f64) -> Result<f64, TheoryError> {
        check(q, c)?;
        let variance = self.variance_map(q)?;
        if !(variance.is_normal() && variance > 0.0) {
            return Err(TheoryError::Number {
                what: "the next layer's variance",
                domain: "finite and above 0 for a correlation to exist",
                got: variance,
            });
        }
        let values = pair(self.activation, q, c)?.values;
        Ok((self.weight_variance * values + self.bias_variance) / variance)
    }

    /// `chi_c = sigma_w^2 E[f'(u) f'(v)]`: the slope of the correlation map, for a `q` that is a
    /// fixed point.
    ///
    /// # Errors
    /// [`TheoryError`] if the expectation cannot be computed or `c` is not in `[-1, 1]`.
    pub fn chi_c(&self, q: f64, c: f64) -> Result<f64, TheoryError> {
        check(q, c)?;
        Ok(self.weight_variance * pair(self.activation, q, c)?.derivatives)
    }

    /// The limit of the correlation of two different inputs, at the fixed point `q` of the
    /// variance: 1 in the ordered phase and on the edge, below 1 in the chaotic phase.
    ///
    /// # Errors
    /// [`TheoryError`] if an expectation cannot be computed.
    pub fn correlation_fixed_point(&self, q: f64) -> Result<f64, TheoryError> {
        if self.chi_1(q)? <= 1.0 + 1e-9 {
            return Ok(1.0);
        }
        // In the chaotic phase the map is below the diagonal right of its other fixed point.
        let above = |c: f64| Ok::<bool, TheoryError>(self.correlation_map(q, c)? > c);
        let (mut low, mut high) = (0.0, 1.0);
        if !above(low)? {
            return Ok(0.0);
        }
        for _ in 0..40 {
            let middle = f64::midpoint(low, high);
            if above(middle)? { low = middle } else { high = middle }
        }
        Ok(f64::midpoint(low, high))
    }

    /// The depth scales at the fixed point `q` of the variance.
    ///
    /// # Errors
    /// [`TheoryError`] if an expectation cannot be computed.
    pub fn depth_scales(&self, q: f64) -> Result<DepthScales, TheoryError> {
        let scale =
            |chi: f64| if chi < 1.0 - 1e-12 { -1.0 / chi.abs().ln() } else { f64::INFINITY };
        let correlation = self.correlation_fixed_point(q)?;
        let slope = if correlation == 1.0 { self.chi_1(q)? } else { self.chi_c(q, correlation)? };
        Ok(DepthScales { variance: scale(self.chi_q(q)?), correlation: scale(slope) })
    }
}

/// Checks that two inputs of this variance can have this correlation.
fn check(q: f64, c: f64) -> Result<(), TheoryError> {
    if !(q.is_finite() && q > 0.0) {
        return Err(TheoryError::Number {
            what: "the variance q",
            domain: "finite and above 0 for a correlation to exist",
            got: q,
        });
    }
    if !(-1.0..=1.0).contains(&c) {
        return Err(TheoryError::Number {
            what: "the correlation c",
            domain: "within -1..=1",
            got: c,
        });
    }
    Ok(())
}
