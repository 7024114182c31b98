//! `y = x + c` for a number `c`; the cotangent is `gy`.

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
pub(crate) struct Offset<E> {
    number: E,
}

impl<E: Element> Op<E> for Offset<E> {
    described!("add_scalar", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        support::lazy_map(ctx, inputs[0], Simple::Offset(self.number))
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        cotangents([Some(node.gy())])
    }
}

entry! {
    /// The sum of each element and one number.
    add_scalar / try_add_scalar(x; number: E) = Offset { number }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("add_scalar", |s| {
    let shape = s.shape();
    let number = s.number(-2.0, 2.0);
    let inputs = vec![s.tensor(&shape, &Domain::REAL)];
    Case::pair(Offset { number: number as f32 }, Offset { number }, inputs, move |x| {
        x[0].map(|x| x + number)
    })
})];
