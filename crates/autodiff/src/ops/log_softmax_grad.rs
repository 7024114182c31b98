//! `gx = gy - e^y s` with `s = sum(gy)` along the last axis. With `g` the cotangent of `gx`, the
//! cotangent of `gy` is `g - sum(g e^y)`, that of `y` is `-g e^y s`.

use wengert_kernels::{Element, softmax as kernel};

use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct LogSoftmaxGrad;

impl<E: Element> Op<E> for LogSoftmaxGrad {
    described!("gradient of log_softmax", operands: 2);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        support::last_axis("gradient of log_softmax", inputs[0])?;
        support::same("gradient of log_softmax", inputs)
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let cols = support::last_axis("gradient of log_softmax", inputs[0].shape())?;
        support::rows(ctx, inputs[0], inputs[1], |gy, y, out| {
            kernel::log_softmax_grad_rows(gy, y, cols, out);
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let (g, gy, y) = (node.gy(), node.input(0), node.input(1));
        let weighted = g.cotangent_mul(y.exp());
        let for_gy = node.needs(0).then(|| g - weighted.sum_axes(&[-1], true));
        let for_y = node.needs(1).then(|| -weighted.mul_absorbing(gy.sum_axes(&[-1], true)));
        cotangents([for_gy, for_y])
    }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("log_softmax_grad", |s| {
    let shape = s.shape_with_axis();
    let inputs = vec![s.tensor(&shape, &Domain::REAL), s.tensor(&shape, &Domain::REAL)];
    Case::new(LogSoftmaxGrad, inputs, |x| {
        let last = [x[0].shape.len() as isize - 1];
        let total = x[0].reduce(&last, true, |values| values.iter().sum());
        let share = Dense::zip(&x[1].map(f64::exp), &total, |p, s| p * s);
        Dense::zip(&x[0], &share, |gy, s| gy - s)
    })
})];
