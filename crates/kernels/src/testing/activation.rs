//! The activations and their derivatives in `f64`: textbook formulas on the functions of the
//! standard library, arranged so that nothing cancels (near a zero, by the Taylor series there).
//!
//! `tests/accuracy.rs` holds them against `tests/data/reference.csv`, which
//! `tools/reference.py` computed with 400 digits: the relative error stays below `2^-36`.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use crate::activation::Activation;

/// The value of an activation.
pub fn value(act: Activation, x: f64) -> f64 {
    match act {
        Activation::Identity => x,
        Activation::Logistic => logistic(x),
        Activation::Tanh => x.tanh(),
        Activation::Relu => {
            if x <= 0.0 {
                0.0
            } else {
                x
            }
        }
        Activation::LeakyRelu { slope } => {
            if x > 0.0 {
                x
            } else {
                slope * x
            }
        }
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::Elu { alpha } => {
            if x > 0.0 {
                x
            } else {
                alpha * x.exp_m1()
            }
        }
        Activation::Selu => SELU_SCALE * if x > 0.0 { x } else { SELU_ALPHA * x.exp_m1() },
        Activation::Celu { alpha } => {
            if x > 0.0 {
                x
            } else {
                alpha * (x / alpha).exp_m1()
            }
        }
        Activation::Gelu => weighted(x, normal(x)),
        Activation::GeluTanh => weighted(x, logistic(gelu_tanh_argument(x).0)),
        Activation::Silu => weighted(x, logistic(x)),
        Activation::Mish => weighted(x, x.exp().ln_1p().tanh()),
        Activation::Softplus { beta } => softplus(beta * x) / beta,
        Activation::Softsign => {
            if x.is_infinite() {
                x.signum()
            } else {
                x / (1.0 + x.abs())
            }
        }
        Activation::HardSigmoid => hard_sigmoid(x),
        Activation::HardSwish => weighted(x, hard_sigmoid(x)),
        Activation::HardTanh { min, max } => x.clamp(min, max),
        Activation::LogSigmoid => -softplus(-x),
        Activation::Softshrink { lambda } => {
            if x.abs() <= lambda {
                0.0
            } else {
                x - lambda.copysign(x)
            }
        }
        Activation::Tanhshrink => tanhshrink(x),
    }
}

/// The derivative of an activation; at a kink what the module [`activation`](crate::activation)
/// says.
pub fn slope(act: Activation, x: f64) -> f64 {
    let step = |inside: bool| if x.is_nan() { x } else { f64::from(u8::from(inside)) };
    match act {
        Activation::Identity => step(true),
        Activation::Logistic => logistic(x) * logistic(-x),
        Activation::Tanh => 1.0 / x.cosh().powi(2),
        Activation::Relu => step(x > 0.0),
        Activation::LeakyRelu { slope } => {
            if x <= 0.0 {
                slope
            } else {
                step(true)
            }
        }
        Activation::Relu6 => step(x > 0.0 && x < 6.0),
        Activation::Elu { alpha } => {
            if x > 0.0 {
                1.0
            } else {
                alpha * x.exp()
            }
        }
        Activation::Selu => SELU_SCALE * if x > 0.0 { 1.0 } else { SELU_ALPHA * x.exp() },
        Activation::Celu { alpha } => {
            if x > 0.0 {
                1.0
            } else {
                (x / alpha).exp()
            }
        }
        Activation::Gelu => gelu_slope(x),
        Activation::GeluTanh => gelu_tanh_slope(x),
        Activation::Silu => silu_slope(x),
        Activation::Mish => mish_slope(x),
        Activation::Softplus { beta } => logistic(beta * x),
        Activation::Softsign => 1.0 / (1.0 + x.abs()).powi(2),
        Activation::HardSigmoid => step(x > -3.0 && x < 3.0) / 6.0,
        Activation::HardSwish => {
            if x > -3.0 && x < 3.0 {
                (2.0 * x + 3.0) / 6.0
            } else {
                step(x >= 3.0)
            }
        }
        Activation::HardTanh { min, max } => step(x > min && x < max),
        Activation::LogSigmoid => logistic(-x),
        Activation::Softshrink { lambda } => step(x.abs() > lambda),
        Activation::Tanhshrink => x.tanh().powi(2),
    }
}

const SELU_SCALE: f64 = 1.0507009873554804934193349852946;
const SELU_ALPHA: f64 = 1.6732632423543772848170429916717;

fn logistic(x: f64) -> f64 {
    if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }
}

/// `x f(x)` where the factor may vanish: the limit at negative infinity is zero.
fn weighted(x: f64, factor: f64) -> f64 {
    if factor == 0.0 { 0.0_f64.copysign(x) } else { x * factor }
}

fn softplus(x: f64) -> f64 {
    if x.is_nan() { x } else { x.max(0.0) + (-x.abs()).exp().ln_1p() }
}

fn hard_sigmoid(x: f64) -> f64 {
    (x + 3.0).clamp(0.0, 6.0) / 6.0
}

