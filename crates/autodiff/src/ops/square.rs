//! `y = x^2`; the cotangent is `2 gy x`.

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
pub(crate) struct Square;

impl<E: Element> Op<E> for Square {
    fn name(&self) -> &'static str {
        "square"
    }

    fn arity(&self) -> Option<usize> {
        Some(1)
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        support::lazy_map(ctx, inputs[0], Simple::Square)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let x = node.input(0);
        cotangents([Some(node.gy().cotangent_mul(x + x))])
    }
}

entry! {
    /// The square of each element.
    square / try_square(x) = Square
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row {
    name: "square",
    order: 2,
    reorders: false,
    sample: |s| {
        let shape = s.shape();
        Case::new(Square, vec![s.tensor(&shape, &Domain::REAL)], |x| x[0].map(|x| x * x))
    },
}];
