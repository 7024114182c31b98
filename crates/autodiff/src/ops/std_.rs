//! `y = sqrt(var x)` over some axes; the cotangent is `gy (x - mean) / ((n - correction) y)`, 0 where `y`
//! is 0, where all elements are equal and there is no derivative.

use wengert_kernels::{Element, elementwise};

use super::sum::Axes;
use super::support::sample_distinct;
use super::var::{deviations, reference, variance};
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
use crate::testing::{Case, Row};

#[derive(Clone, Debug)]
pub(crate) struct Std {
    axes: Axes,
    correction: usize,
}

impl<E: Element> Op<E> for Std {
    fn name(&self) -> &'static str {
        "std"
    }

    fn arity(&self) -> Option<usize> {
        Some(1)
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        self.axes.reduced("std", inputs[0])
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let variances = variance(&self.axes, self.correction, inputs[0], ctx)?;
        super::support::each(ctx, &variances, elementwise::sqrt)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let y = node.output();
        // Nothing by infinity is nothing, and nothing comes back from behind the mask.
        let y = super::masked_fill(y, &y.eq_scalar(E::ZERO), E::INFINITY)?;
        let gy = super::div_keep_zero(node.gy(), y)?;
        cotangents([Some(deviations(&self.axes, self.correction, gy, node.input(0))?)])
    }
}

entry! {
    /// The standard deviation of all elements, `sqrt(sum (x - mean)^2 / (n - correction))`: the
    /// population's for `correction` 0, with Bessel's correction for 1. The derivative is 0 where the
    /// deviation is (all elements are equal).
    std(x; correction: usize) = Std { axes: Axes { axes: None, keep: false }, correction }
}

entry! {
    /// The standard deviation over the named axes (negative numbers count from the last). With
    /// `keep_dims` they stay with size 1, otherwise they go. See [`std`](crate::ops::std).
    std_axes(x; axes: &[isize], correction: usize, keep_dims: bool) =
        Std { axes: Axes { axes: Some(axes.to_vec()), keep: keep_dims }, correction }
}

pub(crate) const ROWS: &[Row] = &[Row {
    name: "std",
    order: 2,
    reorders: false,
    sample: |s| {
        // A single element has a deviation of 0, a kink, unless Bessel's correction makes it NaN.
        let (x, axes, keep) = sample_distinct(s);
        let op = Std { axes: Axes { axes: Some(axes.clone()), keep }, correction: 1 };
        Case::new(op, vec![x], move |x| {
            x[0].reduce(&axes, keep, |values| reference(values, 1).sqrt())
        })
    },
}];
