//! `y = sqrt(x)`; the cotangent is `gy / (2 y)`.

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
pub(crate) struct Sqrt;

impl<E: Element> Op<E> for Sqrt {
    fn name(&self) -> &'static str {
        "sqrt"
    }

    fn arity(&self) -> Option<usize> {
        Some(1)
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        support::lazy_map(ctx, inputs[0], Simple::Sqrt)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let y = node.output();
        cotangents([Some(node.gy().div_keep_zero(y + y))])
    }
}

entry! {
    /// The square root of each element; NaN below zero. Its derivative at zero is infinite.
    sqrt / try_sqrt(x) = Sqrt
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row {
    name: "sqrt",
    order: 2,
    reorders: false,
    sample: |s| {
        let shape = s.shape();
        Case::new(Sqrt, vec![s.tensor(&shape, &Domain::POSITIVE)], |x| x[0].map(f64::sqrt))
    },
}];
