//! `y_i = x_0 + .. + x_i` along an axis; the cotangent is the running sum of `gy` from the other
//! end.

use wengert_kernels::{Element, scan};

use super::recurrence::dims;
#[cfg(any(test, feature = "testing"))]
use super::recurrence::sample_axis;
use crate::error::{Result, expect};
use crate::eval::eval_op;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Cumsum {
    axis: isize,
    reverse: bool,
}

impl<E: Element> Op<E> for Cumsum {
    described!("cumsum", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        inputs[0].axis("cumsum", self.axis)?;
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let dims = dims("cumsum", inputs[0].shape(), self.axis)?;
        super::support::map(ctx, inputs[0], |x, y| scan::cumsum_axis(x, dims, self.reverse, y))
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let back = Cumsum { axis: self.axis, reverse: !self.reverse };
        cotangents([Some(node.tape().apply(back, &[node.gy()])?)])
    }
}

/// The running sums along an axis: each element is the sum of itself and all before it. They are
/// accumulated in f64, and for elements of f64 with compensation, so that long sums do not lose
/// small elements. Intermediate sums of f32 elements may exceed the range of f32.
///
/// # Errors
/// If the axis does not exist.
#[track_caller]
pub fn cumsum<E: Element>(x: Var<'_, E>, axis: isize) -> Result<Var<'_, E>> {
    x.tape().apply(Cumsum { axis, reverse: false }, &[x])
}

impl<E: Element> Var<'_, E> {
    /// The running sums along an axis. See [`ops::cumsum`](crate::ops::cumsum).
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    pub fn cumsum(self, axis: isize) -> Self {
        expect(cumsum(self, axis))
    }
}

impl<E: Element> Tensor<E> {
    /// The running sums along an axis. See [`ops::cumsum`](crate::ops::cumsum).
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    pub fn cumsum(&self, axis: isize) -> Self {
        expect(self.try_cumsum(axis))
    }

    /// Fallible version of [`cumsum`](Self::cumsum).
    ///
    /// # Errors
    /// If the axis does not exist, or there is no memory for the result.
    pub fn try_cumsum(&self, axis: isize) -> Result<Self> {
        eval_op(&Cumsum { axis, reverse: false }, &[self])
    }
}

instances!(cumsum<E>: cumsum::<E>, Tensor::<E>::try_cumsum);

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("cumsum", |s| {
    let (shape, axis) = sample_axis(s);
    let reverse = s.coin();
    let inputs = vec![s.tensor(&shape, &Domain::REAL)];
    Case::new(Cumsum { axis, reverse }, inputs, move |x| {
        let axis = shape.axis("cumsum", axis).expect("a drawn axis");
        x[0].scanned(axis, reverse, |line| line.iter().sum())
    })
})];
