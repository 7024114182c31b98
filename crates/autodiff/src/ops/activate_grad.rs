//! `gx = gy f'(s)`, the fused derivative of an activation, where `s` is the activation's output or
//! input, whichever it saves. Linear in `gy`; the derivative with respect to `s` is `gy d/ds f'(s)`.

use std::f64::consts::PI;

use wengert_kernels::Element;
use wengert_kernels::activation::Activation;
use wengert_kernels::chain::Function2;

#[cfg(any(test, feature = "testing"))]
use super::activate::{HARD, normal};
use super::support;
use crate::error::{Error, Result};
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct ActivateGrad {
    pub(crate) activation: Activation,
}

impl<E: Element> Op<E> for ActivateGrad {
    fn name(&self) -> &'static str {
        "activate_grad"
    }

    fn arity(&self) -> Option<usize> {
        Some(2)
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        support::same("activate_grad", inputs)
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let function = Function2::Derivative(self.activation);
        support::lazy_rows(ctx, inputs[0], inputs[1], function)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let (g, gy, saved) = (node.gy(), node.input(0), node.input(1));
        let for_gy = if node.needs(0) { Some(node.tape().apply(*self, &[g, saved])?) } else { None };
        let for_saved = if node.needs(1) {
            let both = || g.mul_absorbing(gy);
            slope(self.activation, saved)?.map(|slope| both().cotangent_mul(slope))
        } else {
            None
        };
        cotangents([for_gy, for_saved])
    }
}

