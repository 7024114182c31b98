//! `y = ln x`; the cotangent is `gy / x`.

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
pub(crate) struct Log;

impl<E: Element> Op<E> for Log {
    fn name(&self) -> &'static str {
        "log"
    }

    fn arity(&self) -> Option<usize> {
        Some(1)
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        support::lazy_map(ctx, inputs[0], Unary::Log)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        cotangents([Some(node.gy().div_keep_zero(node.input(0)))])
    }
}

entry! {
    /// The natural logarithm of each element; NaN below zero, -inf at zero.
    log / try_log(x) = Log
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row {
    name: "log",
    order: 2,
    reorders: false,
    sample: |s| {
        let shape = s.shape();
        Case::new(Log, vec![s.tensor(&shape, &Domain::POSITIVE)], |x| x[0].map(f64::ln))
    },
}];
