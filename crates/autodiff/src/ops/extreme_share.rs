//! `y = 1 / n` at each of the `n` largest (or smallest) elements over some axes and 0 elsewhere:
//! the shares of tied elements in the gradient of an extreme. NaNs count as the extremes where
//! there are any. The derivative is zero.

use wengert_kernels::{Element, elementwise};

use super::max::Extreme;
#[cfg(any(test, feature = "testing"))]
use super::sum::Axes;
use super::support;
#[cfg(any(test, feature = "testing"))]
use super::support::sample_distinct;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::{Tensor, strided};
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Row};

#[derive(Clone, Debug)]
pub(crate) struct ExtremeShare(pub(super) Extreme);

impl<E: Element> Op<E> for ExtremeShare {
    described!("gradient of max", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        Op::<E>::shape(&self.0, inputs)?;
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let x = inputs[0];
        let flags = self.0.axes.flags("gradient of max", x.shape())?;
        let mut extremes = ctx.scratch(x.shape().with_ones(&flags))?;
        self.0.fold(x, extremes.as_mut_slice())?;
        let mut ties = support::zip(ctx, x, &extremes, elementwise::tie)?;
        let counts = &mut extremes;
        strided::sum(&ties, &flags, counts.as_mut_slice())?;
        if counts.as_mut_slice().iter().any(|&count| count != E::ONE) {
            ties = support::zip(ctx, &ties, counts, elementwise::div)?;
        }
        Ok(ties)
    }

    fn vjp<'t>(&self, _: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        cotangents([None])
    }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row {
    name: "extreme_share",
    order: 0,
    reorders: false,
    sample: |s| {
        let (x, axes, keep) = sample_distinct(s);
        let largest = s.coin();
        let extreme = Extreme { axes: Axes::of(&axes, keep), largest };
        Case::new(ExtremeShare(extreme), vec![x], move |x| {
            let better = |a: f64, b: f64| if largest { a.max(b) } else { a.min(b) };
            let best =
                x[0].reduce(&axes, true, |v| v.iter().copied().reduce(better).unwrap_or(0.0));
            Dense::zip(&x[0], &best, |x, best| if x == best { 1.0 } else { 0.0 })
        })
    },
}];