/// `f'` of the activation as a function of what it saves.
fn derivative<E: Element>(activation: Activation, saved: Var<'_, E>) -> Result<Var<'_, E>> {
    let ones = saved.tape().constant(&Tensor::try_full(saved.shape(), E::ONE)?);
    saved.tape().apply(ActivateGrad { activation }, &[ones, saved])
}

/// The second derivative of the logistic function by its first.
fn bend<E: Element>(y: Var<'_, E>) -> Var<'_, E> {
    (y * E::from_f64(-0.5)).tanh()
}

/// The numbers `f` gives for the elements of a variable, as a constant.
fn constant<E: Element>(x: Var<'_, E>, f: impl Fn(f64) -> f64) -> Result<Var<'_, E>> {
    let numbers = x.try_value()?.try_to_vec()?.into_iter().map(|x| E::from_f64(f(x.to_f64()))).collect();
    Ok(x.tape().constant(&Tensor::from_vec(numbers, x.shape())?))
}

/// The derivative of `f'`, as a function of what the activation saves, by that; `None` is zero. It is
/// composed of recorded operations, so that it has derivatives of its own.
fn slope<E: Element>(activation: Activation, saved: Var<'_, E>) -> Result<Option<Var<'_, E>>> {
    let number = E::from_f64;
    // Far out nothing but zero is left, and infinities would meet it in products.
    let far = match activation {
        Activation::Gelu | Activation::GeluTanh => Some(40.0),
        Activation::Silu | Activation::Mish | Activation::Tanhshrink => Some(800.0),
        _ => None,
    };
    let x = far.map_or(saved, |far| saved.hard_tanh(-far, far));
    let first = || derivative(activation, x);
    Ok(match activation {
        // f' is constant where it exists.
        Activation::Identity
        | Activation::Relu
        | Activation::LeakyRelu { .. }
        | Activation::Relu6
        | Activation::HardSigmoid
        | Activation::HardTanh { .. }
        | Activation::Softshrink { .. } => None,
        Activation::Logistic => Some(first()? * bend(x)),
        Activation::Tanh => Some(x.tanh() * first()? * number(-2.0)),
        Activation::Elu { .. } | Activation::Selu => {
            Some(first()? * constant(x, |x| if x <= 0.0 { 1.0 } else { 0.0 })?)
        }
        Activation::Celu { alpha } => {
            Some(first()? * constant(x, |x| if x <= 0.0 { 1.0 / alpha } else { 0.0 })?)
        }
        // phi(x) (2 - x^2)
        Activation::Gelu => {
            let square = x * x;
            let density = (square * number(-0.5)).exp() * number((2.0 * PI).sqrt().recip());
            Some(density * (square * number(-1.0) + number(2.0)))
        }
        // With y = a x + b x^3: 2 s' y' + x (s'' y'^2 + s' y'').
        Activation::GeluTanh => {
            let a = 2.0 * (2.0 / PI).sqrt();
            let b = 0.044715 * a;
            let square = x * x;
            let y = x * (square * number(b) + number(a));
            let y1 = square * number(3.0 * b) + number(a);
            let s1 = derivative(Activation::Logistic, y)?;
            let curve = bend(y) * y1 * y1 + x * number(6.0 * b);
            Some(s1 * (y1 * number(2.0) + x * curve))
        }
        // 2 s' + x s''
        Activation::Silu => {
            Some(derivative(Activation::Logistic, x)? * (x * bend(x) + number(2.0)))
        }
        // With t = tanh(p) and p = softplus(x): 2 t' + x t''.
        Activation::Mish => {
            let p = x.softplus(1.0);
            let (t, d) = (p.tanh(), derivative(Activation::Tanh, p)?);
            let (s, s1) = (x.logistic(), derivative(Activation::Logistic, x)?);
            let t1 = d * s;
            let t2 = d * s1 - t * t1 * s * number(2.0);
            Some(t1 * number(2.0) + x * t2)
        }
        Activation::Softplus { beta } => {
            let y = x * number(beta);
            Some(derivative(Activation::Logistic, y)? * number(beta))
        }
        // -2 sign(x) / (1 + |x|)^3
        Activation::Softsign => {
            let sign = constant(x, f64::signum)?;
            let once = x * sign + number(1.0);
            Some(sign * number(-2.0) / (once * once * once))
        }
        Activation::HardSwish => {
            Some(constant(x, |x| if x.abs() < 3.0 { 1.0 / 3.0 } else { 0.0 })?)
        }
        Activation::LogSigmoid => Some(-derivative(Activation::Logistic, x)?),
        Activation::Tanhshrink => {
            Some(x.tanh() * derivative(Activation::Tanh, x)? * number(2.0))
        }
        other => {
            return Err(Error::Argument {
                op: "activate_grad",
                message: format!("the activation {other} has no second derivative here"),
            });
        }
    })
}

/// One row an activation, each with `f'` as a function of what it saves.
#[cfg(any(test, feature = "testing"))]
macro_rules! rows {
    ($($activation:expr, $name:literal, $domain:expr, $derivative:expr;)+) => {
        pub(crate) const ROWS: &[Row] = &[$(Row {
            name: $name,
            order: 2,
            reorders: false,
            sample: |s| {
                let shape = s.shape();
                let op = ActivateGrad { activation: $activation };
                let inputs = vec![s.tensor(&shape, &Domain::REAL), s.tensor(&shape, &$domain)];
                let derivative: fn(f64) -> f64 = $derivative;
                Case::new(op, inputs, move |x| Dense::zip(&x[0], &x[1], |g, s| g * derivative(s)))
            },
        }),+];
    };
}

/// `1 / (1 + e^-x)`.
#[cfg(any(test, feature = "testing"))]
fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(any(test, feature = "testing"))]
rows! {
    Activation::Identity, "identity_grad", Domain::REAL, |_| 1.0;
    Activation::Logistic, "logistic_grad", Domain::REAL, |x| logistic(x) * (1.0 - logistic(x));
    Activation::Tanh, "tanh_grad", Domain::REAL, |x| 1.0 - x.tanh() * x.tanh();
    Activation::Relu, "relu_grad", Domain::AWAY_FROM_ZERO, |y| if y > 0.0 { 1.0 } else { 0.0 };
    Activation::LeakyRelu { slope: 0.01 }, "leaky_relu_grad", Domain::AWAY_FROM_ZERO,
        |y| if y > 0.0 { 1.0 } else { 0.01 };
    Activation::Relu6, "relu6_grad", HARD, |y| if y > 0.0 && y < 6.0 { 1.0 } else { 0.0 };
    Activation::Elu { alpha: 1.5 }, "elu_grad", Domain::AWAY_FROM_ZERO,
        |x| if x > 0.0 { 1.0 } else { 1.5 * x.exp() };
    Activation::Selu, "selu_grad", Domain::AWAY_FROM_ZERO, |x| {
        1.0507009873554805 * if x > 0.0 { 1.0 } else { 1.6732632423543772 * x.exp() }
    };
    Activation::Celu { alpha: 0.7 }, "celu_grad", Domain::AWAY_FROM_ZERO,
        |x| if x > 0.0 { 1.0 } else { (x / 0.7).exp() };
    Activation::Gelu, "gelu_grad", Domain::REAL,
        |x| normal(x) + x * (-0.5 * x * x).exp() / (2.0 * PI).sqrt();
    Activation::GeluTanh, "gelu_tanh_grad", Domain::REAL, |x| {
        let c = (2.0 / PI).sqrt();
        let t = (c * (x + 0.044715 * x.powi(3))).tanh();
        0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * c * (1.0 + 3.0 * 0.044715 * x * x)
    };
    Activation::Silu, "silu_grad", Domain::REAL,
        |x| logistic(x) * (1.0 + x * (1.0 - logistic(x)));
    Activation::Mish, "mish_grad", Domain::REAL, |x| {
        let t = x.exp().ln_1p().tanh();
        t + x * (1.0 - t * t) * logistic(x)
    };
    Activation::Softplus { beta: 2.5 }, "softplus_grad", Domain::REAL, |x| logistic(2.5 * x);
    Activation::Softsign, "softsign_grad", Domain::AWAY_FROM_ZERO,
        |x| 1.0 / (1.0 + x.abs()).powi(2);
    Activation::HardSigmoid, "hard_sigmoid_grad", HARD,
        |x| if x.abs() < 3.0 { 1.0 / 6.0 } else { 0.0 };
    Activation::HardSwish, "hard_swish_grad", HARD,
        |x| if x.abs() < 3.0 { x / 3.0 + 0.5 } else { f64::from(x > 0.0) };
    Activation::HardTanh { min: -3.0, max: 6.0 }, "hard_tanh_grad", HARD,
        |x| if x > -3.0 && x < 6.0 { 1.0 } else { 0.0 };
    Activation::LogSigmoid, "log_sigmoid_grad", Domain::REAL, |x| logistic(-x);
    Activation::Softshrink { lambda: 3.0 }, "softshrink_grad", HARD,
        |x| if x.abs() > 3.0 { 1.0 } else { 0.0 };
    Activation::Tanhshrink, "tanhshrink_grad", Domain::REAL, |x| x.tanh() * x.tanh();
}
