//! `y_i = e^(x_i) / sum_j e^(x_j)` along an axis; the cotangent is `y (gy - sum(gy y))`, by the
//! fused kernel of [`softmax_grad`](super::softmax_grad).

use wengert_kernels::{Element, softmax as kernel};

use super::softmax_grad::SoftmaxGrad;
use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Domain, Row};

/// The operation along the last axis.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Softmax;

impl<E: Element> Op<E> for Softmax {
    described!("softmax", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        support::last_axis("softmax", inputs[0])?;
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let cols = support::last_axis("softmax", inputs[0].shape())?;
        support::map(ctx, inputs[0], |x, y| kernel::softmax_rows(x, cols, y))
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        cotangents([Some(node.tape().apply(SoftmaxGrad, &[node.gy(), node.output()])?)])
    }
}

/// The softmax along an axis: positive numbers whose sum is one.
///
/// The largest element is subtracted first, so that nothing overflows. A single `inf` has
/// probability 1. A row is NaN if it contains a NaN, several `inf`, or only `-inf`; the last two
/// have no limit.
///
/// # Masks
/// `x.masked_fill(&hidden, -inf).softmax(axis)` gives hidden elements the probability 0, but a row
/// that is hidden entirely is NaN, and so is its gradient if its cotangent is not zero. If there
/// may be such rows, fill with a low finite number instead, and hide the result once more: it is
/// then 0 in these rows, and no gradient passes.
///
/// ```
/// use wengert_autodiff::{Mask, Tensor};
/// let x = Tensor::<f32>::zeros([2, 2]);
/// let hidden = Mask::from_slice(&[false, true, true, true], [2, 2])?;
/// let y = x.masked_fill(&hidden, f32::MIN).softmax(1).masked_fill(&hidden, 0.0);
/// assert_eq!(y.to_vec(), [1.0, 0.0, 0.0, 0.0]);
/// assert!(x.masked_fill(&hidden, f32::NEG_INFINITY).softmax(1).to_vec()[2].is_nan());
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
///
/// # Errors
/// If the axis does not exist.
#[track_caller]
pub fn softmax<E: Element>(x: Var<'_, E>, axis: isize) -> Result<Var<'_, E>> {
    support::along_axis(Softmax, x, axis)
}

methods! {
    /// The softmax along an axis.
    softmax / try_softmax(; axis: isize)
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("softmax", |s| {
    let shape = s.shape_with_axis();
    Case::new(Softmax, vec![s.tensor(&shape, &Domain::REAL)], |x| {
        x[0].map_rows(|row| {
            let total: f64 = row.iter().map(|x| x.exp()).sum();
            row.iter().map(|x| x.exp() / total).collect()
        })
    })
})];
