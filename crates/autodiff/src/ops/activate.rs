//! `y = f(x)` for an activation `f` of the kernel crate; the cotangent is `gy f'(x)`, computed by
//! the fused kernel of [`activate_grad`](super::activate_grad) from what the activation saves.

use wengert_kernels::Element;
use wengert_kernels::activation::{self, Activation, Saved};

use super::activate_grad::ActivateGrad;
use super::support;
use crate::error::{Error, Result};
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
use crate::testing::{Case, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Activate {
    pub(crate) activation: Activation,
}

impl<E: Element> Op<E> for Activate {
    fn name(&self) -> &'static str {
        name(self.activation)
    }

    fn arity(&self) -> Option<usize> {
        Some(1)
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        check(self.activation)?;
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let kernel = |x: &[E], y: &mut [E]| activation::forward(self.activation, x, y);
        Ok(support::map(ctx, inputs[0], kernel))
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

/// The name of the entry of each activation.
fn name(activation: Activation) -> &'static str {
    match activation {
        Activation::Identity => "identity",
        Activation::Logistic => "logistic",
        Activation::Tanh => "tanh",
        Activation::Relu => "relu",
        Activation::LeakyRelu { .. } => "leaky_relu",
        _ => "activate",
    }
}

/// Whether the activation's own number lies in its domain.
pub(super) fn check(activation: Activation) -> Result<()> {
    match activation {
        Activation::LeakyRelu { slope } => Activation::leaky_relu(slope)
            .map(|_| ())
            .map_err(|error| Error::Argument { op: "leaky_relu", message: error.to_string() }),
        _ => Ok(()),
    }
}

entry! {
    /// An activation, element by element.
    activate(x; activation: Activation) = Activate { activation }
}

entry! {
    /// The logistic function `1 / (1 + e^-x)` of each element.
    logistic(x) = Activate { activation: Activation::Logistic }
}

entry! {
    /// The hyperbolic tangent of each element.
    tanh(x) = Activate { activation: Activation::Tanh }
}

entry! {
    /// `max(0, x)` of each element. The derivative at 0 is 0.
    relu(x) = Activate { activation: Activation::Relu }
}

entry! {
    /// `x` where positive, `slope x` elsewhere. The derivative at 0 is the slope.
    leaky_relu(x; slope: f64) = Activate { activation: Activation::LeakyRelu { slope } }
}

/// One row an activation, each with its definition in f64.
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

rows! {
    Activation::Identity, "identity", Domain::REAL, |x| x;
    Activation::Logistic, "logistic", Domain::REAL, |x: f64| 1.0 / (1.0 + (-x).exp());
    Activation::Tanh, "tanh", Domain::REAL, f64::tanh;
    Activation::Relu, "relu", Domain::AWAY_FROM_ZERO, |x: f64| x.max(0.0);
    Activation::LeakyRelu { slope: 0.01 }, "leaky_relu", Domain::AWAY_FROM_ZERO,
        |x: f64| if x > 0.0 { x } else { 0.01 * x };
}
