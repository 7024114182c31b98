//! `y = product of x over some axes`; the cotangent of an element is `gy` times the product of all
//! others, from running products in both directions. As nothing is divided, zeros among the factors
//! need no special case, in derivatives of any order.
//!
//! Where partial products leave the range, the forward computation uses numbers with an exponent
//! of their own. The gradient multiplies each element by a power of two `s_i` first, and the result
//! by `s_i / (product of all s)`: the product of the others is homogeneous in each of them, and the
//! powers are constants in derivatives of any order.

use wengert_kernels::{Element, reduce};

use super::cumprod::{exclusive, running};
use super::product_range::{self, Balance};
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
        let group = self.0.group("prod", inputs[0].shape())?;
        let lines = group.lines(inputs[0])?;
        let data = support::slice(&lines);
        ctx.output_by(|out| {
            reduce::prod_axis(data, group.dims, out);
            product_range::repair_products(data, group.dims, out);
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let shape = node.input(0).shape();
        let group = self.0.group("prod", &shape)?;
        let x = group.gather(node.input(0))?;
        let gy = self.0.repeat("prod", node.gy(), &shape)?;
        let value = x.try_value()?.try_contiguous()?;
        let data = support::slice(&value);
        if product_range::are_partial_products_normal(data, group.dims) {
            return cotangents([Some(gy.cotangent_mul(group.scatter(others(x)?)?))]);
        }
        let Balance { powers, undo } = Balance::new(data, group.dims)?;
        let constant = |tensor: &Tensor<E>| x.tape().constant(tensor);
        let [first, second, third] = undo.each_ref().map(constant);
        // In this order no product leaves the range unless the gradient does.
        let others = super::mul(others(super::mul(x, constant(&powers))?)?, first)?;
        let gx = group.gather(gy)?.cotangent_mul(others);
        cotangents([Some(group.scatter(super::mul(super::mul(gx, second)?, third)?)?)])
    }
}

/// The product of the other elements along the middle axis, for each element.
fn others<E: Element>(x: Var<'_, E>) -> Result<Var<'_, E>> {
    let before = exclusive(running(x, 1, false)?, 1, false)?;
    let after = exclusive(running(x, 1, true)?, 1, true)?;
    super::mul(before, after)
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
    ///
    /// The relative error of a product of `n` elements is below `n eps / 2` where it is a normal
    /// number, also where partial products overflow or underflow. An infinity times a zero is NaN.
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
