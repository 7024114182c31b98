//! `y = mean of x over some axes`; the cotangent is `gy / n`, repeated along them. The mean of
//! finite elements is finite, even if their sum overflows.

use wengert_kernels::{Element, elementwise, reduce};

use super::sum::Axes;
use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::{Tensor, strided};
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct Mean {
    axes: Axes,
    /// The divisor of the sum, if it is not the number of its terms.
    divisor: Option<usize>,
}

impl Mean {
    /// The divisor of the sum.
    fn divisor_of(&self, shape: &Shape) -> Result<usize> {
        match self.divisor {
            Some(divisor) => Ok(divisor),
            None => self.axes.count("mean", shape),
        }
    }

    /// The reciprocal of the divisor of the sum.
    fn reciprocal<E: Element>(&self, shape: &Shape) -> Result<E> {
        Ok(E::ONE / E::from_f64(self.divisor_of(shape)? as f64))
    }
}

/// The mean of the elements, NaN if there are none; the same bits as [`mean`].
pub(super) fn of<E: Element>(x: &[E]) -> E {
    let (total, factor) = (reduce::sum(x), E::ONE / E::from_f64(x.len() as f64));
    let mut mean = [total * factor];
    // Where the sum overflows, the mean may not.
    if !mean[0].is_finite() {
        reduce::repair_sums_axis(x, [1, x.len(), 1], x.len() as f64, &mut mean);
    }
    mean[0]
}

/// The sum of all elements, divided by a number.
#[track_caller]
pub(super) fn sum_over<E: Element>(x: Var<'_, E>, divisor: usize) -> Result<Var<'_, E>> {
    let axes = Axes::ALL;
    x.tape().apply(Mean { axes, divisor: Some(divisor) }, &[x])
}

impl<E: Element> Op<E> for Mean {
    described!("mean", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        self.axes.reduced("mean", inputs[0])
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        if let Some(mean) = ctx.defer_sum(inputs[0], Some(self.reciprocal(inputs[0].shape())?)) {
            return Ok(mean);
        }
        // The mean over copies is the mean over one of them.
        let plain = self.divisor.map(|_| Mean { axes: self.axes.clone(), divisor: None });
        let share = self.axes.count("mean", inputs[0].shape())? as f64
            / self.divisor_of(inputs[0].shape())? as f64;
        let scale = |_, means: &mut [E]| {
            if plain.is_some() {
                elementwise::scale_in_place(E::from_f64(share), means);
            }
        };
        let op = plain.as_ref().unwrap_or(self);
        if let Some(mean) = support::reduced_once(op, inputs[0], &self.axes, ctx, scale)? {
            return Ok(mean);
        }
        let mut out = ctx.output()?;
        let flags = self.axes.flags("mean", inputs[0].shape())?;
        let out_slice = out.as_mut_slice();
        strided::sum(inputs[0], &flags, out_slice)?;
        let divisor = self.divisor_of(inputs[0].shape())?;
        // The mean over no elements is 0 times infinity: NaN.
        elementwise::scale_in_place(E::ONE / E::from_f64(divisor as f64), out_slice);
        // Where the sum overflows, the mean may not.
        strided::repair_sums(inputs[0], &flags, divisor as f64, out_slice)?;
        Ok(out)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let shape = node.input(0).shape();
        let gy = super::mul_scalar(node.gy(), self.reciprocal(&shape)?)?;
        cotangents([Some(self.axes.repeat("mean", gy, &shape)?)])
    }
}

entry! {
    /// The mean of all elements, a single number; NaN if there are none. The mean of finite numbers
    /// is finite, even if their sum overflows. The error is that of [`sum`](crate::ops::sum),
    /// divided by the number of elements, plus two roundings.
    mean / try_mean(x) = Mean { axes: Axes::ALL, divisor: None }
}

entry! {
    /// The [`mean`](super::mean()) over the given axes (negative numbers count from the last). With
    /// `keep_dims` these axes stay with size 1, otherwise they are removed.
    mean_axes / try_mean_axes(x; axes: &[isize], keep_dims: bool) =
        Mean { axes: Axes::of(axes, keep_dims), divisor: None }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("mean", |s| {
    let shape = s.shape();
    let (axes, keep) = s.axes(&shape);
    let divisor = s.coin().then_some(3);
    let op = Mean { axes: Axes::of(&axes, keep), divisor };
    Case::new(op, vec![s.tensor(&shape, &Domain::REAL)], move |x| {
        let mean =
            |values: &[f64]| values.iter().sum::<f64>() / divisor.unwrap_or(values.len()) as f64;
        x[0].reduce(&axes, keep, mean)
    })
})];
