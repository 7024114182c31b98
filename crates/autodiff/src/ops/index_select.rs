//! `y = x` at the positions given by an index along an axis, whole rows at a time; the cotangent
//! adds each row of `gy` at the position it was read from.

use wengert_kernels::Element;

use super::index_select_grad::IndexSelectGrad;
use super::indexed::Rows;
use crate::error::Result;
use crate::index::Index;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row, Sampler};

#[derive(Clone, Debug)]
pub(crate) struct IndexSelect {
    pub(crate) axis: isize,
    pub(crate) index: Index,
}

impl IndexSelect {
    /// The shape of the selection from a tensor of `shape`.
    pub(super) fn selected(&self, op: &'static str, shape: &Shape) -> Result<Shape> {
        let axis = shape.axis(op, self.axis)?;
        self.index.check(op, shape[axis])?;
        let (front, back) = (&shape[..axis], &shape[axis + 1..]);
        Ok([front, self.index.shape(), back].into_iter().flatten().copied().collect())
    }
}

impl<E: Element> Op<E> for IndexSelect {
    described!("index_select", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        self.selected("index_select", inputs[0])
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let x = inputs[0].try_contiguous()?;
        let rows = Rows::of(x.shape(), x.shape().axis("index_select", self.axis)?);
        ctx.output_by(|out| rows.pick(x.as_slice().unwrap_or_default(), &self.index, out))
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let op = IndexSelectGrad { select: self.clone(), shape: node.input(0).shape() };
        cotangents([Some(node.tape().apply(op, &[node.gy()])?)])
    }
}

entry! {
    /// The rows at the positions given by an index along an axis, in the index's order.
    ///
    /// ```
    /// use wengert_autodiff::{Index, Tensor};
    /// let x = Tensor::from_fn([2, 3], |i| (10 * i[0] + i[1]) as f32);
    /// let columns = x.index_select(1, &Index::from([2, 2, 0]));
    /// assert_eq!(columns.to_vec(), [2.0, 2.0, 0.0, 12.0, 12.0, 10.0]);
    /// ```
    ///
    /// # Shapes
    /// The axis of `[.., n, ..]` is replaced by the axes of the index: one for an index of rank 1,
    /// none for rank 0.
    index_select / try_index_select(x; axis: isize, index: &Index) = IndexSelect { axis, index: index.clone() }
}

/// A shape, an axis, and an index of any rank along it.
#[cfg(any(test, feature = "testing"))]
pub(super) fn sample(s: &mut Sampler) -> (Shape, usize, Index) {
    let mut shape = s.shape_with_axis();
    let axis = s.below(shape.rank());
    shape.dims_mut()[axis] = shape[axis].max(1);
    let rank = s.choose(&[1, 1, 1, 0, 2]);
    let sizes: Shape = (0..rank).map(|_| s.size()).collect();
    let index = Index::from_fn(sizes, |_| s.below(shape[axis]));
    (shape, axis, index)
}

/// Turns the position of a selected element into the position it was read from.
#[cfg(any(test, feature = "testing"))]
pub(super) fn origin(place: &mut Vec<usize>, axis: usize, index: &Index) {
    let back = place.split_off(axis + index.rank());
    let number = index.get(&place.split_off(axis)).expect("a place of the index");
    place.push(number);
    place.extend(back);
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("index_select", |s| {
    let (shape, axis, index) = sample(s);
    let inputs = vec![s.tensor(&shape, &Domain::REAL)];
    let op = IndexSelect { axis: axis as isize, index: index.clone() };
    let selected = op.selected("index_select", &shape).expect("the index fits the shape");
    Case::new(op, inputs, move |x| {
        Dense::from_fn(&selected, |mut place| {
            origin(&mut place, axis, &index);
            x[0].at(&place)
        })
    })
})];
