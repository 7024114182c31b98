//! `gx = gy`, its rows added at the positions given by an index along an axis, zero elsewhere: the
//! transpose of a selection, which is its cotangent.

use wengert_kernels::Element;

use super::index_select::{IndexSelect, index_select};
#[cfg(any(test, feature = "testing"))]
use super::index_select::{origin, sample};
use super::indexed::Rows;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct IndexSelectGrad {
    pub(crate) select: IndexSelect,
    /// The shape of the selection's operand.
    pub(crate) shape: Shape,
}

impl<E: Element> Op<E> for IndexSelectGrad {
    described!("gradient of index_select", operands: 1);

    fn shape(&self, _: &[&Shape]) -> Result<Shape> {
        Ok(self.shape.clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let gy = inputs[0].try_contiguous()?;
        let axis = self.shape.axis("gradient of index_select", self.select.axis)?;
        ctx.output_by(|out| {
            out.fill(E::ZERO);
            let rows = Rows::of(&self.shape, axis);
            rows.put_back(gy.as_slice().unwrap_or_default(), &self.select.index, out);
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        cotangents([Some(index_select(node.gy(), self.select.axis, &self.select.index)?)])
    }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("index_select_grad", |s| {
    let (shape, axis, index) = sample(s);
    let select = IndexSelect { axis: axis as isize, index: index.clone() };
    let selected = select.selected("index_select", &shape).expect("the index fits the shape");
    let inputs = vec![s.tensor(&selected, &Domain::REAL)];
    let op = IndexSelectGrad { select, shape: shape.clone() };
    Case::new(op, inputs, move |x| {
        Dense::zeros(&shape).with_added(&x[0], |place| origin(place, axis, &index))
    })
})];
