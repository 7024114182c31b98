//! `gx = gy f'(s)`, the fused derivative of an activation, where `s` is the activation's output or
//! input, whichever it saves. Linear in `gy`; the derivative with respect to `s` is
//! `gy d/ds f'(s)`.

use wengert_kernels::Element;
use wengert_kernels::activation::Activation;
use wengert_kernels::chain::Function2;

#[cfg(any(test, feature = "testing"))]
pub(crate) use super::activate::GRAD_ROWS as ROWS;
use super::activate::curvature;
use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;

#[derive(Clone, Copy, Debug)]
pub(crate) struct ActivateGrad {
    pub(crate) activation: Activation,
}

impl<E: Element> Op<E> for ActivateGrad {
    fn name(&self) -> &'static str {
        "gradient of an activation"
    }

    fn arity(&self) -> Option<usize> {
        Some(2)
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        support::same("gradient of an activation", inputs)
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let function = Function2::Derivative(self.activation);
        support::lazy_rows(ctx, inputs[0], inputs[1], function)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let (g, gy, saved) = (node.gy(), node.input(0), node.input(1));
        let for_gy =
            if node.needs(0) { Some(node.tape().apply(*self, &[g, saved])?) } else { None };
        let for_saved = if node.needs(1) {
            let both = || g.mul_absorbing(gy);
            curvature(self.activation, saved)?.map(|slope| both().cotangent_mul(slope))
        } else {
            None
        };
        cotangents([for_gy, for_saved])
    }
}

/// `f'` of the activation as a function of what it saves.
pub(super) fn derivative<E: Element>(
    activation: Activation,
    saved: Var<'_, E>,
) -> Result<Var<'_, E>> {
    let ones = saved.tape().constant(&Tensor::try_full(saved.shape(), E::ONE)?);
    saved.tape().apply(ActivateGrad { activation }, &[ones, saved])
}

/// The second derivative of the logistic function, divided by its first.
pub(super) fn logistic_curvature<E: Element>(y: Var<'_, E>) -> Var<'_, E> {
    (y * E::from_f64(-0.5)).tanh()
}

/// `f` of the elements of a variable, as a constant.
pub(super) fn constant<E: Element>(x: Var<'_, E>, f: impl Fn(f64) -> f64) -> Result<Var<'_, E>> {
    let numbers =
        x.try_value()?.try_to_vec()?.into_iter().map(|x| E::from_f64(f(x.to_f64()))).collect();
    Ok(x.tape().constant(&Tensor::from_vec(numbers, x.shape())?))
}
