//! [`gain()`]: the factors by which an activation changes the variance of signals and gradients.

use super::nonlinearity::Nonlinearity;
use super::quadrature::{Estimate, expectation};
use super::theory::TheoryError;

/// The effect of an activation on the variance of signals and gradients, for inputs `z ~ N(0, 1)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gain {
    /// `1 / sqrt(E[f(z)^2])`: with weights of variance `forward^2 / fan_in`, pre-activations of
    /// variance 1 stay at variance 1.
    pub forward: f64,
    /// `E[f'(z)^2]`: the factor by which the activation multiplies the variance of gradients.
    pub slope: f64,
    /// `E[f(z)]`: if it is far from zero, all units share a common signal that is independent of
    /// the input.
    pub mean: f64,
    /// The estimated error of `E[f(z)^2]` and `slope`: the difference of two quadrature rules,
    /// relative to the larger of the value and 1.
    pub error: f64,
}

impl Gain {
    /// `E[f(z)^2]`.
    pub fn second_moment(&self) -> f64 {
        self.forward.powi(-2)
    }

    /// `1 / sqrt(E[f'(z)^2])`: with weights of variance `backward^2 / fan_out`, gradients keep
    /// their variance. Forward and backward gain agree for positively homogeneous functions (relu,
    /// leaky relu); for others, [`edge_of_chaos`](super::edge_of_chaos) computes where both hold.
    pub fn backward(&self) -> f64 {
        self.slope.powf(-0.5)
    }

    /// `chi_1 = forward^2 E[f'(z)^2]`: the factor by which a layer with the forward gain multiplies
    /// the variance of gradients. After `n` layers the factor is its `n`th power.
    pub fn gradient_factor(&self) -> f64 {
        self.forward * self.forward * self.slope
    }
}

/// Computes the gain of an activation, built in or user-defined: `1/sqrt(E[f(z)^2])` forward and
/// `E[f'(z)^2]` backward for `z ~ N(0, 1)`.
///
/// Expectations are Gauss-Hermite sums of 32, 64 or 128 nodes where these agree, otherwise
/// composite Gauss-Legendre sums split at the kinks; derivatives come from the tape. For relu,
/// `E[f'^2] = 1/2` is accurate to 1e-14; for all built-in activations the error is below 1e-12.
///
/// PyTorch's `calculate_gain` is a table that partly consists of rules of thumb. In comparison:
///
/// | activation | forward gain | `E[f'^2]` | PyTorch | |
/// |---|---|---|---|---|
/// | identity | 1 | 1 | 1 | |
/// | relu | 1.4142 | 0.5 | sqrt 2 | the same; He et al. 2015 |
/// | leaky relu | sqrt(2 / (1 + s^2)) | (1 + s^2)/2 | the same | He et al. 2015, equation 15 |
/// | tanh | 1.5925 | 0.4644 | 5/3 | a rule of thumb, 5 % larger; with either, each layer multiplies the variance of gradients by `chi_1 = 1.18` or more |
/// | logistic | 1.8462 | 0.0448 | 1 | its mean of 1/2 is part of `E[f^2]`; each layer multiplies the variance of gradients by 0.153 |
/// | selu | 1.0000 | 1.0716 | 3/4 | designed for the gain 1 (Klambauer et al. 2017); 3/4 was chosen by experiment |
///
/// ```
/// use wengert_autodiff::Activation;
/// use wengert_nn::{CustomActivation, init::gain};
/// assert!((gain(&Activation::Relu)?.forward - 2.0_f64.sqrt()).abs() < 1e-14);
/// let mine = CustomActivation::<f64>::new("x logistic(x)", |x| x * x.logistic());
/// let gain = gain(&mine)?;
/// println!("{} +- {:e}", gain.forward, gain.error);
/// # Ok::<(), wengert_nn::init::TheoryError>(())
/// ```
///
/// # Errors
/// [`TheoryError`] if the function cannot be computed, or if its expectations are not finite or
/// cannot be computed to three digits; [`TheoryError::Silent`] if it is zero everywhere.
pub fn gain(activation: &(impl Nonlinearity + ?Sized)) -> Result<Gain, TheoryError> {
    let moments = moments(activation, 1.0)?;
    if !moments.second.is_normal() {
        let (activation, second) = (activation.name(), moments.second);
        return Err(TheoryError::Silent { activation, variance: 1.0, second });
    }
    Ok(Gain {
        forward: moments.second.powf(-0.5),
        slope: moments.slope,
        mean: moments.mean,
        error: moments.error,
    })
}

