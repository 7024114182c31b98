//! `gx = gy / rows (softmax(x) - onehot(labels))`. With `g` the cotangent of `gx` and `p` the
//! softmax, the cotangent of `gy` is `sum(g (p - onehot)) / rows`, that of `x` is
//! `gy / rows p (g - sum(g p))`.

use std::sync::Arc;

use wengert_kernels::elementwise::Run;
use wengert_kernels::{Element, softmax};

use super::cross_entropy::{check, pairs, pairs_mut};
use super::softmax_grad::SoftmaxGrad;
use crate::error::{Error, Result};
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct CrossEntropyGrad<E: Element> {
    pub(crate) labels: Arc<[usize]>,
    /// The normalizers, if the forward pass has saved them.
    pub(crate) normalizers: Option<Tensor<E>>,
}

impl<E: Element> Op<E> for CrossEntropyGrad<E> {
    described!("gradient of cross_entropy", operands: 2);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let op = "gradient of cross_entropy";
        check(op, inputs[1], &self.labels)?;
        if inputs[0].rank() == 0 {
            return Ok(inputs[1].clone());
        }
        let expected = "a single number as cotangent".to_owned();
        Err(Error::Shapes { op, expected, got: vec![inputs[0].clone()] })
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let &[rows, classes] = inputs[1].shape().dims() else {
            unreachable!("the shape was checked")
        };
        let gy = inputs[0].item();
        if gy == E::ZERO {
            return ctx.output_by(|out| out.fill(gy));
        }
        let logits = inputs[1].try_contiguous()?;
        let x = logits.as_slice().expect("made contiguous");
        let computed;
        let normalizers = if let Some(saved) = &self.normalizers {
            saved
        } else {
            let (mut losses, mut normalizers) = (ctx.scratch([rows])?, ctx.scratch([rows, 2])?);
            let (losses, pairs) = (losses.as_mut_slice(), pairs_mut(&mut normalizers));
            softmax::cross_entropy_rows(x, classes, &self.labels, losses, pairs);
            computed = normalizers;
            &computed
        };
        let mut out = ctx.output()?;
        softmax::cross_entropy_grad_rows(
            x,
            classes,
            &self.labels,
            pairs(normalizers),
            Run::Splat(gy / E::from_f64(rows as f64)),
            out.as_mut_slice(),
        );
        Ok(out)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let (g, gy, x) = (node.gy(), node.input(0), node.input(1));
        let tape = node.tape();
        let for_gy = if node.needs(0) {
            let one = tape.constant(&Tensor::scalar(E::ONE));
            Some(g.cotangent_mul(tape.apply(self.clone(), &[one, x])?).sum())
        } else {
            None
        };
        let for_x = if node.needs(1) {
            let rows = E::from_f64(self.labels.len() as f64);
            Some(tape.apply(SoftmaxGrad, &[g.mul_absorbing(gy / rows), x.softmax(-1)])?)
        } else {
            None
        };
        cotangents([for_gy, for_x])
    }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("cross_entropy_grad", |s| {
    let (rows, classes) = (s.size().max(1), s.size().max(1));
    let labels: Arc<[usize]> = (0..rows).map(|_| s.below(classes)).collect();
    let inputs = vec![
        s.tensor(&Shape::scalar(), &Domain::REAL),
        s.tensor(&Shape::from([rows, classes]), &Domain::REAL),
    ];
    let single = CrossEntropyGrad { labels: Arc::clone(&labels), normalizers: None };
    let double = CrossEntropyGrad { labels: Arc::clone(&labels), normalizers: None };
    Case::pair(single, double, inputs, move |x| {
        let gy = x[0].data[0] / rows as f64;
        let data = x[1].data.chunks(classes).zip(labels.iter()).flat_map(|(row, &label)| {
            let total: f64 = row.iter().map(|x| x.exp()).sum();
            let hit = move |i| if i == label { 1.0 } else { 0.0 };
            row.iter().enumerate().map(move |(i, x)| gy * (x.exp() / total - hit(i)))
        });
        Dense { shape: vec![rows, classes], data: data.collect() }
    })
})];
