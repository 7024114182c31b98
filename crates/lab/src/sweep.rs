//! The errors of the activation kernels in units in the last place, over a sweep of all `f32`
//! numbers.

use serde::Serialize;
use wengert::Activation;
use wengert::kernels::testing::{activation, ulp};

use crate::activation::{derivatives, values};

/// The distance of the points in bit patterns: a prime, so that the points cover all parts of the
/// exponent and of the mantissa.
pub const STRIDE: usize = 65_521;

/// The largest errors of an activation over a sweep, in ULP.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Errors {
    /// The name of the activation.
    pub activation: String,
    /// The largest error of the value.
    pub value: f64,
    /// The point of that error.
    pub value_at: f32,
    /// The largest error of the derivative.
    pub derivative: f64,
    /// The point of that error.
    pub derivative_at: f32,
}

/// Every `stride`th `f32` number that is not NaN, in the order of bit patterns.
pub fn points(stride: usize) -> Vec<f32> {
    (0..=u32::MAX).step_by(stride).map(f32::from_bits).filter(|x| !x.is_nan()).collect()
}

/// The errors of the kernels of `activation` at these points, compared with the formula of
/// `formula` in `f64`.
pub fn errors(activation: Activation, formula: Activation, points: &[f32]) -> Errors {
    // The kernels round the parameters of an activation to f32.
    let formula = rounded(formula);
    let mut found = Errors {
        activation: activation.to_string(),
        value: 0.0,
        value_at: 0.0,
        derivative: 0.0,
        derivative_at: 0.0,
    };
    let computed = values(activation, points).into_iter().zip(derivatives(activation, points));
    for (&x, (value, derivative)) in points.iter().zip(computed) {
        // At infinity some formulas are infinity times zero.
        if !x.is_finite() {
            continue;
        }
        let error = ulp::error(value, activation::value(formula, f64::from(x)), 0.0);
        if error > found.value {
            (found.value, found.value_at) = (error, x);
        }
        let error = ulp::error(derivative, activation::slope(formula, f64::from(x)), 0.0);
        if error > found.derivative {
            (found.derivative, found.derivative_at) = (error, x);
        }
    }
    found
}

/// The activation with its slope rounded to `f32`.
fn rounded(activation: Activation) -> Activation {
    match activation {
        Activation::LeakyRelu { slope } => Activation::LeakyRelu { slope: f64::from(slope as f32) },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_is_within_its_bound_and_no_other_function_is() {
        let points = points(STRIDE * 16);
        for activation in Activation::ALL {
            let found = errors(activation, activation, &points);
            assert!(found.value <= 3.0 && found.derivative <= 3.0, "{found:?}");
            let other = match activation {
                Activation::Mish => Activation::Silu,
                _ => Activation::Mish,
            };
            let wrong = errors(other, activation, &points);
            assert!(wrong.value > 1e6, "{wrong:?}");
        }
    }
}
