//! `y = f(x)` for an activation `f` of the kernel crate; the cotangent is `gy f'(x)`, computed by
//! the fused kernel of [`activate_grad`](super::activate_grad) from what the activation saves.

#[cfg(any(test, feature = "testing"))]
use std::f64::consts::PI;

use wengert_kernels::Element;
use wengert_kernels::activation::{Activation, ActivationError, Saved};

use super::activate_grad::ActivateGrad;
use super::support;
use crate::error::{Error, Result};
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Activate {
    pub(crate) activation: Activation,
}

impl<E: Element> Op<E> for Activate {
    fn name(&self) -> &'static str {
        self.activation.name()
    }

    fn arity(&self) -> Option<usize> {
        Some(1)
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        check::<E>(self.activation.name(), self.activation)?;
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        support::lazy_map(ctx, inputs[0], self.activation)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let saved = match self.activation.saves() {
            Saved::Output => node.output(),
            Saved::Input => node.input(0),
        };
        let op = ActivateGrad { activation: self.activation };
        cotangents([Some(node.tape().apply(op, &[node.gy(), saved])?)])
    }
}

/// Whether the numbers of an activation, which `op` applies, lie in their domains.
pub(super) fn check<E: Element>(op: &'static str, activation: Activation) -> Result<()> {
    let refused = |error: ActivationError| Error::Argument { op, message: error.to_string() };
    activation.check_in::<E>().map_err(refused)
}

entry! {
    /// An activation, element by element.
    activate / try_activate(x; activation: Activation) = Activate { activation }
}

entry! {
    /// The logistic function `1 / (1 + e^-x)` of each element.
    logistic / try_logistic(x) = Activate { activation: Activation::Logistic }
}

entry! {
    /// The hyperbolic tangent of each element.
    tanh / try_tanh(x) = Activate { activation: Activation::Tanh }
}

entry! {
    /// `max(0, x)` of each element. The derivative at 0 is 0.
    relu / try_relu(x) = Activate { activation: Activation::Relu }
}

entry! {
    /// `x` where positive, `slope x` elsewhere. The derivative at 0 is the slope.
    leaky_relu / try_leaky_relu(x; slope: f64) = Activate { activation: Activation::LeakyRelu { slope } }
}

entry! {
    /// `min(max(x, 0), 6)` of each element. The derivative at 0 and 6 is 0.
    relu6 / try_relu6(x) = Activate { activation: Activation::Relu6 }
}

entry! {
    /// `x` where positive, `alpha (e^x - 1)` elsewhere.
    elu / try_elu(x; alpha: f64) = Activate { activation: Activation::Elu { alpha } }
}

entry! {
    /// The self-normalizing `scale x` where positive, `scale alpha (e^x - 1)` elsewhere.
    selu / try_selu(x) = Activate { activation: Activation::Selu }
}

entry! {
    /// `x` where positive, `alpha (e^(x / alpha) - 1)` elsewhere.
    celu / try_celu(x; alpha: f64) = Activate { activation: Activation::Celu { alpha } }
}

entry! {
    /// `x Phi(x)` of each element, with the standard normal distribution `Phi`.
    gelu / try_gelu(x) = Activate { activation: Activation::Gelu }
}

entry! {
    /// Gelu in its tanh form, `x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`.
    gelu_tanh / try_gelu_tanh(x) = Activate { activation: Activation::GeluTanh }
}

entry! {
    /// `x / (1 + e^-x)` of each element.
    silu / try_silu(x) = Activate { activation: Activation::Silu }
}

entry! {
    /// `x tanh(ln(1 + e^x))` of each element.
    mish / try_mish(x) = Activate { activation: Activation::Mish }
}

entry! {
    /// `ln(1 + e^(beta x)) / beta` of each element; accurate everywhere, with no threshold.
    softplus / try_softplus(x; beta: f64) = Activate { activation: Activation::Softplus { beta } }
}

entry! {
    /// `x / (1 + |x|)` of each element.
    softsign / try_softsign(x) = Activate { activation: Activation::Softsign }
}

entry! {
    /// `min(max(x + 3, 0), 6) / 6` of each element. The derivative at -3 and 3 is 0.
    hard_sigmoid / try_hard_sigmoid(x) = Activate { activation: Activation::HardSigmoid }
}

entry! {
    /// `x min(max(x + 3, 0), 6) / 6` of each element. The derivative is 0 at -3 and 1 at 3.
    hard_swish / try_hard_swish(x) = Activate { activation: Activation::HardSwish }
}

entry! {
    /// `min(max(x, min), max)` of each element. The derivative at the ends is 0.
    hard_tanh / try_hard_tanh(x; min: f64, max: f64) = Activate { activation: Activation::HardTanh { min, max } }
}

entry! {
    /// `ln(1 / (1 + e^-x))` of each element.
    log_sigmoid / try_log_sigmoid(x) = Activate { activation: Activation::LogSigmoid }
}

