//! `y = ln(sum e^x)` over some axes; the cotangent is `gy softmax(x)`, by the fused kernel of
//! [`logsumexp_grad`](super::logsumexp_grad), and 0 where all elements of `x` are minus infinity.

use wengert_kernels::{Element, softmax as kernel};

use super::logsumexp_grad::LogSumExpGrad;
use super::sum::Axes;
use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct LogSumExp(Axes);

impl<E: Element> Op<E> for LogSumExp {
    described!("logsumexp", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        self.0.reduced("logsumexp", inputs[0])
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let add_log = |copies: usize, sums: &mut [E]| {
            let log = E::from_f64((copies as f64).ln());
            for sum in sums.iter_mut() {
                *sum += log;
            }
        };
        if let Some(sum) = support::reduced_once(self, inputs[0], &self.0, ctx, add_log)? {
            return Ok(sum);
        }
        let group = self.0.group("logsumexp", inputs[0].shape())?;
        let lines = group.lines(inputs[0])?;
        let data = lines.as_slice().expect("lines are contiguous");
        ctx.output_by(|out| kernel::log_sum_exp_axis(data, group.dims, out))
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let op = LogSumExpGrad(self.0.clone());
        cotangents([Some(node.tape().apply(op, &[node.gy(), node.input(0)])?)])
    }
}

entry! {
    /// `ln(sum e^x)` of all elements, a single number. The largest element is subtracted first, so
    /// that nothing overflows. Without elements, and if all are minus infinity, the result is minus
    /// infinity and the derivatives are 0. Otherwise the derivatives are the softmax: 1 at a single
    /// `inf`, NaN if there are several.
    logsumexp / try_logsumexp(x) = LogSumExp(Axes::ALL)
}

entry! {
    /// `ln(sum e^x)` over the given axes (negative numbers count from the last). With `keep_dims`
    /// these axes stay with size 1, otherwise they are removed. See
    /// [`logsumexp`](crate::ops::logsumexp).
    logsumexp_axes / try_logsumexp_axes(x; axes: &[isize], keep_dims: bool) =
        LogSumExp(Axes::of(axes, keep_dims))
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("logsumexp", |s| {
    let shape = s.shape();
    let (axes, keep) = s.axes(&shape);
    let op = LogSumExp(Axes::of(&axes, keep));
    Case::new(op, vec![s.tensor(&shape, &Domain::REAL)], move |x| {
        x[0].reduce(&axes, keep, |values| values.iter().map(|x| x.exp()).sum::<f64>().ln())
    })
})];
