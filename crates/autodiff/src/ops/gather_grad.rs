//! `gx = gy` added at the positions given by an index along an axis, zero elsewhere: the transpose
//! of a gather, which is its cotangent.

use wengert_kernels::Element;

#[cfg(any(test, feature = "testing"))]
use super::gather::sample;
use super::gather::{Gather, gather};
use super::indexed;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct GatherGrad {
    pub(crate) gather: Gather,
    /// The shape of the gather's operand.
    pub(crate) shape: Shape,
}

impl<E: Element> Op<E> for GatherGrad {
    described!("gradient of gather", operands: 1);

    fn shape(&self, _: &[&Shape]) -> Result<Shape> {
        Ok(self.shape.clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let gy = inputs[0].try_contiguous()?;
        let from = gy.as_slice().unwrap_or_default();
        let axis = self.shape.axis("gradient of gather", self.gather.axis)?;
        ctx.output_by(|out| {
            out.fill(E::ZERO);
            let index = &self.gather.index;
            indexed::for_places(&self.shape, axis, index, |i, place| out[place] += from[i]);
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        cotangents([Some(gather(node.gy(), self.gather.axis, &self.gather.index)?)])
    }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("gather_grad", |s| {
    let (shape, axis, index) = sample(s);
    let inputs = vec![s.tensor(index.shape(), &Domain::REAL)];
    let gather = Gather { axis: axis as isize, index: index.clone() };
    let op = GatherGrad { gather, shape: shape.clone() };
    Case::new(op, inputs, move |x| {
        Dense::zeros(&shape).with_added(&x[0], |place| {
            place[axis] = index.get(place).expect("a place of the index");
        })
    })
})];
