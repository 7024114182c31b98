//! `y = -x`; the cotangent is `-gy`.

use wengert_kernels::Element;
use wengert_kernels::elementwise::Simple;

use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Neg;

impl<E: Element> Op<E> for Neg {
    fn name(&self) -> &'static str {
        "neg"
    }

    fn arity(&self) -> Option<usize> {
        Some(1)
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        support::lazy_map(ctx, inputs[0], Simple::Neg)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        cotangents([Some(-node.gy())])
    }
}

entry! {
    /// `-x`, element by element.
    neg / try_neg(x) = Neg
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row {
    name: "neg",
    order: 2,
    reorders: false,
    sample: |s| {
        let shape = s.shape();
        Case::new(Neg, vec![s.tensor(&shape, &Domain::REAL)], |x| x[0].map(|x| -x))
    },
}];
