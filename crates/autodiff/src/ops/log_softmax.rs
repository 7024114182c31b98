//! `y_i = x_i - ln sum_j e^(x_j)` along an axis; the cotangent is `gy - e^y sum(gy)`, by the fused
//! kernel of [`log_softmax_grad`](super::log_softmax_grad).

use wengert_kernels::{Element, softmax as kernel};

use super::log_softmax_grad::LogSoftmaxGrad;
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
pub(crate) struct LogSoftmax;

impl<E: Element> Op<E> for LogSoftmax {
    described!("log_softmax", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        support::last_axis("log_softmax", inputs[0])?;
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let cols = support::last_axis("log_softmax", inputs[0].shape())?;
        support::map(ctx, inputs[0], |x, y| kernel::log_softmax_rows(x, cols, y))
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        cotangents([Some(node.tape().apply(LogSoftmaxGrad, &[node.gy(), node.output()])?)])
    }
}

/// The logarithm of the softmax along an axis, without the overflow and the cancellation that
/// computing the softmax first would cause.
///
/// # Errors
/// If the axis does not exist.
#[track_caller]
pub fn log_softmax<E: Element>(x: Var<'_, E>, axis: isize) -> Result<Var<'_, E>> {
    support::along_axis(LogSoftmax, x, axis)
}

methods! {
    /// The logarithm of the softmax.
    log_softmax / try_log_softmax(; axis: isize)
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("log_softmax", |s| {
    let shape = s.shape_with_axis();
    Case::new(LogSoftmax, vec![s.tensor(&shape, &Domain::REAL)], |x| {
        x[0].map_rows(|row| {
            let total: f64 = row.iter().map(|x| x.exp()).sum();
            row.iter().map(|x| x - total.ln()).collect()
        })
    })
})];