entry! {
    /// `x - lambda` beyond `lambda`, `x + lambda` below `-lambda`, else 0. The derivative at the ends
    /// is 0.
    softshrink / try_softshrink(x; lambda: f64) = Activate { activation: Activation::Softshrink { lambda } }
}

entry! {
    /// `x - tanh x` of each element.
    tanhshrink / try_tanhshrink(x) = Activate { activation: Activation::Tanhshrink }
}

/// Away from the kinks of the piecewise activations, to both sides of each.
#[cfg(any(test, feature = "testing"))]
pub(super) const HARD: Domain =
    Domain { low: -5.0, high: 8.0, avoid: &[-3.0, 0.0, 3.0, 6.0], margin: 0.25 };

/// One row an activation, each with its definition in f64.
#[cfg(any(test, feature = "testing"))]
macro_rules! rows {
    ($($activation:expr, $name:literal, $domain:expr, $reference:expr;)+) => {
        pub(crate) const ROWS: &[Row] = &[$(Row {
            name: $name,
            order: 2,
            reorders: false,
            sample: |s| {
                let shape = s.shape();
                let op = Activate { activation: $activation };
                Case::new(op, vec![s.tensor(&shape, &$domain)], |x| x[0].map($reference))
            },
        }),+];
    };
}

#[cfg(any(test, feature = "testing"))]
rows! {
    Activation::Identity, "identity", Domain::REAL, |x| x;
    Activation::Logistic, "logistic", Domain::REAL, |x: f64| 1.0 / (1.0 + (-x).exp());
    Activation::Tanh, "tanh", Domain::REAL, f64::tanh;
    Activation::Relu, "relu", Domain::AWAY_FROM_ZERO, |x: f64| x.max(0.0);
    Activation::LeakyRelu { slope: 0.01 }, "leaky_relu", Domain::AWAY_FROM_ZERO,
        |x: f64| if x > 0.0 { x } else { 0.01 * x };
    Activation::Relu6, "relu6", HARD, |x: f64| x.clamp(0.0, 6.0);
    Activation::Elu { alpha: 1.5 }, "elu", Domain::AWAY_FROM_ZERO,
        |x: f64| if x > 0.0 { x } else { 1.5 * x.exp_m1() };
    Activation::Selu, "selu", Domain::AWAY_FROM_ZERO, |x: f64| {
        1.0507009873554805 * if x > 0.0 { x } else { 1.6732632423543772 * x.exp_m1() }
    };
    Activation::Celu { alpha: 0.7 }, "celu", Domain::AWAY_FROM_ZERO,
        |x: f64| if x > 0.0 { x } else { 0.7 * (x / 0.7).exp_m1() };
    Activation::Gelu, "gelu", Domain::REAL, |x: f64| x * normal(x);
    Activation::GeluTanh, "gelu_tanh", Domain::REAL, |x: f64| {
        0.5 * x * (1.0 + ((2.0 / PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh())
    };
    Activation::Silu, "silu", Domain::REAL, |x: f64| x / (1.0 + (-x).exp());
    Activation::Mish, "mish", Domain::REAL, |x: f64| x * x.exp().ln_1p().tanh();
    Activation::Softplus { beta: 2.5 }, "softplus", Domain::REAL,
        |x: f64| (2.5 * x).exp().ln_1p() / 2.5;
    Activation::Softsign, "softsign", Domain::AWAY_FROM_ZERO, |x: f64| x / (1.0 + x.abs());
    Activation::HardSigmoid, "hard_sigmoid", HARD,
        |x: f64| (x + 3.0).clamp(0.0, 6.0) / 6.0;
    Activation::HardSwish, "hard_swish", HARD,
        |x: f64| x * (x + 3.0).clamp(0.0, 6.0) / 6.0;
    Activation::HardTanh { min: -3.0, max: 6.0 }, "hard_tanh", HARD, |x: f64| x.clamp(-3.0, 6.0);
    Activation::LogSigmoid, "log_sigmoid", Domain::REAL, |x: f64| -(-x).exp().ln_1p();
    Activation::Softshrink { lambda: 3.0 }, "softshrink", HARD,
        |x: f64| if x.abs() > 3.0 { x - 3.0_f64.copysign(x) } else { 0.0 };
    Activation::Tanhshrink, "tanhshrink", Domain::REAL, |x: f64| x - x.tanh();
}

/// The standard normal distribution, by Simpson's rule.
#[cfg(any(test, feature = "testing"))]
pub(super) fn normal(x: f64) -> f64 {
    let steps = 2000;
    let h = x / f64::from(steps);
    let density = |t: f64| (-0.5 * t * t).exp() / (2.0 * PI).sqrt();
    let inner: f64 =
        (1..steps).map(|i| f64::from(2 + 2 * (i % 2)) * density(f64::from(i) * h)).sum();
    0.5 + h / 3.0 * (density(0.0) + inner + density(x))
}
