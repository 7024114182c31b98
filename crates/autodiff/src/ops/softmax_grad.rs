//! `gx = y (gy - s)` with `s = sum(gy y)` along the last axis. With `g` the cotangent of `gx`, the
//! cotangent of `gy` is the same function of `g`, that of `y` is `g (gy - s) - gy sum(g y)`.

use wengert_kernels::{Element, softmax as kernel};

use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct SoftmaxGrad;

impl<E: Element> Op<E> for SoftmaxGrad {
    described!("gradient of softmax", operands: 2);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        support::last_axis("gradient of softmax", inputs[0])?;
        support::same("gradient of softmax", inputs)
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let cols = support::last_axis("gradient of softmax", inputs[0].shape())?;
        support::rows(ctx, inputs[0], inputs[1], |gy, y, out| {
            kernel::softmax_grad_rows(gy, y, cols, out);
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let (g, gy, y) = (node.gy(), node.input(0), node.input(1));
        let for_gy =
            if node.needs(0) { Some(node.tape().apply(SoftmaxGrad, &[g, y])?) } else { None };
        let for_y = node.needs(1).then(|| {
            let inner = |a: Var<'t, E>, b: Var<'t, E>| a.cotangent_mul(b).sum_axes(&[-1], true);
            g.mul_absorbing(gy - inner(gy, y)) - gy.mul_absorbing(inner(g, y))
        });
        cotangents([for_gy, for_y])
    }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("softmax_grad", |s| {
    let shape = s.shape_with_axis();
    let inputs = vec![s.tensor(&shape, &Domain::REAL), s.tensor(&shape, &Domain::UNIT)];
    Case::new(SoftmaxGrad, inputs, |x| {
        let last = [x[0].shape.len() as isize - 1];
        let inner = Dense::zip(&x[0], &x[1], |gy, y| gy * y);
        let inner = inner.reduce(&last, true, |values| values.iter().sum());
        let centred = Dense::zip(&x[0], &inner, |gy, s| gy - s);
        Dense::zip(&centred, &x[1], |d, y| d * y)
    })
})];
