//! `y = product of x over some axes`; the cotangent of an element is `gy` times the product of all
//! others, from running products in both directions. As nothing is divided, zeros among the factors
//! need no special case, in derivatives of any order.

use wengert_kernels::{Element, reduce};

use super::cumprod::{exclusive, running};
use super::sum::Axes;
use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::{Tensor, strided};
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct Prod(Axes);

impl<E: Element> Op<E> for Prod {
    described!("prod", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        self.0.reduced("prod", inputs[0])
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        if let Some(prod) = support::reduced_once(self, inputs[0], &self.0, ctx, powers)? {
            return Ok(prod);
        }
        let mut out = ctx.output()?;
        let flags = self.0.flags("prod", inputs[0].shape())?;
        strided::fold(inputs[0], &flags, out.as_mut_slice(), reduce::prod_axis)?;
        Ok(out)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let shape = node.input(0).shape();
        let group = self.0.group("prod", &shape)?;
        let x = group.gather(node.input(0))?;
        let before = exclusive(running(x, 1, false)?, 1, false)?;
        let behind = exclusive(running(x, 1, true)?, 1, true)?;
        let others = group.scatter(before * behind)?;
        let gy = self.0.repeat("prod", node.gy(), &shape)?;
        cotangents([Some(gy.cotangent_mul(others))])
    }
}

/// Raises each product to the power of the number of copies of its factors.
fn powers<E: Element>(copies: usize, products: &mut [E]) {
    if copies == 1 {
        return;
    }
    for product in products {
        let factor = product.to_f64();
        // The sign is computed separately: a number beyond 2^53 is even once it is a float.
        let sign = if factor < 0.0 && copies % 2 == 1 { -1.0 } else { 1.0 };
        *product = E::from_f64(sign * factor.abs().powf(copies as f64));
    }
}

entry! {
    /// The product of all elements, a single number; 1 if there are none. The derivatives are
    /// correct for any number of zeros among the factors.
    prod / try_prod(x) = Prod(Axes::ALL)
}

entry! {
    /// The product over the given axes (negative numbers count from the last). With `keep_dims`
    /// these axes stay with size 1, otherwise they are removed. See [`prod`](crate::ops::prod).
    prod_axes / try_prod_axes(x; axes: &[isize], keep_dims: bool) = Prod(Axes::of(axes, keep_dims))
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("prod", |s| {
    let shape = s.shape();
    let (axes, keep) = s.axes(&shape);
    let op = Prod(Axes::of(&axes, keep));
    let mut x = s.tensor(&shape, &Domain { low: -1.2, high: 1.2, avoid: &[], margin: 0.0 });
    // No zeros, some, or only zeros.
    let zeros = s.below(4);
    if zeros > 0 {
        let mut values = x.contiguous();
        for value in values.as_mut_slice() {
            if s.below(4) < zeros {
                *value = 0.0;
            }
        }
        x = s.lay_out(&values);
    }
    Case::new(op, vec![x], move |x| x[0].reduce(&axes, keep, |values| values.iter().product()))
})];
