//! `y = mean of x over some axes`; the cotangent is `gy / n`, repeated along them.

use wengert_kernels::{Element, elementwise};

use super::sum::Axes;
use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::{Tensor, strided};
use crate::testing::{Case, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct Mean(Axes);

impl Mean {
    /// The reciprocal of how many elements make one mean.
    fn reciprocal<E: Element>(&self, shape: &Shape) -> Result<E> {
        Ok(E::ONE / E::from_f64(self.0.count("mean", shape)? as f64))
    }
}

impl<E: Element> Op<E> for Mean {
    fn name(&self) -> &'static str {
        "mean"
    }

    fn arity(&self) -> Option<usize> {
        Some(1)
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        self.0.reduced("mean", inputs[0])
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        if let Some(mean) =
            ctx.put_off_sum(inputs[0], Some(self.reciprocal(inputs[0].shape())?))
        {
            return Ok(mean);
        }
        // The mean of copies is that of one of them.
        if let Some(mean) = support::reduced_once(self, inputs[0], &self.0, ctx, |_, _| ())? {
            return Ok(mean);
        }
        let mut out = ctx.output()?;
        let flags = self.0.flags("mean", inputs[0].shape())?;
        let out_slice = out.as_mut_slice();
        strided::sum(inputs[0], &flags, out_slice)?;
        // The mean of nothing is 0 times infinity: NaN.
        elementwise::scale_in_place(self.reciprocal(inputs[0].shape())?, out_slice);
        Ok(out)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let shape = node.input(0).shape();
        let gy = super::mul_scalar(node.gy(), self.reciprocal(&shape)?)?;
        cotangents([Some(self.0.repeat("mean", gy, &shape)?)])
    }
}

entry! {
    /// The mean of all elements, a single number; NaN if there are none.
    mean(x) = Mean(Axes { axes: None, keep: false })
}

entry! {
    /// The mean over the named axes (negative numbers count from the last). With `keep_dims` they
    /// stay with size 1, otherwise they go.
    mean_axes(x; axes: &[isize], keep_dims: bool) = Mean(Axes { axes: Some(axes.to_vec()), keep: keep_dims })
}

pub(crate) const ROWS: &[Row] = &[Row {
    name: "mean",
    order: 2,
    reorders: false,
    sample: |s| {
        let shape = s.shape();
        let (axes, keep) = s.axes(&shape);
        let op = Mean(Axes { axes: Some(axes.clone()), keep });
        Case::new(op, vec![s.tensor(&shape, &Domain::REAL)], move |x| {
            let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
            x[0].reduce(&axes, keep, mean)
        })
    },
}];