/// By its series where the difference cancels.
fn tanhshrink(x: f64) -> f64 {
    if x.abs() > 0.1 {
        return x - x.tanh();
    }
    let w = x * x;
    let series = 1.0 / 3.0
        - w * (2.0 / 15.0
            - w * (17.0 / 315.0
                - w * (62.0 / 2835.0 - w * (1382.0 / 155_925.0 - w * (21844.0 / 6_081_075.0)))));
    x * w * series
}

/// `1 - erf x`: below 2 by the series of `e^(x^2) erf x`, whose terms have one sign, and beyond by
/// Laplace's continued fraction.
fn erfc(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 - erfc(-x);
    }
    let scale = (-x * x).exp() / PI.sqrt();
    if x < 2.0 {
        let (mut term, mut sum) = (2.0 * x, 0.0);
        for n in 1..80 {
            sum += term;
            term *= 2.0 * x * x / f64::from(2 * n + 1);
        }
        return 1.0 - scale * sum;
    }
    let rest = (1..=200).rev().fold(0.0, |rest, k| 0.5 * f64::from(k) / (x + rest));
    scale / (x + rest)
}

/// The distribution function of the standard normal distribution.
fn normal(x: f64) -> f64 {
    0.5 * erfc(-x * FRAC_1_SQRT_2)
}

/// Twice the argument of the hyperbolic tangent in gelu's tanh form, and its derivative.
fn gelu_tanh_argument(x: f64) -> (f64, f64) {
    let scale = 2.0 * (2.0 / PI).sqrt();
    (scale * x * (1.0 + 0.044715 * x * x), scale * (1.0 + 3.0 * 0.044715 * x * x))
}

/// A derivative's zero (a number and what it lacks) and its Taylor coefficients there, from the
/// first power on, as `tools/reference.py` prints them.
struct Root([f64; 2], [f64; 5]);

impl Root {
    /// The Taylor polynomial near the zero, and `far` elsewhere.
    fn or(&self, x: f64, far: impl Fn(f64) -> f64) -> f64 {
        let d = (x - self.0[0]) - self.0[1];
        if d.abs() < 1e-3 { d * self.1.iter().rev().fold(0.0, |y, c| y * d + c) } else { far(x) }
    }
}

fn silu_slope(x: f64) -> f64 {
    let root = Root(
        [-1.2784645427610737, -1.0946994183093437e-16],
        [
            0.2178117057198001,
            0.1466487969969469,
            0.018874814223782312,
            -0.015222655223188032,
            -0.006606589138356696,
        ],
    );
    root.or(x, |x| {
        let (s, rest) = (logistic(x), logistic(-x));
        if s == 0.0 || rest == 0.0 { s } else { s * (1.0 + x * rest) }
    })
}

fn gelu_slope(x: f64) -> f64 {
    let root = Root(
        [-0.7517915246935645, 1.4956759177009883e-17],
        [
            0.4314939923140469,
            0.388284982990552,
            -0.018199676398671087,
            -0.1140082332972217,
            -0.014771522148244337,
        ],
    );
    root.or(x, |x| normal(x) + weighted(x, (-0.5 * x * x).exp() / (2.0 * PI).sqrt()))
}

fn gelu_tanh_slope(x: f64) -> f64 {
    let root = Root(
        [-0.7524614220710163, 3.635560509207687e-17],
        [
            0.4304000910248585,
            0.38751844613578895,
            -0.01578285352184803,
            -0.11394448308095899,
            -0.01661932834305256,
        ],
    );
    root.or(x, |x| {
        let (y, slope) = gelu_tanh_argument(x);
        let (s, rest) = (logistic(y), logistic(-y));
        if s == 0.0 || rest == 0.0 { s } else { s * (1.0 + x * rest * slope) }
    })
}

fn mish_slope(x: f64) -> f64 {
    let root = Root(
        [-1.1924312145154952, -4.8484829848031044e-17],
        [
            0.2669479140495345,
            0.20473126408010586,
            0.04190782104360987,
            -0.020271822716684245,
            -0.01582112656173338,
        ],
    );
    root.or(x, |x| {
        if x > 60.0 {
            return 1.0;
        }
        let w = x.exp();
        let omega = 4.0 * (x + 1.0) + w * (4.0 * x + 6.0) + 4.0 * w * w + w.powi(3);
        weighted(omega, w) / (w * w + 2.0 * w + 2.0).powi(2)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_those_of_the_values() {
        for act in Activation::ALL {
            for i in -60..=60 {
                // No kink lies at an odd multiple of 1/16.
                let (x, h) = (f64::from(2 * i + 1) / 16.0, 1e-4);
                let difference = (value(act, x + h) - value(act, x - h)) / (2.0 * h);
                let error = (slope(act, x) - difference).abs();
                assert!(error < 1e-7, "{act} at {x}: {} beside {difference}", slope(act, x));
            }
        }
    }

    #[test]
    fn the_error_function_is_that_of_libm() {
        for i in -2000..=2000 {
            let x = f64::from(i) / 100.0;
            let right = libm::erfc(x);
            assert!((erfc(x) - right).abs() <= 1e-12 * right, "{x}: {:e}, not {right:e}", erfc(x));
        }
    }
}
