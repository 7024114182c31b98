//! `y = sum (x - mean)^2 / (n - correction)` over some axes; the cotangent is
//! `2 gy (x - mean) / (n - correction)`.

use wengert_kernels::{Element, elementwise, reduce};

use super::scaling;
use super::sum::Axes;
use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct Variance {
    axes: Axes,
    correction: usize,
}

/// The variances of a tensor.
fn variance<E: Element>(
    axes: &Axes,
    correction: usize,
    x: &Tensor<E>,
    ctx: &mut Forward<'_, E>,
) -> Result<Tensor<E>> {
    if !x.is_contiguous() {
        let count = axes.count("var", x.shape())? as f64;
        let factor = E::from_f64(count / (count - correction as f64).max(0.0));
        let uncorrected = Variance { axes: axes.clone(), correction: 0 };
        let corrected = |_, variances: &mut [E]| elementwise::scale_in_place(factor, variances);
        if let Some(of_copies) = support::reduced_once(&uncorrected, x, axes, ctx, corrected)? {
            return Ok(of_copies);
        }
    }
    let group = axes.group("var", x.shape())?;
    let lines = group.lines(x)?;
    let mut means = ctx.scratch(ctx.shape())?;
    let data = lines.as_slice().expect("lines are contiguous");
    ctx.output_by(|out| {
        reduce::mean_variance_axis(data, group.dims, correction, means.as_mut_slice(), out);
    })
}

/// Whether squares, deviations or products with `gy` may overflow or underflow in the gradient of
/// the variances (or standard deviations) `y`.
pub(super) fn is_extreme<E: Element>(
    axes: &Axes,
    x: Var<'_, E>,
    gy: Var<'_, E>,
    y: Var<'_, E>,
) -> Result<bool> {
    let flags = axes.flags("var", &x.shape())?;
    Ok(scaling::is_needed(&x.try_value()?, &flags, &y.try_value()?, 30)?
        || !scaling::all_within_or_zero(&gy.try_value()?, 60)?)
}

/// `x - mean`.
pub(super) fn centred<'t, E: Element>(axes: &Axes, x: Var<'t, E>) -> Result<Var<'t, E>> {
    let shape = x.shape();
    let named = axes.flags("var", &shape)?;
    let named: Vec<isize> =
        (0..shape.rank()).filter(|&axis| named[axis]).map(|axis| axis as isize).collect();
    super::sub(x, super::mean_axes(x, &named, true)?)
}

/// `gy (x - mean) / (n - correction)`, where `gy` has the reduced shape.
pub(super) fn deviations<'t, E: Element>(
    axes: &Axes,
    correction: usize,
    gy: Var<'t, E>,
    x: Var<'t, E>,
) -> Result<Var<'t, E>> {
    let shape = x.shape();
    let free = axes.count("var", &shape)?.saturating_sub(correction);
    let factor = E::ONE / E::from_f64(free as f64);
    // The factor is infinite where the divisor `n - correction` is zero.
    let gy = gy.cotangent_mul(gy.tape().constant(&Tensor::scalar(factor)));
    Ok(axes.repeat("var", gy, &shape)?.cotangent_mul(centred(axes, x)?))
}

impl<E: Element> Op<E> for Variance {
    described!("var", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        self.axes.reduced("var", inputs[0])
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        variance(&self.axes, self.correction, inputs[0], ctx)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let (x, gy, y) = (node.input(0), node.gy(), node.output());
        let free = self.axes.count("var", &x.shape())?.saturating_sub(self.correction);
        if free == 0 || !is_extreme(&self.axes, x, gy, y)? {
            let gy = super::mul_scalar(gy, E::from_f64(2.0))?;
            return cotangents([Some(deviations(&self.axes, self.correction, gy, x)?)]);
        }
        let shape = x.shape();
        let flags = self.axes.flags("var", &shape)?;
        let quarters = x.tape().constant(&scaling::quarters(&x.try_value()?, &flags)?);
        let x = super::mul(x, quarters)?;
        let gx = self.axes.repeat("var", gy, &shape)?.cotangent_mul(centred(&self.axes, x)?);
        let gx = super::mul_scalar(gx, E::from_f64(2.0 / free as f64))?;
        cotangents([Some(super::div_keep_zero(gx, quarters)?)])
    }
}

entry! {
    /// The variance of all elements, `sum (x - mean)^2 / (n - correction)`: that of the population
    /// for `correction` 0, Bessel's unbiased estimate for 1. If `n` is not larger than
    /// `correction`, the divisor is zero; without elements the variance is NaN.
    ///
    /// The relative error is below `(500 + n / 512) eps`, for any mean, where the variance is a
    /// normal number; beyond the range it is infinite, and below it zero or subnormal. The gradient
    /// is correct in these cases too.
    var / try_var(x; correction: usize) = Variance { axes: Axes::ALL, correction }
}

entry! {
    /// The variance over the given axes (negative numbers count from the last). With `keep_dims`
    /// these axes stay with size 1, otherwise they are removed. See [`var`](crate::ops::var).
    var_axes / try_var_axes(x; axes: &[isize], correction: usize, keep_dims: bool) =
        Variance { axes: Axes::of(axes, keep_dims), correction }
}

/// The naive variance.
#[cfg(any(test, feature = "testing"))]
pub(super) fn reference(values: &[f64], correction: usize) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - correction as f64).max(0.0)
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("var", |s| {
    let shape = s.shape();
    let (axes, keep) = s.axes(&shape);
    let correction = s.below(2);
    let op = Variance { axes: Axes::of(&axes, keep), correction };
    Case::new(op, vec![s.tensor(&shape, &Domain::REAL)], move |x| {
        x[0].reduce(&axes, keep, |values| reference(values, correction))
    })
})];
