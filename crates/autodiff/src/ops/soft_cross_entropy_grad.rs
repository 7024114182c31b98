//! `gx = gy (softmax(x) sum(t) - t)` for each row, zero for rows whose targets are all zero: the
//! cotangent of [`soft_cross_entropy`](super::soft_cross_entropy()) for the logits. With `g` the
//! cotangent of `gx` and `p` the softmax, the cotangents are `sum(g (p sum(t) - t))`,
//! `gy sum(t) p (g - sum(g p))` and `gy (sum(g p) - g)`.

use wengert_kernels::{Element, reduce, softmax};

use super::soft_cross_entropy::matrix;
use super::softmax_grad::SoftmaxGrad;
use super::support;
use crate::error::{Error, Result};
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct SoftCrossEntropyGrad;

impl<E: Element> Op<E> for SoftCrossEntropyGrad {
    described!("gradient of soft_cross_entropy", operands: 3);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let op = "gradient of soft_cross_entropy";
        matrix(op, inputs[1], inputs[2])?;
        if inputs[0].dims() == &inputs[1][..inputs[1].rank() - 1] {
            return Ok(inputs[1].clone());
        }
        let expected = "a cotangent for each row".to_owned();
        Err(Error::Shapes {
            op,
            expected,
            got: inputs.iter().map(|&shape| shape.clone()).collect(),
        })
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let (rows, classes) = matrix("gradient of soft_cross_entropy", ctx.shape(), ctx.shape())?;
        let [gy, x, targets] = [0, 1, 2].map(|place| inputs[place].try_contiguous());
        let (gy, x, targets) = (gy?, x?, targets?);
        let (gy, targets) = (support::slice(&gy), support::slice(&targets));
        let mut totals = ctx.scratch([rows])?;
        let totals = totals.as_mut_slice();
        reduce::sum_axis(targets, [rows, classes, 1], totals);
        ctx.output_by(|out| {
            softmax::softmax_rows(support::slice(&x), classes, out);
            let rows = out.chunks_exact_mut(classes).zip(targets.chunks_exact(classes));
            for ((out, targets), (&gy, &mut total)) in rows.zip(gy.iter().zip(&mut *totals)) {
                if gy == E::ZERO || targets.iter().all(|&target| target == E::ZERO) {
                    out.fill(E::ZERO);
                    continue;
                }
                for (out, &target) in out.iter_mut().zip(targets) {
                    *out = gy * (*out * total - target);
                }
            }
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let (g, gy, x, targets) = (node.gy(), node.input(0), node.input(1), node.input(2));
        let tape = node.tape();
        let each = gy.unsqueeze(-1);
        let for_targets = node.needs(2).then(|| {
            let p = x.softmax(-1);
            each.mul_absorbing(g.cotangent_mul(p).sum_axes(&[-1], true) - g)
        });
        if !(node.needs(0) || node.needs(1)) {
            return cotangents([None, None, for_targets]);
        }
        // Rows without targets have no gradient, nor derivatives of it, for any logits.
        let unused = targets.value().abs().max_axes(&[-1], true).eq_scalar(E::ZERO);
        let x = if unused.any() { super::masked_fill(x, &unused, E::ZERO)? } else { x };
        let p = x.softmax(-1);
        let total = targets.sum_axes(&[-1], true);
        let for_gy =
            node.needs(0).then(|| g.cotangent_mul(p * total - targets).sum_axes(&[-1], false));
        let for_x = if node.needs(1) {
            Some(tape.apply(SoftmaxGrad, &[g.mul_absorbing(each.cotangent_mul(total)), p])?)
        } else {
            None
        };
        cotangents([for_gy, for_x, for_targets])
    }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("soft_cross_entropy_grad", |s| {
    let shape = s.shape_with_axis();
    let front: Shape = shape[..shape.rank() - 1].into();
    let inputs = vec![
        s.tensor(&front, &Domain::REAL),
        s.tensor(&shape, &Domain::REAL),
        s.tensor(&shape, &Domain::REAL),
    ];
    Case::new(SoftCrossEntropyGrad, inputs, |x| {
        let classes = *x[1].shape.last().expect("an axis");
        let rows = x[1].data.chunks(classes).zip(x[2].data.chunks(classes)).zip(&x[0].data);
        let data = rows.flat_map(|((logits, targets), gy)| {
            let total: f64 = logits.iter().map(|x| x.exp()).sum();
            let mass: f64 = targets.iter().sum();
            let pairs = logits.iter().zip(targets);
            pairs.map(move |(x, t)| gy * (x.exp() / total * mass - t))
        });
        Dense { shape: x[1].shape.clone(), data: data.collect() }
    })
})];
