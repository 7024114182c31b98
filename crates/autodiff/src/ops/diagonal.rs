//! `y = the diagonal of each matrix`, as a view; the cotangent is `gy` on that diagonal and zero
//! elsewhere.

use wengert_kernels::Element;

use super::diagonal_grad::DiagonalGrad;
use super::sum_axes;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
use crate::tensor::view::diagonal_of;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row, Sampler};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Diagonal {
    pub(crate) offset: isize,
}

impl<E: Element> Op<E> for Diagonal {
    described!("diagonal", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let (front, matrix) = inputs[0].matrices("diagonal")?;
        let len = diagonal_of(matrix, self.offset).1;
        Ok(front.iter().copied().chain([len]).collect())
    }

    fn forward(&self, inputs: &[&Tensor<E>], _: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        inputs[0].try_diagonal(self.offset)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let (_, matrix) = node.input(0).shape().matrices("diagonal")?;
        let op = DiagonalGrad { offset: self.offset, matrix };
        cotangents([Some(node.tape().apply(op, &[node.gy()])?)])
    }
}

/// The diagonal of each matrix: the elements `[.., i, i + offset]`, or `[.., i - offset, i]` for a
/// negative offset. Returns a view.
///
/// # Shapes
/// `[.., rows, columns]` gives `[.., n]`; the diagonal of an offset beyond the matrix is empty.
///
/// # Errors
/// If there are fewer than two axes.
#[track_caller]
pub fn diagonal<E: Element>(x: Var<'_, E>, offset: isize) -> Result<Var<'_, E>> {
    x.tape().apply(Diagonal { offset }, &[x])
}

/// The sum of the diagonal of each matrix.
///
/// # Shapes
/// `[.., rows, columns]` gives `[..]`.
///
/// # Errors
/// If there are fewer than two axes.
#[track_caller]
pub fn trace<E: Element>(x: Var<'_, E>) -> Result<Var<'_, E>> {
    x.shape().matrices("trace")?;
    sum_axes(diagonal(x, 0)?, &[-1], false)
}

methods! {
    /// The diagonal of each matrix.
    var diagonal(; offset: isize)
}

methods! {
    /// The sum of the diagonal of each matrix.
    trace / try_trace()
}

/// A shape of matrices and the offset of a diagonal, which may be beyond the matrix.
#[cfg(any(test, feature = "testing"))]
pub(super) fn sample(s: &mut Sampler) -> (Shape, isize) {
    let front = s.below(3);
    let shape: Shape = (0..front + 2).map(|_| s.size()).collect();
    (shape, s.below(9) as isize - 4)
}

/// Turns an index on a diagonal into the index in its matrix.
#[cfg(any(test, feature = "testing"))]
pub(super) fn origin(place: &mut Vec<usize>, offset: isize) {
    let at = place.pop().expect("the axis of the diagonal");
    let by = offset.unsigned_abs();
    place.extend(if offset >= 0 { [at, at + by] } else { [at + by, at] });
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("diagonal", |s| {
    let (shape, offset) = sample(s);
    let mut result = shape.to_vec();
    let cols = result.pop().expect("two axes at least") as isize;
    let rows = result.pop().expect("two axes at least") as isize;
    // The length of the diagonal by counting, independent of the formula under test.
    result.push((0..rows).filter(|row| (0..cols).contains(&(row + offset))).count());
    let inputs = vec![s.tensor(&shape, &Domain::REAL)];
    Case::new(Diagonal { offset }, inputs, move |x| {
        Dense::from_fn(&result, |mut place| {
            origin(&mut place, offset);
            x[0].at(&place)
        })
    })
})];
