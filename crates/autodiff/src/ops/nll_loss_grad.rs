//! `gx = -gy` at each row's label, zero elsewhere: the cotangent of
//! [`nll_loss`](super::nll_loss()), and its transpose.

use std::sync::Arc;

use wengert_kernels::Element;

#[cfg(any(test, feature = "testing"))]
use super::nll_loss;
use super::nll_loss::{Labels, NllLoss};
use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct NllLossGrad {
    pub(super) labels: Labels,
    pub(super) classes: usize,
}

impl<E: Element> Op<E> for NllLossGrad {
    described!("gradient of nll_loss", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        Ok([inputs[0][0], self.classes].into())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let gy = inputs[0].try_contiguous()?;
        ctx.output_by(|out| {
            out.fill(E::ZERO);
            let rows = out.chunks_exact_mut(self.classes.max(1));
            for ((row, &label), &gy) in rows.zip(&*self.labels).zip(support::slice(&gy)) {
                if let Some(label) = label {
                    row[label] = -gy;
                }
            }
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let op = NllLoss { labels: Arc::clone(&self.labels) };
        cotangents([Some(node.tape().apply(op, &[node.gy()])?)])
    }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("nll_loss_grad", |s| {
    let (rows, classes) = (s.size(), s.size().max(1));
    let labels = nll_loss::draw(s, rows, classes);
    let inputs = vec![s.tensor(&Shape::from([rows]), &Domain::REAL)];
    let op = NllLossGrad { labels: Arc::clone(&labels), classes };
    Case::new(op, inputs, move |x| {
        let hit = |i: &[usize]| labels[i[0]] == Some(i[1]);
        Dense::from_fn(&[rows, classes], |i| if hit(&i) { -x[0].data[i[0]] } else { 0.0 })
    })
})];
