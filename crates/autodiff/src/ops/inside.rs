//! `y = 1` where `low < x < high`, else 0: the derivative of [`clamp`](super::clamp). Its own
//! derivative is zero.

use wengert_kernels::Element;
use wengert_kernels::elementwise::Simple;

#[cfg(any(test, feature = "testing"))]
use super::clamp::BOUNDS;
use super::clamp::check;
use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Inside<E> {
    pub(crate) low: E,
    pub(crate) high: E,
}

impl<E: Element> Op<E> for Inside<E> {
    described!("gradient of clamp", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        check("gradient of clamp", self.low, self.high)?;
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let Inside { low, high } = *self;
        support::lazy_map(ctx, inputs[0], Simple::Inside(low, high))
    }

    fn vjp<'t>(&self, _: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        cotangents([None])
    }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row {
    name: "inside",
    order: 0,
    reorders: false,
    sample: |s| {
        let shape = s.shape();
        let inputs = vec![s.tensor(&shape, &BOUNDS)];
        let single = Inside { low: -1.0_f32, high: 0.5 };
        Case::pair(single, Inside { low: -1.0, high: 0.5 }, inputs, |x| {
            x[0].map(|x| if x > -1.0 && x < 0.5 { 1.0 } else { 0.0 })
        })
    },
}];
