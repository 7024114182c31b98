//! `y = c x` for a number `c`; the cotangent is `c gy`.

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
pub(crate) struct Scale<E> {
    factor: E,
}

impl<E: Element> Op<E> for Scale<E> {
    described!("mul_scalar", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let factor = self.factor;
        support::lazy_map(ctx, inputs[0], Simple::Scale(factor))
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let (gy, factor) = (node.gy(), self.factor);
        if factor.is_finite() {
            return cotangents([Some(gy.mul_scalar(factor))]);
        }
        cotangents([Some(gy.cotangent_mul(node.tape().constant(&Tensor::scalar(factor))))])
    }
}

entry! {
    /// The product of each element with one number.
    mul_scalar / try_mul_scalar(x; factor: E) = Scale { factor }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("mul_scalar", |s| {
    let shape = s.shape();
    let factor = s.number(-2.0, 2.0);
    let inputs = vec![s.tensor(&shape, &Domain::REAL)];
    Case::pair(Scale { factor: factor as f32 }, Scale { factor }, inputs, move |x| {
        x[0].map(|x| x * factor)
    })
})];
