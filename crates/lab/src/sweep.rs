//! The error of the activation kernels in units in the last place, over a strided sweep of all f32.

use serde::Serialize;
use wengert::Activation;
use wengert::kernels::testing::ulp;

use crate::course::network::{derivatives, values};
use crate::reference::reference;

/// Every so many f32, counted by their bit patterns; a prime, so that all parts of the exponent and
/// of the mantissa are met.
pub const STRIDE: usize = 65_521;

/// The worst errors of an activation in ULP over a sweep.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Errors {
    /// Which.
    pub activation: String,
    /// Of the value.
    pub value: f64,
    /// Where.
    pub value_at: f32,
    /// Of the derivative.
    pub derivative: f64,
    /// Where.
    pub derivative_at: f32,
}

/// Each `stride`th f32 that is not NaN.
pub fn points(stride: usize) -> Vec<f32> {
    (0..=u32::MAX).step_by(stride).map(f32::from_bits).filter(|x| !x.is_nan()).collect()
}

/// The errors of `activation` against the formula of `formula`, at these points. `None` if there is
/// no formula.
pub fn errors(activation: Activation, formula: Activation, points: &[f32]) -> Option<Errors> {
    reference(formula, 0.0)?;
    let mut found = Errors {
        activation: activation.to_string(),
        value: 0.0,
        value_at: 0.0,
        derivative: 0.0,
        derivative_at: 0.0,
    };
    let got = values(activation, points).into_iter().zip(derivatives(activation, points));
    for (&x, (value, derivative)) in points.iter().zip(got) {
        // At infinity some formulas in f64 are infinity by zero.
        if !x.is_finite() {
            continue;
        }
        let [expected, slope] = reference(formula, f64::from(x))?;
        let off = ulp::error(value, expected, 0.0);
        if off > found.value {
            (found.value, found.value_at) = (off, x);
        }
        let off = ulp::error(derivative, slope, 0.0);
        if off > found.derivative {
            (found.derivative, found.derivative_at) = (off, x);
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::referenced;

    #[test]
    fn every_kernel_is_within_its_bound_and_no_other_function_is() {
        let points = points(STRIDE * 16);
        for activation in referenced() {
            let found = errors(activation, activation, &points).unwrap();
            assert!(found.value <= 3.0 && found.derivative <= 3.0, "{found:?}");
            let wrong = errors(Activation::Mish, activation, &points).unwrap();
            assert!(wrong.value > 1e6, "{wrong:?}");
        }
    }
}
