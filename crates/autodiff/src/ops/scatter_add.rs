//! `y = x` with `src` added at the positions given by an index along an axis; the cotangents are
//! `gy`, and `gy` gathered at these positions.

use wengert_kernels::Element;

use super::gather::gather;
#[cfg(any(test, feature = "testing"))]
use super::gather::sample;
use super::indexed;
use crate::error::{Error, Result, expect};
use crate::eval::eval_op;
use crate::index::Index;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct ScatterAdd {
    axis: isize,
    index: Index,
}

impl<E: Element> Op<E> for ScatterAdd {
    described!("scatter_add", operands: 2);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        indexed::along("scatter_add", inputs[0], self.axis, &self.index)?;
        if inputs[1] != self.index.shape() {
            let expected = format!("a source of the index's shape {}", self.index.shape());
            return Err(Error::Shapes {
                op: "scatter_add",
                expected,
                got: vec![inputs[1].clone()],
            });
        }
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let src = inputs[1].try_contiguous()?;
        let from = src.as_slice().unwrap_or_default();
        let axis = inputs[0].shape().axis("scatter_add", self.axis)?;
        ctx.output_by(|out| {
            inputs[0].copy_to(out);
            indexed::for_places(inputs[0].shape(), axis, &self.index, |i, place| {
                out[place] += from[i];
            });
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let gy = node.gy();
        let src = if node.needs(1) { Some(gather(gy, self.axis, &self.index)?) } else { None };
        cotangents([Some(gy), src])
    }
}

/// `x` with the elements of `src` added at the positions given by an index along an axis: for axis
/// 0 of a matrix, `y[index[i][j]][j] += src[i][j]`.
///
/// The elements are added in the row-major order of the index, beginning with the element of `x`,
/// so that the result has the same bits in every run.
///
/// # Shapes
/// The index has the same number of axes as `x`, and along the other axes it is not larger than
/// `x`; `src` has the index's shape. The result has the shape of `x`.
///
/// # Errors
/// If the shapes do not fit, or the index holds a number that is not a position along the axis.
#[track_caller]
pub fn scatter_add<'t, E: Element>(
    x: Var<'t, E>,
    axis: isize,
    index: &Index,
    src: Var<'t, E>,
) -> Result<Var<'t, E>> {
    x.tape().apply(ScatterAdd { axis, index: index.clone() }, &[x, src])
}

impl<E: Element> Var<'_, E> {
    /// `src` added at the positions given by an index along an axis. See
    /// [`ops::scatter_add`](crate::ops::scatter_add).
    ///
    /// # Panics
    /// If the shapes do not fit, or the index holds a number that is not a position along the axis.
    #[track_caller]
    pub fn scatter_add(self, axis: isize, index: &Index, src: Self) -> Self {
        expect(scatter_add(self, axis, index, src))
    }
}

impl<E: Element> Tensor<E> {
    /// `src` added at the positions given by an index along an axis. See
    /// [`ops::scatter_add`](crate::ops::scatter_add).
    ///
    /// # Panics
    /// If the shapes do not fit, or the index holds a number that is not a position along the axis.
    #[track_caller]
    pub fn scatter_add(&self, axis: isize, index: &Index, src: &Self) -> Self {
        expect(self.try_scatter_add(axis, index, src))
    }

    /// Fallible version of [`scatter_add`](Self::scatter_add).
    ///
    /// # Errors
    /// If the shapes do not fit, the index holds a number that is not a position along the axis, or
    /// there is no memory for the result.
    pub fn try_scatter_add(&self, axis: isize, index: &Index, src: &Self) -> Result<Self> {
        eval_op(&ScatterAdd { axis, index: index.clone() }, &[self, src])
    }
}

instances!(scatter_add<E>: scatter_add::<E>, Tensor::<E>::try_scatter_add);

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("scatter_add", |s| {
    let (shape, axis, index) = sample(s);
    let inputs = vec![s.tensor(&shape, &Domain::REAL), s.tensor(index.shape(), &Domain::REAL)];
    let op = ScatterAdd { axis: axis as isize, index: index.clone() };
    Case::new(op, inputs, move |x| {
        x[0].clone().with_added(&x[1], |place| {
            place[axis] = index.get(place).expect("a place of the index");
        })
    })
})];
