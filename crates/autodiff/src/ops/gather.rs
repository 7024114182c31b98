//! `y = x` at the positions given by an index along an axis, one for each element of the result;
//! the cotangent adds each element of `gy` at the position it was read from.

use wengert_kernels::Element;

use super::gather_grad::GatherGrad;
use super::indexed;
use crate::error::Result;
use crate::index::Index;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct Gather {
    pub(crate) axis: isize,
    pub(crate) index: Index,
}

impl<E: Element> Op<E> for Gather {
    described!("gather", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        indexed::along("gather", inputs[0], self.axis, &self.index)?;
        Ok(self.index.shape().clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let x = inputs[0].try_contiguous()?;
        let from = x.as_slice().unwrap_or_default();
        let axis = x.shape().axis("gather", self.axis)?;
        ctx.output_by(|out| {
            indexed::for_places(x.shape(), axis, &self.index, |i, place| out[i] = from[place]);
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let op = GatherGrad { gather: self.clone(), shape: node.input(0).shape() };
        cotangents([Some(node.tape().apply(op, &[node.gy()])?)])
    }
}

entry! {
    /// The elements at the positions given by an index along an axis: for axis 0 of a matrix,
    /// `y[i][j] = x[index[i][j]][j]`.
    ///
    /// ```
    /// use wengert_autodiff::{Index, Tensor};
    /// let x = Tensor::from_fn([2, 3], |i| (10 * i[0] + i[1]) as f32);
    /// let best = Index::from_vec(vec![2, 0], [2, 1])?;
    /// assert_eq!(x.gather(1, &best).to_vec(), [2.0, 10.0]);
    /// # Ok::<(), wengert_autodiff::Error>(())
    /// ```
    ///
    /// # Shapes
    /// The index has the same number of axes as `x`, and along the other axes it is not larger than
    /// `x`. The result has the index's shape.
    gather / try_gather(x; axis: isize, index: &Index) = Gather { axis, index: index.clone() }
}

/// A shape, an axis, and an index for a gather along it.
#[cfg(any(test, feature = "testing"))]
pub(super) fn sample(s: &mut crate::testing::Sampler) -> (Shape, usize, Index) {
    let mut shape = s.shape_with_axis();
    let axis = s.below(shape.rank());
    shape.dims_mut()[axis] = shape[axis].max(1);
    let sizes: Shape = (0..shape.rank())
        .map(|i| if i == axis { s.size() } else { s.below(shape[i] + 1).max(shape[i].min(1)) })
        .collect();
    let index = Index::from_fn(sizes, |_| s.below(shape[axis]));
    (shape, axis, index)
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("gather", |s| {
    let (shape, axis, index) = sample(s);
    let inputs = vec![s.tensor(&shape, &Domain::REAL)];
    let op = Gather { axis: axis as isize, index: index.clone() };
    Case::new(op, inputs, move |x| {
        Dense::from_fn(index.shape(), |mut place| {
            place[axis] = index.get(&place).expect("a place of the index");
            x[0].at(&place)
        })
    })
})];
