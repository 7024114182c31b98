//! `y = x` at the positions of a range along an axis, as a view; the cotangent is `gy` at those
//! positions and zero elsewhere.

use wengert_kernels::Element;

use super::slice_grad::SliceGrad;
use super::squeeze;
use crate::error::{Error, Result, expect};
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;
use crate::tensor::view::Step;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Slice {
    pub(crate) axis: isize,
    pub(crate) range: Step,
}

impl<E: Element> Op<E> for Slice {
    described!("slice", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let axis = inputs[0].axis("slice", self.axis)?;
        let mut shape = inputs[0].clone();
        shape.dims_mut()[axis] = self.range.resolve(shape[axis])?.1;
        Ok(shape)
    }

    fn forward(&self, inputs: &[&Tensor<E>], _: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        inputs[0].try_slice(self.axis, self.range)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let op = SliceGrad { slice: *self, shape: node.input(0).shape() };
        cotangents([Some(node.tape().apply(op, &[node.gy()])?)])
    }
}

/// The elements at the positions of a range along an axis; see [`Step`] for negative positions and
/// steps. Returns a view.
///
/// # Errors
/// If the axis does not exist or the step is zero.
#[track_caller]
pub fn slice<E: Element>(x: Var<'_, E>, axis: isize, range: impl Into<Step>) -> Result<Var<'_, E>> {
    x.tape().apply(Slice { axis, range: range.into() }, &[x])
}

/// The elements at one position along an axis, which is removed; negative positions count from the
/// end. Returns a view.
///
/// # Errors
/// If the axis or the position does not exist.
#[track_caller]
pub fn select<E: Element>(x: Var<'_, E>, axis: isize, position: isize) -> Result<Var<'_, E>> {
    let shape = x.shape();
    let size = shape[shape.axis("select", axis)?] as isize;
    let at = if position < 0 { position + size } else { position };
    if !(0..size).contains(&at) {
        let range = match size {
            0 => "the axis is empty".to_owned(),
            _ => format!("positions run from -{size} to {}", size - 1),
        };
        let message = format!("axis {axis} of {shape} has no position {position}; {range}");
        return Err(Error::Argument { op: "select", message });
    }
    squeeze(slice(x, axis, at..at + 1)?, axis)
}

/// The elements at the `len` positions from `start` on along an axis. Returns a view. Positions
/// outside the axis are an error, whereas [`slice`](slice()) clips them.
///
/// # Errors
/// If the axis or one of the positions does not exist.
#[track_caller]
pub fn narrow<E: Element>(
    x: Var<'_, E>,
    axis: isize,
    start: usize,
    len: usize,
) -> Result<Var<'_, E>> {
    let shape = x.shape();
    let size = shape[shape.axis("narrow", axis)?];
    let Some(end) = start.checked_add(len).filter(|&end| end <= size) else {
        let message = format!(
            "{len} positions from {start} on exceed axis {axis} of {shape}, which has 0..{size}"
        );
        return Err(Error::Argument { op: "narrow", message });
    };
    slice(x, axis, start as isize..end as isize)
}

methods! {
    /// The elements at one position along an axis, which is removed.
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// let x = Tensor::from_fn([2, 3], |i| (10 * i[0] + i[1]) as f32);
    /// assert_eq!(x.select(1, -1).to_vec(), [2.0, 12.0]);
    /// ```
    ///
    select / try_select(; axis: isize, position: isize)
}

methods! {
    /// The elements at the `len` positions from `start` on along an axis.
    narrow / try_narrow(; axis: isize, start: usize, len: usize)
}

impl<E: Element> Var<'_, E> {
    /// The elements at the positions of a range along an axis. See
    /// [`ops::slice`](crate::ops::slice).
    ///
    /// # Panics
    /// If the axis does not exist or the step is zero.
    #[track_caller]
    pub fn slice(self, axis: isize, range: impl Into<Step>) -> Self {
        expect(slice(self, axis, range))
    }
}

instances!(slice<E>: Tape::<E>::apply::<Slice>);

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("slice", |s| {
    let shape = s.shape_with_axis();
    let (axis, range) = s.range(&shape);
    let inputs = vec![s.tensor(&shape, &Domain::REAL)];
    let op = Slice { axis: axis as isize, range };
    Case::new(op, inputs, move |x| x[0].picked(axis, &range))
})];
