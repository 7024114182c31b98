//! `y = min(max(x, low), high)`; the cotangent is `gy` strictly between the bounds and 0 elsewhere.

use wengert_kernels::Element;
use wengert_kernels::elementwise::Simple;

use super::inside::Inside;
use super::support;
use crate::error::{Error, Result};
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Clamp<E> {
    low: E,
    high: E,
}

/// Checks that the lower bound is not above the upper one, which excludes NaN.
pub(super) fn check<E: Element>(op: &'static str, low: E, high: E) -> Result<()> {
    if low <= high {
        return Ok(());
    }
    let message = format!("the lower bound must not be above the upper, got {low} and {high}");
    Err(Error::Argument { op, message })
}

impl<E: Element> Op<E> for Clamp<E> {
    described!("clamp", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        check("clamp", self.low, self.high)?;
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let Clamp { low, high } = *self;
        support::lazy_map(ctx, inputs[0], Simple::Clamp(low, high))
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let op = Inside { low: self.low, high: self.high };
        let inside = node.tape().apply(op, &[node.input(0)])?;
        cotangents([Some(node.gy().mul_absorbing(inside))])
    }
}

entry! {
    /// Each element limited to at least `low` and at most `high`, which may be infinite. NaN stays
    /// NaN. The derivative at the bounds is 0.
    clamp / try_clamp(x; low: E, high: E) = Clamp { low, high }
}

/// Values below, between and above the bounds of the test cases, -1 and 1/2.
#[cfg(any(test, feature = "testing"))]
pub(super) const BOUNDS: Domain =
    Domain { low: -2.0, high: 2.0, avoid: &[-1.0, 0.5], margin: 0.25 };

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("clamp", |s| {
    let shape = s.shape();
    let inputs = vec![s.tensor(&shape, &BOUNDS)];
    let single = Clamp { low: -1.0_f32, high: 0.5 };
    Case::pair(single, Clamp { low: -1.0, high: 0.5 }, inputs, |x| x[0].map(|x| x.clamp(-1.0, 0.5)))
})];
