//! `gx = gy` at the positions of a range along an axis and zero elsewhere: the transpose of a
//! slice, which is its cotangent.

use wengert_kernels::Element;

use super::slice::{Slice, slice};
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
use crate::tensor::view::Step;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct SliceGrad {
    pub(crate) slice: Slice,
    /// The shape of the slice's operand.
    pub(crate) shape: Shape,
}

impl SliceGrad {
    /// Places a vector of `len` elements at `start` among `total` zeros.
    pub(crate) fn along_first(start: usize, len: usize, total: usize) -> Self {
        let range =
            Step { start: Some(start as isize), stop: Some((start + len) as isize), step: 1 };
        SliceGrad { slice: Slice { axis: 0, range }, shape: Shape::from([total]) }
    }
}

impl<E: Element> Op<E> for SliceGrad {
    described!("gradient of slice", operands: 1);

    fn shape(&self, _: &[&Shape]) -> Result<Shape> {
        Ok(self.shape.clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let mut out = ctx.output()?;
        let gy = inputs[0].try_contiguous()?;
        let gy = gy.as_slice().unwrap_or_default();
        let axis = self.shape.axis("gradient of slice", self.slice.axis)?;
        let (first, count) = self.slice.range.resolve(self.shape[axis])?;
        let inner: usize = self.shape[axis + 1..].iter().product();
        let dim = self.shape[axis];
        let elements = out.as_mut_slice();
        elements.fill(E::ZERO);
        if gy.is_empty() {
            return Ok(out);
        }
        let blocks = elements.chunks_exact_mut(dim * inner);
        for (block, gy) in blocks.zip(gy.chunks_exact(count * inner)) {
            for (i, gy) in gy.chunks_exact(inner).enumerate() {
                let at = (first as isize + i as isize * self.slice.range.step) as usize * inner;
                block[at..at + inner].copy_from_slice(gy);
            }
        }
        Ok(out)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        cotangents([Some(slice(node.gy(), self.slice.axis, self.slice.range)?)])
    }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("slice_grad", |s| {
    let shape = s.shape_with_axis();
    let (axis, range) = s.range(&shape);
    let places =
        Dense { shape: shape.to_vec(), data: (0..shape.numel()).map(|i| i as f64).collect() }
            .picked(axis, &range);
    let inputs = vec![s.tensor(&Shape::from(&places.shape[..]), &Domain::REAL)];
    let op = SliceGrad { slice: Slice { axis: axis as isize, range }, shape: shape.clone() };
    Case::new(op, inputs, move |x| {
        let mut out = Dense::zeros(shape.dims());
        for (&place, &value) in places.data.iter().zip(&x[0].data) {
            out.data[place as usize] = value;
        }
        out
    })
})];
