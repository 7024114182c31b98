//! `y = x` summed to a shape that broadcasts to that of `x`: the transpose of a broadcast. The
//! cotangent is `gy`, repeated.

use wengert_kernels::Element;

use super::support;
use crate::error::{Error, Result};
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::{Tape, Var};
use crate::tensor::{Tensor, strided};
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct SumTo {
    shape: Shape,
}

impl<E: Element> Op<E> for SumTo {
    described!("sum_to", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        if self.shape.broadcasts_to(inputs[0]) {
            return Ok(self.shape.clone());
        }
        let expected = format!("a shape that {} broadcasts to", self.shape);
        Err(Error::Shapes { op: "sum_to", expected, got: vec![inputs[0].clone()] })
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let from = inputs[0].shape();
        let front = from.rank() - self.shape.rank();
        let flags: Vec<bool> = (0..from.rank())
            .map(|axis| axis < front || self.shape[axis - front] != from[axis])
            .collect();
        let mut out = ctx.output()?;
        // Elements that repeat along a summed axis are read once.
        let (once, copies) = strided::once_along(inputs[0], &flags);
        strided::sum(&once, &flags, out.as_mut_slice())?;
        if copies > 1 {
            support::times(copies, out.as_mut_slice());
        }
        Ok(out)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        cotangents([Some(super::broadcast_to(node.gy(), node.input(0).shape())?)])
    }
}

/// The sum over the axes along which `shape` is repeated when it broadcasts to the shape of `x`.
///
/// # Errors
/// If `shape` does not broadcast to the shape of `x`.
#[track_caller]
pub fn sum_to<E: Element>(x: Var<'_, E>, shape: impl Into<Shape>) -> Result<Var<'_, E>> {
    x.tape().apply(SumTo { shape: shape.into() }, &[x])
}

instances!(sum_to<E>: Tape::<E>::apply::<SumTo>);

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("sum_to", |s| {
    let (a, b) = s.broadcast_pair();
    let from = a.broadcast(&b).unwrap_or_else(|| a.clone());
    let op = SumTo { shape: a.clone() };
    Case::new(op, vec![s.tensor(&from, &Domain::REAL)], move |x| x[0].sum_to(a.dims()))
})];
