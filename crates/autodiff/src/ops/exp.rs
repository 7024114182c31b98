//! `y = e^x`; the cotangent is `gy y`.

use wengert_kernels::Element;
use wengert_kernels::math::Unary;

use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Exp;

impl<E: Element> Op<E> for Exp {
    fn name(&self) -> &'static str {
        "exp"
    }

    fn arity(&self) -> Option<usize> {
        Some(1)
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        support::lazy_map(ctx, inputs[0], Unary::Exp)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        cotangents([Some(node.gy().cotangent_mul(node.output()))])
    }
}

entry! {
    /// The exponential of each element.
    exp / try_exp(x) = Exp
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row {
    name: "exp",
    order: 2,
    reorders: false,
    sample: |s| {
        let shape = s.shape();
        Case::new(Exp, vec![s.tensor(&shape, &Domain::REAL)], |x| x[0].map(f64::exp))
    },
}];