/// Expectations of an activation's powers at pre-activations of variance `q`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    /// `E[f]`.
    pub(super) mean: f64,
    /// `E[f^2]`.
    pub(super) second: f64,
    /// `E[f'^2]`.
    pub(super) slope: f64,
    /// `dE[f^2]/dq = E[z f f'] / sqrt(q)`.
    pub(super) growth: f64,
    /// `E[f^4]`; infinite if it could not be computed.
    pub(super) fourth: f64,
    /// `E[f'^4]`; infinite if it could not be computed.
    pub(super) slope_fourth: f64,
    pub(super) error: f64,
}

/// The largest relative error of an expectation that is accepted.
const RESOLVED: f64 = 1e-3;

/// The limit of the moments of `f(sqrt(q) z)` for q to 0. If f has a kink at 0, half of all z see
/// the slope on either side of it, however small q is.
fn moments_at_zero(activation: &(impl Nonlinearity + ?Sized)) -> Result<Moments, TheoryError> {
    // Close to 0, and not 0 in f32.
    const NEXT_TO_ZERO: f64 = 1e-30;
    let f = activation.evaluate(&[0.0])?.values[0];
    let distance = if activation.kinks().contains(&0.0) { NEXT_TO_ZERO } else { 0.0 };
    let slopes = activation.evaluate(&[-distance, distance])?.derivatives;
    let [left, right] = [slopes[0], slopes[1]];
    let slope = f64::midpoint(left * left, right * right);
    // E[z f(sqrt(q) z) f'(sqrt(q) z)] / sqrt(q): the term in f(0) is odd in z unless there is a
    // kink.
    let growth = if f == 0.0 || left == right { slope } else { f * (right - left) * f64::INFINITY };
    Ok(Moments {
        mean: f,
        second: f * f,
        slope,
        growth,
        fourth: f.powi(4),
        slope_fourth: f64::midpoint(left.powi(4), right.powi(4)),
        error: 0.0,
    })
}

/// The moments of `f(sqrt(q) z)`.
pub(super) fn moments(
    activation: &(impl Nonlinearity + ?Sized),
    q: f64,
) -> Result<Moments, TheoryError> {
    let not_finite = || TheoryError::NotFinite { activation: activation.name(), variance: q };
    if !(q.is_finite() && q >= 0.0) {
        return Err(not_finite());
    }
    let root = q.sqrt();
    if root == 0.0 {
        return moments_at_zero(activation);
    }
    let integrands = |z: &[f64]| -> Result<Vec<[f64; 6]>, TheoryError> {
        let x: Vec<f64> = z.iter().map(|z| root * z).collect();
        let at = activation.evaluate(&x)?;
        let each = at.values.iter().zip(&at.derivatives).zip(z);
        Ok(each
            .map(|((&f, &d), &z)| [f, f * f, d * d, z * f * d / root, f.powi(4), d.powi(4)])
            .collect())
    };
    let kinks: Vec<f64> = activation.kinks().iter().map(|kink| kink / root).collect();
    let tolerance = 50.0 * activation.epsilon();
    let Estimate { values, errors } = expectation(&integrands, &kinks, tolerance)?;
    // The fourth moments may be infinite where the others are not.
    let finite = |k: usize| values[k].is_finite() && errors[k].is_finite();
    if !(0..4).all(finite) {
        return Err(not_finite());
    }
    let [mean, second, slope, growth, fourth, slope_fourth] = values;
    let error = errors[..4].iter().copied().fold(0.0, f64::max);
    // The integrands of the squares do not change sign: their error is relative to the value
    // itself.
    let of_itself = |k: usize| errors[k] * values[k].max(1.0) / values[k].max(f64::MIN_POSITIVE);
    let worst = error.max(of_itself(1)).max(of_itself(2));
    if worst > RESOLVED {
        let activation = activation.name();
        return Err(TheoryError::Unresolved { activation, variance: q, error: worst });
    }
    let or_infinite = |k: usize, value| {
        if finite(k) && errors[k] <= RESOLVED { value } else { f64::INFINITY }
    };
    let (fourth, slope_fourth) = (or_infinite(4, fourth), or_infinite(5, slope_fourth));
    Ok(Moments { mean, second, slope, growth, fourth, slope_fourth, error })
}
