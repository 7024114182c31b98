//! The activations and their derivatives in `f64`, for tests: textbook formulas on the functions of
//! the standard library, arranged so that nothing cancels (near a zero, by the Taylor series
//! there). What a formula of one line computes stands in the row of its function.
//!
//! `tests/accuracy.rs` compares them with `tests/data/reference.csv`, which `tools/reference.py`
//! computed with 400 digits: the relative error stays below `2^-36`.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// The bound of a function's error and of its derivative's, and the function in high precision.
#[derive(Clone, Copy, Debug)]
pub struct Accuracy {
    /// The bound in ULP of `f32` on the levels with fused multiply-add, and on the portable one.
    /// That of the derivative is [`COMPOSED`].
    pub bounds: [f64; 2],
    /// The function of `x` and of the numbers by their names, as `tools/reference.py` evaluates it.
    pub formula: &'static str,
    /// The largest `|x|` at which an `f64` of the function, and of its derivative, is not trivial.
    pub reach: [f64; 2],
}

/// The bounds of most functions.
pub const BASIC: [f64; 2] = [1.0, 2.0];

/// The bounds of harder functions, composed ones and derivatives.
pub const COMPOSED: [f64; 2] = [2.0, 3.0];

pub(super) fn basic(formula: &'static str, reach: [f64; 2]) -> Accuracy {
    Accuracy { bounds: BASIC, formula, reach }
}

pub(super) fn composed(formula: &'static str, reach: [f64; 2]) -> Accuracy {
    Accuracy { bounds: COMPOSED, formula, reach }
}

/// One where a derivative is, zero where it is not, NaN at NaN.
pub(super) fn step(x: f64, inside: bool) -> f64 {
    if x.is_nan() { x } else { f64::from(u8::from(inside)) }
}

/// The value for positive `x`, and the value for others, NaN among them.
pub(super) fn by_sign(x: f64, above: f64, below: f64) -> f64 {
    if x > 0.0 { above } else { below }
}

pub(super) const SELU_SCALE: f64 = 1.0507009873554804934193349852946;
pub(super) const SELU_ALPHA: f64 = 1.6732632423543772848170429916717;

/// `1 / (1 + e^-x)`, without overflow.
pub(super) fn logistic(x: f64) -> f64 {
    if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }
}

/// `x f(x)` where the factor may vanish: the limit at negative infinity is zero.
pub(super) fn weighted(x: f64, factor: f64) -> f64 {
    if factor == 0.0 { 0.0_f64.copysign(x) } else { x * factor }
}

/// `ln(1 + e^x)`, without overflow.
pub(super) fn softplus(x: f64) -> f64 {
    if x.is_nan() { x } else { x.max(0.0) + (-x.abs()).exp().ln_1p() }
}

pub(super) fn hard_sigmoid(x: f64) -> f64 {
    (x + 3.0).clamp(0.0, 6.0) / 6.0
}

/// By its series where the difference cancels.
pub(super) fn tanhshrink(x: f64) -> f64 {
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
pub(super) fn normal(x: f64) -> f64 {
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

pub(super) fn silu_slope(x: f64) -> f64 {
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

/// `x / 2 (1 + tanh ..)`.
pub(super) fn gelu_tanh(x: f64) -> f64 {
    weighted(x, logistic(gelu_tanh_argument(x).0))
}

pub(super) fn gelu_slope(x: f64) -> f64 {
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

pub(super) fn gelu_tanh_slope(x: f64) -> f64 {
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

pub(super) fn mish_slope(x: f64) -> f64 {
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
    fn the_error_function_is_that_of_libm() {
        for i in -2000..=2000 {
            let x = f64::from(i) / 100.0;
            let right = libm::erfc(x);
            assert!((erfc(x) - right).abs() <= 1e-12 * right, "{x}: {:e}, not {right:e}", erfc(x));
        }
    }
}
