//! `y = x on a diagonal of a matrix, zeros elsewhere`: the transpose of
//! [`diagonal`](super::diagonal), which is its cotangent.

use wengert_kernels::Element;

use super::diagonal::diagonal;
#[cfg(any(test, feature = "testing"))]
use super::diagonal::{origin, sample};
use super::support;
use crate::error::{Error, Result};
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
use crate::tensor::view::diagonal_of;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct DiagonalGrad {
    pub(crate) offset: isize,
    /// The numbers of rows and columns of the matrix, whose diagonal has the operand's length.
    pub(crate) matrix: [usize; 2],
}

impl<E: Element> Op<E> for DiagonalGrad {
    described!("gradient of diagonal", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let front = &inputs[0][..inputs[0].rank() - 1];
        Ok(front.iter().copied().chain(self.matrix).collect())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let x = inputs[0].try_contiguous()?;
        let from = x.as_slice().unwrap_or_default();
        let [rows, cols] = self.matrix;
        let (start, len) = diagonal_of(self.matrix, self.offset);
        ctx.output_by(|out| {
            out.fill(E::ZERO);
            if len == 0 {
                return;
            }
            for (matrix, from) in out.chunks_exact_mut(rows * cols).zip(from.chunks_exact(len)) {
                let diagonal = matrix[start[0] * cols + start[1]..].iter_mut().step_by(cols + 1);
                for (to, &from) in diagonal.zip(from) {
                    *to = from;
                }
            }
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        cotangents([Some(diagonal(node.gy(), self.offset)?)])
    }
}

/// Square matrices with the last axis on a diagonal and zeros elsewhere.
///
/// # Shapes
/// `[.., n]` gives `[.., n + |offset|, n + |offset|]`.
///
/// # Errors
/// If there is no axis, or the result would be too large.
#[track_caller]
pub fn diag_embed<E: Element>(x: Var<'_, E>, offset: isize) -> Result<Var<'_, E>> {
    embedded("diag_embed", x, offset)
}

/// [`diag_embed`] on behalf of the operation `op`, which the error names if the result would be too
/// large.
#[track_caller]
fn embedded<'t, E: Element>(op: &'static str, x: Var<'t, E>, offset: isize) -> Result<Var<'t, E>> {
    let mut shape = x.shape();
    let size = support::last_axis(op, &shape)?.saturating_add(offset.unsigned_abs());
    let grad = DiagonalGrad { offset, matrix: [size, size] };
    let rank = shape.rank();
    shape.dims_mut()[rank - 1] = size;
    shape.dims_mut().insert(rank, size);
    shape.checked_len::<E>(op)?;
    x.tape().apply(grad, &[x]).map_err(|error| error.in_name_of(op))
}

/// A matrix with a vector on a diagonal, or the diagonal of a matrix.
///
/// # Shapes
/// `[n]` gives `[n + |offset|, n + |offset|]`; `[rows, columns]` gives `[n]`. For more axes see
/// [`diag_embed`] and [`diagonal`].
///
/// # Errors
/// If `x` is neither a vector nor a matrix.
#[track_caller]
pub fn diag<E: Element>(x: Var<'_, E>, offset: isize) -> Result<Var<'_, E>> {
    match x.shape().rank() {
        1 => embedded("diag", x, offset),
        2 => diagonal(x, offset),
        _ => {
            let expected = "a vector [n] or a matrix [rows, columns]".to_owned();
            Err(Error::Shapes { op: "diag", expected, got: vec![x.shape()] })
        }
    }
}

methods! {
    /// Square matrices with the last axis on a diagonal and zeros elsewhere.
    diag_embed / try_diag_embed(; offset: isize)
}

methods! {
    /// A matrix with a vector on a diagonal, or the diagonal of a matrix.
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// let x = Tensor::from_vec(vec![1.0_f32, 2.0], [2])?;
    /// assert_eq!(x.diag(0).to_vec(), [1.0, 0.0, 0.0, 2.0]);
    /// assert_eq!(x.diag(0).diag(0), x);
    /// # Ok::<(), wengert_autodiff::Error>(())
    /// ```
    ///
    diag / try_diag(; offset: isize)
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("diagonal_grad", |s| {
    let (shape, offset) = sample(s);
    let (front, &matrix) = shape.split_last_chunk().expect("two axes at least");
    let (_, len) = diagonal_of(matrix, offset);
    let diagonal: Shape = front.iter().copied().chain([len]).collect();
    let inputs = vec![s.tensor(&diagonal, &Domain::REAL)];
    Case::new(DiagonalGrad { offset, matrix }, inputs, move |x| {
        Dense::zeros(&shape).with_added(&x[0], |place| origin(place, offset))
    })
})];
