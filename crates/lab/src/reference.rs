//! Activations and their derivatives in f64, by formulas that do not cancel, from the standard
//! library and `libm`: what the kernels in f32 are held against. Nothing of the engine is used.

use wengert::Activation;

/// `f(x)` and `f'(x)`; `None` for activations that have no formula here.
pub fn reference(activation: Activation, x: f64) -> Option<[f64; 2]> {
    let logistic =
        |x: f64| if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) };
    // The product of the two halves, each exact at its end.
    let slope = |x: f64| logistic(x) * logistic(-x);
    // sech^2 = 4 logistic'(2x).
    let tanh_slope = |x: f64| 4.0 * slope(2.0 * x);
    let exponential = |x: f64, scale: f64, alpha: f64| {
        if x > 0.0 {
            [scale * x, scale]
        } else {
            [scale * alpha * x.exp_m1(), scale * alpha * x.exp()]
        }
    };
    Some(match activation {
        Activation::Identity => [x, 1.0],
        Activation::Logistic => [logistic(x), slope(x)],
        Activation::Tanh => [x.tanh(), tanh_slope(x)],
        Activation::Relu => [x.max(0.0), if x > 0.0 { 1.0 } else { 0.0 }],
        // As the kernels have it: the number itself is an f32.
        Activation::LeakyRelu { slope } => {
            let slope = f64::from(slope as f32);
            if x > 0.0 { [x, 1.0] } else { [slope * x, slope] }
        }
        Activation::Elu { alpha } => exponential(x, 1.0, alpha),
        Activation::Selu => exponential(x, SELU_SCALE, SELU_ALPHA),
        Activation::Gelu => {
            // x Phi(x); Phi by the complementary error function, which keeps the tail.
            let phi = 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2);
            [x * phi, phi + x * (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()]
        }
        Activation::Silu => [x * logistic(x), logistic(x) + x * slope(x)],
        Activation::Softplus { beta: 1.0 } => [x.max(0.0) + (-x.abs()).exp().ln_1p(), logistic(x)],
        Activation::Softsign => [x / (1.0 + x.abs()), (1.0 + x.abs()).powi(-2)],
        _ => return None,
    })
}

/// G. Klambauer et al., "Self-normalizing neural networks", 2017, equation 14.
const SELU_ALPHA: f64 = 1.673_263_242_354_377_3;
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;

/// Those that have a formula, in the order of tables.
pub fn referenced() -> impl Iterator<Item = Activation> {
    Activation::ALL.into_iter().filter(|&activation| reference(activation, 0.5).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_derivatives_are_those_of_the_values() {
        for activation in referenced() {
            for x in [-6.3, -2.0, -0.7, 0.3, 1.9, 5.0] {
                let step = 1e-5;
                let at = |x: f64| reference(activation, x).unwrap();
                let difference = (at(x + step)[0] - at(x - step)[0]) / (2.0 * step);
                let [_, derivative] = at(x);
                assert!((difference - derivative).abs() < 1e-9, "{activation} at {x}");
            }
        }
    }

    #[test]
    fn tails_are_kept() {
        let value = |activation, x| reference(activation, x).unwrap();
        assert!(
            (value(Activation::Logistic, -100.0)[0] / 3.720_075_976_020_836e-44 - 1.0).abs()
                < 1e-14
        );
        assert!(
            (value(Activation::Tanh, 50.0)[1] / 1.488_030_390_408_334_5e-43 - 1.0).abs() < 1e-13
        );
        assert!(
            (value(Activation::Gelu, -10.0)[0] / -7.619_853_024_160_527e-23 - 1.0).abs() < 1e-13
        );
    }
}
