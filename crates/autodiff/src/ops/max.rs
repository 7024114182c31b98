//! `y = largest x over some axes`, or the smallest; the cotangent goes to the selected element, in
//! equal parts to tied ones: `gy` times their [`ExtremeShare`].

use wengert_kernels::{Element, reduce};

use super::extreme_share::ExtremeShare;
use super::sum::Axes;
#[cfg(any(test, feature = "testing"))]
use super::support::sample_distinct;
use super::support::{self};
use crate::error::{Error, Result};
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::{Tensor, strided};
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Row};

#[derive(Clone, Debug)]
pub(crate) struct Extreme {
    pub(crate) axes: Axes,
    /// Whether the largest element is selected, or else the smallest.
    pub(crate) largest: bool,
}

impl Extreme {
    pub(super) fn name(&self) -> &'static str {
        if self.largest { "max" } else { "min" }
    }

    pub(super) fn fold<E: Element>(&self, x: &Tensor<E>, out: &mut [E]) -> Result<()> {
        let flags = self.axes.flags(self.name(), x.shape())?;
        let kernel = if self.largest { reduce::max_axis } else { reduce::min_axis };
        strided::fold(x, &flags, out, kernel)
    }
}

impl<E: Element> Op<E> for Extreme {
    fn name(&self) -> &'static str {
        Extreme::name(self)
    }

    fn arity(&self) -> Option<usize> {
        Some(1)
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let op = Extreme::name(self);
        let reduced = self.axes.reduced(op, inputs[0])?;
        if self.axes.count(op, inputs[0])? == 0 && reduced.numel() > 0 {
            let expected = "at least one element along the axes: an empty axis has no extreme";
            let got = vec![inputs[0].clone()];
            return Err(Error::Shapes { op, expected: expected.to_owned(), got });
        }
        Ok(reduced)
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let axes = &self.axes;
        if let Some(extreme) = support::reduced_once(self, inputs[0], axes, ctx, |_, _| ())? {
            return Ok(extreme);
        }
        let mut out = ctx.output()?;
        self.fold(inputs[0], out.as_mut_slice())?;
        Ok(out)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let x = node.input(0);
        let share = node.tape().apply(ExtremeShare(self.clone()), &[x])?;
        let gy = self.axes.repeat(Extreme::name(self), node.gy(), &x.shape())?;
        cotangents([Some(gy.mul_absorbing(share))])
    }
}

entry! {
    /// The largest element, a single number; NaN if any element is. Equal elements share the
    /// gradient equally.
    max / try_max(x) = Extreme { axes: Axes::ALL, largest: true }
}

entry! {
    /// The largest elements over the given axes (negative numbers count from the last). With
    /// `keep_dims` these axes stay with size 1, otherwise they are removed. See
    /// [`max`](crate::ops::max).
    max_axes / try_max_axes(x; axes: &[isize], keep_dims: bool) =
        Extreme { axes: Axes::of(axes, keep_dims), largest: true }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("max", |s| {
    let (x, axes, keep) = sample_distinct(s);
    let op = Extreme { axes: Axes::of(&axes, keep), largest: true };
    Case::new(op, vec![x], move |x| {
        x[0].reduce(&axes, keep, |values| values.iter().copied().fold(f64::MIN, f64::max))
    })
})];
