//! `gx = gy p` with the softmax `p` of `x` over some axes. It is computed from `x` and not as
//! `e^(x - y)`, which would multiply the rounding error of `y` by the magnitude of `y`. With `g`
//! the cotangent of `gx`, the cotangent of `gy` is `sum(g p)`, that of `x` is
//! `gy p (g - sum(g p))`.

use wengert_kernels::{Element, softmax as kernel};

use super::sum::Axes;
use super::support;
use crate::error::{Error, Result};
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

const OP: &str = "gradient of logsumexp";

#[derive(Clone, Debug)]
pub(crate) struct LogSumExpGrad(pub(super) Axes);

impl<E: Element> Op<E> for LogSumExpGrad {
    fn name(&self) -> &'static str {
        OP
    }

    fn arity(&self) -> Option<usize> {
        Some(2)
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        if *inputs[0] == self.0.reduced(OP, inputs[1])? {
            return Ok(inputs[1].clone());
        }
        let expected = "a cotangent for each line".to_owned();
        Err(Error::Shapes { op: OP, expected, got: inputs.iter().map(|&s| s.clone()).collect() })
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let group = self.0.group(OP, inputs[1].shape())?;
        let (gy, lines) = (inputs[0].try_contiguous()?, group.lines(inputs[1])?);
        let mut out = ctx.scratch(lines.shape())?;
        let (gy, x) = (support::slice(&gy), support::slice(&lines));
        kernel::log_sum_exp_grad_axis(gy, x, group.dims, out.as_mut_slice());
        // A cotangent of zero stays zero, even if the softmax is NaN.
        let [_, axis, inner] = group.dims;
        for (line, _) in gy.iter().enumerate().filter(|(_, gy)| **gy == E::ZERO) {
            let first = line / inner * axis * inner + line % inner;
            out.as_mut_slice()[first..]
                .iter_mut()
                .step_by(inner)
                .take(axis)
                .for_each(|x| *x = E::ZERO);
        }
        group.restore(&out)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let (g, gy, x) = (node.gy(), node.input(0), node.input(1));
        let ones = node.tape().constant(&Tensor::ones(gy.shape()));
        let weighted = g.mul_absorbing(node.tape().apply(self.clone(), &[ones, x])?);
        let sums = node.tape().apply(super::sum::Sum(self.0.clone()), &[weighted])?;
        let for_x = if node.needs(1) {
            let centred = g - self.0.repeat(OP, sums, &x.shape())?;
            Some(node.tape().apply(self.clone(), &[gy, x])?.mul_absorbing(centred))
        } else {
            None
        };
        cotangents([node.needs(0).then_some(sums), for_x])
    }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("logsumexp_grad", |s| {
    let shape = s.shape();
    let (axes, keep) = s.axes(&shape);
    let axes_of = Axes::of(&axes, keep);
    let reduced = axes_of.reduced(OP, &shape).expect("drawn axes");
    let inputs = vec![s.tensor(&reduced, &Domain::REAL), s.tensor(&shape, &Domain::REAL)];
    Case::new(LogSumExpGrad(axes_of), inputs, move |x| {
        let e = x[1].map(f64::exp);
        let total = e.reduce(&axes, true, |values| values.iter().sum());
        let gy = Dense { shape: total.shape.clone(), data: x[0].data.clone() };
        Dense::zip(&Dense::zip(&e, &total, |e, s| e / s), &gy, |p, gy| p * gy)
    })
})];
