//! The activations: a row for each, and a type that computes it,
//! [`VectorFn`](crate::slices::VectorFn) for its value and [`Derivative`](super::Derivative) for
//! its gradient.

mod elu;
mod gelu;
mod mish;
mod rectifier;
mod sigmoid;
mod silu;
mod softplus;

use super::function::{Identity, Visit};
use super::kind::{Graph, Saved, Sloping, ensure, positive};
use super::reference::{self, Accuracy, SELU_ALPHA, SELU_SCALE, basic, composed};
use super::table::activations;
use crate::Float;
use crate::math::{Logistic, Tanh};
use elu::{Celu, Elu, Selu};
use gelu::{Gelu, GeluTanh};
use mish::Mish;
use rectifier::{HardSigmoid, HardSwish, HardTanh, Relu6, Softshrink};
pub(crate) use rectifier::{LeakyRelu, Relu};
use sigmoid::{Softsign, Tanhshrink};
use silu::Silu;
use softplus::{LogSigmoid, Softplus};

/// Plus infinity, for the rows.
const INFINITY: f64 = f64::INFINITY;

activations! {
    /// `x`.
    #[default]
    Identity "identity"
    kernel: Identity, saves: Output,
    kinks: &[], bends: &[], left: [-INFINITY, 1.0], right: [INFINITY, 1.0],
    sloping: None,
    value: |x| x, slope: |x| reference::step(x, true),
    accuracy: None;

    /// `1 / (1 + e^-x)`.
    Logistic "logistic"
    kernel: Logistic, saves: Input,
    kinks: &[], bends: &[], left: [0.0, 0.0], right: [1.0, 0.0],
    sloping: None,
    value: |x| reference::logistic(x), slope: |x| reference::logistic(x) * reference::logistic(-x),
    accuracy: Some(basic("1 / (1 + exp(-x))", [740.0, 740.0]));

    /// `tanh x`.
    Tanh "tanh"
    kernel: Tanh, saves: Input,
    kinks: &[], bends: &[], left: [-1.0, 0.0], right: [1.0, 0.0],
    sloping: None,
    value: |x| x.tanh(), slope: |x| 1.0 / x.cosh().powi(2),
    accuracy: Some(basic("tanh(x)", [20.0, 370.0]));

    /// `max(x, 0)`; the derivative at zero is 0.
    Relu "relu"
    kernel: Relu, saves: Output,
    kinks: &[0.0], bends: &[], left: [0.0, 0.0], right: [INFINITY, 1.0],
    sloping: Some(Sloping::Between(0.0, INFINITY)),
    value: |x| if x <= 0.0 { 0.0 } else { x }, slope: |x| reference::step(x, x > 0.0),
    accuracy: None;

    /// `x` for positive `x`, else `slope * x`; the derivative at zero is the slope.
    LeakyRelu "leaky_relu" {
        /// The slope for negative arguments, in `[0, 1)`.
        number slope = 0.01, in tests 0.125;
        if (0.0..1.0).contains(&slope),
        else "its slope must be at least 0 and below 1: the output determines its derivative"
    }
    kernel: LeakyRelu::new(slope), saves: Output,
    kinks: &[0.0], bends: &[], left: [-INFINITY, slope], right: [INFINITY, 1.0],
    sloping: None,
    value: |x| reference::by_sign(x, x, slope * x),
    slope: |x| if x <= 0.0 { slope } else { reference::step(x, true) },
    accuracy: None;

    /// `min(max(x, 0), 6)`; the derivative at 0 and 6 is 0.
    Relu6 "relu6"
    kernel: Relu6, saves: Output,
    kinks: &[0.0, 6.0], bends: &[], left: [0.0, 0.0], right: [6.0, 0.0],
    sloping: Some(Sloping::Between(0.0, 6.0)),
    value: |x| x.clamp(0.0, 6.0), slope: |x| reference::step(x, x > 0.0 && x < 6.0),
    accuracy: None;

    /// `x` for positive `x`, else `alpha (e^x - 1)`.
    Elu "elu" {
        /// The limit at negative infinity is minus this; finite.
        number alpha = 1.0, in tests 1.5;
        if alpha.is_finite(),
        else "its alpha must be finite"
    }
    kernel: Elu { alpha }, saves: Input,
    kinks: if alpha == 1.0 { &[] } else { &[0.0] }, bends: &[0.0], left: [-alpha, 0.0], right: [INFINITY, 1.0],
    sloping: None,
    value: |x| reference::by_sign(x, x, alpha * x.exp_m1()),
    slope: |x| reference::by_sign(x, 1.0, alpha * x.exp()),
    accuracy: Some(basic("x if x > 0 else alpha * expm1(x)", [50.0, 740.0]));

    /// `scale x` for positive `x`, else `scale alpha (e^x - 1)`, with the scale 1.0507... and the
    /// alpha 1.6732... of self-normalizing networks.
    Selu "selu"
    kernel: Selu, saves: Input,
    kinks: &[0.0], bends: &[], left: [-1.7580993408473768, 0.0], right: [INFINITY, SELU_SCALE],
    sloping: None,
    value: |x| SELU_SCALE * reference::by_sign(x, x, SELU_ALPHA * x.exp_m1()),
    slope: |x| SELU_SCALE * reference::by_sign(x, 1.0, SELU_ALPHA * x.exp()),
    accuracy: Some(basic(
        "mpf('1.0507009873554804934193349852946') * (x if x > 0 else \
         mpf('1.6732632423543772848170429916717') * expm1(x))",
        [50.0, 740.0]
    ));

    /// `x` for positive `x`, else `alpha (e^(x / alpha) - 1)`.
    Celu "celu" {
        /// The limit at negative infinity is minus this; positive.
        number alpha = 1.0, in tests 3.0;
        if positive(alpha),
        else "its alpha must be positive and finite"
    }
    kernel: Celu { alpha }, saves: Input,
    kinks: &[], bends: &[0.0], left: [-alpha, 0.0], right: [INFINITY, 1.0],
    sloping: None,
    value: |x| reference::by_sign(x, x, alpha * (x / alpha).exp_m1()),
    slope: |x| reference::by_sign(x, 1.0, (x / alpha).exp()),
    accuracy: Some(basic("x if x > 0 else alpha * expm1(x / alpha)", [50.0, 740.0]));

    /// `x Phi(x)`, with the standard normal distribution `Phi`.
    Gelu "gelu"
    kernel: Gelu, saves: Input,
    kinks: &[], bends: &[], left: [0.0, 0.0], right: [INFINITY, 1.0],
    sloping: None,
    value: |x| reference::weighted(x, reference::normal(x)), slope: |x| reference::gelu_slope(x),
    accuracy: Some(composed("x * erfc(-x / sqrt(2)) / 2", [38.0, 38.0]));

    /// `x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`, an approximation of gelu.
    GeluTanh "gelu_tanh"
    kernel: GeluTanh, saves: Input,
    kinks: &[], bends: &[], left: [0.0, 0.0], right: [INFINITY, 1.0],
    sloping: None,
    value: |x| reference::gelu_tanh(x), slope: |x| reference::gelu_tanh_slope(x),
    accuracy: Some(composed(
        "x / (1 + exp(-2 * sqrt(2 / pi) * (x + mpf('0.044715') * x**3)))",
        [21.0, 21.0]
    ));

    /// `x / (1 + e^-x)`.
    Silu "silu"
    kernel: Silu, saves: Input,
    kinks: &[], bends: &[], left: [0.0, 0.0], right: [INFINITY, 1.0],
    sloping: None,
    value: |x| reference::weighted(x, reference::logistic(x)), slope: |x| reference::silu_slope(x),
    accuracy: Some(basic("x / (1 + exp(-x))", [740.0, 740.0]));

    /// `x tanh(ln(1 + e^x))`.
    Mish "mish"
    kernel: Mish, saves: Input,
    kinks: &[], bends: &[], left: [0.0, 0.0], right: [INFINITY, 1.0],
    sloping: None,
    value: |x| reference::weighted(x, x.exp().ln_1p().tanh()), slope: |x| reference::mish_slope(x),
    accuracy: Some(composed("x * tanh(log1p(exp(x)))", [740.0, 740.0]));

    /// `ln(1 + e^(beta x)) / beta`.
    Softplus "softplus" {
        /// The sharpness of the bend; positive.
        number beta = 1.0, in tests 3.0;
        if positive(beta),
        else "its beta must be positive and finite"
    }
    kernel: Softplus::new(beta), saves: Input,
    kinks: &[], bends: &[], left: [0.0, 0.0], right: [INFINITY, 1.0],
    sloping: None,
    value: |x| reference::softplus(beta * x) / beta, slope: |x| reference::logistic(beta * x),
    accuracy: Some(basic("log1p(exp(beta * x)) / beta", [740.0 / beta, 740.0 / beta]));

    /// `x / (1 + |x|)`.
    Softsign "softsign"
    kernel: Softsign, saves: Input,
    kinks: &[], bends: &[0.0], left: [-1.0, 0.0], right: [1.0, 0.0],
    sloping: None,
    value: |x| if x.is_infinite() { x.signum() } else { x / (1.0 + x.abs()) },
    slope: |x| 1.0 / (1.0 + x.abs()).powi(2),
    accuracy: Some(basic("x / (1 + abs(x))", [1e30, 1e30]));

    /// `min(max(x + 3, 0), 6) / 6`.
    HardSigmoid "hard_sigmoid"
    kernel: HardSigmoid, saves: Input,
    kinks: &[-3.0, 3.0], bends: &[], left: [0.0, 0.0], right: [1.0, 0.0],
    sloping: Some(Sloping::Between(0.0, 1.0)),
    value: |x| reference::hard_sigmoid(x), slope: |x| reference::step(x, x > -3.0 && x < 3.0) / 6.0,
    accuracy: Some(composed("min(max(x + 3, 0), 6) / 6", [5.0, 5.0]));

    /// `x min(max(x + 3, 0), 6) / 6`.
    HardSwish "hard_swish"
    kernel: HardSwish, saves: Input,
    kinks: &[-3.0, 3.0], bends: &[], left: [0.0, 0.0], right: [INFINITY, 1.0],
    sloping: None,
    value: |x| reference::weighted(x, reference::hard_sigmoid(x)),
    slope: |x| if x > -3.0 && x < 3.0 { (2.0 * x + 3.0) / 6.0 } else { reference::step(x, x >= 3.0) },
    accuracy: Some(composed("x * min(max(x + 3, 0), 6) / 6", [5.0, 5.0]));

    /// `min(max(x, min), max)`.
    HardTanh "hard_tanh" {
        /// The least value.
        number min = -1.0, in tests -3.0;
        /// The largest value, above the least.
        number max = 1.0, in tests 6.0;
        if min < max,
        else "its least value must be below its largest"
    }
    kernel: HardTanh::new(min, max), saves: Input,
    kinks: &[min, max], bends: &[], left: [min, 0.0], right: [max, 0.0],
    sloping: Some(Sloping::Between(min, max)),
    value: |x| x.clamp(min, max), slope: |x| reference::step(x, x > min && x < max),
    accuracy: None;

    /// `ln(1 / (1 + e^-x))`.
    LogSigmoid "log_sigmoid"
    kernel: LogSigmoid, saves: Input,
    kinks: &[], bends: &[], left: [-INFINITY, 1.0], right: [0.0, 0.0],
    sloping: None,
    value: |x| -reference::softplus(-x), slope: |x| reference::logistic(-x),
    accuracy: Some(basic("-log1p(exp(-x))", [740.0, 740.0]));

    /// `x - lambda` beyond `lambda`, `x + lambda` below `-lambda`, else 0.
    Softshrink "softshrink" {
        /// The half-width of what becomes zero; not negative.
        number lambda = 0.5, in tests 3.0;
        if lambda.is_finite() && lambda >= 0.0,
        else "its lambda must be finite and not negative"
    }
    kernel: Softshrink::new(lambda), saves: Input,
    kinks: &[-lambda, lambda], bends: &[], left: [-INFINITY, 1.0], right: [INFINITY, 1.0],
    sloping: Some(Sloping::NotAt(0.0)),
    value: |x| if x.abs() <= lambda { 0.0 } else { x - lambda.copysign(x) },
    slope: |x| reference::step(x, x.abs() > lambda),
    accuracy: None;

    /// `x - tanh x`.
    Tanhshrink "tanhshrink"
    kernel: Tanhshrink, saves: Input,
    kinks: &[], bends: &[], left: [-INFINITY, 1.0], right: [INFINITY, 1.0],
    sloping: None,
    value: |x| reference::tanhshrink(x), slope: |x| x.tanh().powi(2),
    accuracy: Some(composed("x - tanh(x)", [50.0, 20.0]));
}
