//! `y = sqrt(var x)` over some axes; the cotangent is `gy (x - mean) / ((n - correction) y)`. Where
//! all elements are equal, `y` is 0, there is no derivative, and the cotangent is 0.

use wengert_kernels::{Element, elementwise, reduce};

use super::scaling;
use super::sum::Axes;
#[cfg(any(test, feature = "testing"))]
use super::support::sample_distinct;
use super::support::{self};
#[cfg(any(test, feature = "testing"))]
use super::var::reference;
use super::var::{centred, deviations, is_extreme};
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Row};

#[derive(Clone, Debug)]
pub(crate) struct Std {
    axes: Axes,
    correction: usize,
}

impl<E: Element> Op<E> for Std {
    described!("std", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        self.axes.reduced("std", inputs[0])
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let count = self.axes.count("std", inputs[0].shape())? as f64;
        let factor = (count / (count - self.correction as f64).max(0.0)).sqrt();
        let corrected = |_, deviations: &mut [E]| {
            elementwise::scale_in_place(E::from_f64(factor), deviations);
        };
        let plain = Std { axes: self.axes.clone(), correction: 0 };
        if let Some(y) = support::reduced_once(&plain, inputs[0], &self.axes, ctx, corrected)? {
            return Ok(y);
        }
        let group = self.axes.group("std", inputs[0].shape())?;
        let lines = group.lines(inputs[0])?;
        let (mut means, data) = (ctx.scratch(ctx.shape())?, support::slice(&lines));
        ctx.output_by(|out| {
            let means = means.as_mut_slice();
            reduce::mean_deviation_axis(data, group.dims, self.correction, means, out);
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let (x, gy, y) = (node.input(0), node.gy(), node.output());
        // An infinite deviation makes the quotient zero, and the mask lets no gradient through.
        let masked = |y: Var<'t, E>| super::masked_fill(y, &y.eq_scalar(E::ZERO), E::INFINITY);
        if !is_extreme(&self.axes, x, gy, y)? {
            let gy = super::div_keep_zero(gy, masked(y)?)?;
            return cotangents([Some(deviations(&self.axes, self.correction, gy, x)?)]);
        }
        // The deviation and the distances from the mean are scaled alike, so their ratio is not.
        let shape = x.shape();
        let (x, _) = scaling::scaled(x, &self.axes.flags("std", &shape)?, 0.0)?;
        let y = masked(node.tape().apply(self.clone(), &[x])?)?;
        let free = self.axes.count("std", &shape)?.saturating_sub(self.correction);
        let ratio = super::div(centred(&self.axes, x)?, self.axes.repeat("std", y, &shape)?)?;
        let ratio = super::mul_scalar(ratio, E::from_f64(1.0 / free as f64))?;
        cotangents([Some(self.axes.repeat("std", gy, &shape)?.cotangent_mul(ratio))])
    }
}

entry! {
    /// The standard deviation of all elements, `sqrt(sum (x - mean)^2 / (n - correction))`: that of
    /// the population for `correction` 0, with Bessel's correction for 1. The derivative is 0 where
    /// the deviation is (all elements are equal).
    ///
    /// The relative error of the result and of the gradient is below `(500 + n / 512) eps`, for any
    /// mean, and also where the variance overflows or underflows; a deviation that itself exceeds
    /// the range is infinite.
    std / try_std(x; correction: usize) = Std { axes: Axes::ALL, correction }
}

entry! {
    /// The standard deviation over the given axes (negative numbers count from the last). With
    /// `keep_dims` these axes stay with size 1, otherwise they are removed. See
    /// [`std`](crate::ops::std).
    std_axes / try_std_axes(x; axes: &[isize], correction: usize, keep_dims: bool) =
        Std { axes: Axes::of(axes, keep_dims), correction }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("std", |s| {
    // A single element has a deviation of 0, a kink, unless Bessel's correction makes it NaN.
    let (x, axes, keep) = sample_distinct(s);
    let op = Std { axes: Axes::of(&axes, keep), correction: 1 };
    Case::new(op, vec![x], move |x| x[0].reduce(&axes, keep, |values| reference(values, 1).sqrt()))
})];
