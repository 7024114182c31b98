//! `gx = gy f'(s)`, the fused derivative of an activation, where `s` is the activation's output or
//! input, whichever it saves. Linear in `gy`; the derivative with respect to `s` is `gy d/ds f'(s)`.

use wengert_kernels::Element;
use wengert_kernels::activation::{self, Activation};

use super::support;
use crate::error::{Error, Result};
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
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
        Ok(support::rows(ctx, inputs[0], inputs[1], |gy, saved, out| {
            activation::backward(self.activation, gy, saved, out);
        }))
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let (g, gy, saved) = (node.gy(), node.input(0), node.input(1));
        let for_gy = if node.needs(0) { Some(node.tape().apply(*self, &[g, saved])?) } else { None };
        let for_saved = if node.needs(1) {
            slope(self.activation, saved)?.map(|slope| g * gy * slope)
        } else {
            None
        };
        cotangents([for_gy, for_saved])
    }
}

/// The derivative of `f'`, as a function of what the activation saves, by that; `None` is zero.
fn slope<E: Element>(activation: Activation, saved: Var<'_, E>) -> Result<Option<Var<'_, E>>> {
    let number = E::from_f64;
    match activation {
        // f' is constant where it exists.
        Activation::Identity | Activation::Relu | Activation::LeakyRelu { .. } => Ok(None),
        // f' = y (1 - y)
        Activation::Logistic => Ok(Some(saved * number(-2.0) + number(1.0))),
        // f' = 1 - y^2
        Activation::Tanh => Ok(Some(saved * number(-2.0))),
        other => Err(Error::Argument {
            op: "activate_grad",
            message: format!("the activation {other} has no second derivative here"),
        }),
    }
}

/// One row an activation, each with `f'` as a function of what it saves.
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

rows! {
    Activation::Identity, "identity_grad", Domain::REAL, |_| 1.0;
    Activation::Logistic, "logistic_grad", Domain::UNIT, |y| y * (1.0 - y);
    Activation::Tanh, "tanh_grad", Domain::UNIT, |y| 1.0 - y * y;
    Activation::Relu, "relu_grad", Domain::AWAY_FROM_ZERO, |y| if y > 0.0 { 1.0 } else { 0.0 };
    Activation::LeakyRelu { slope: 0.01 }, "leaky_relu_grad", Domain::AWAY_FROM_ZERO,
        |y| if y > 0.0 { 1.0 } else { 0.01 };
}
