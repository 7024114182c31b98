//! `y_i = x_0 .. x_i` along an axis. The cotangent of `x_i` is the product of the elements before
//! it, times `s_i = gy_i + x_(i+1) s_(i+1)`, a [`Recurrence`] that runs from the end of the axis.
//! As nothing is divided, zeros among the factors need no special case, in derivatives of any
//! order.
//!
//! Where products leave the range on the way to products within it, the forward computation and a
//! gradient that is not recorded use numbers with an exponent of their own. A recorded gradient is
//! composed of the products in the element type, which must be in its range.

use wengert_kernels::{Element, scan};

#[cfg(any(test, feature = "testing"))]
use super::recurrence::sample_axis;
use super::recurrence::{Recurrence, dims, shifted};
use super::{product_range, support};
use crate::error::{Result, expect};
use crate::eval::eval_op;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Cumprod {
    axis: isize,
    reverse: bool,
}

impl<E: Element> Op<E> for Cumprod {
    described!("cumprod", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        inputs[0].axis("cumprod", self.axis)?;
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let dims = dims("cumprod", inputs[0].shape(), self.axis)?;
        support::map(ctx, inputs[0], |x, y| {
            scan::cumprod_axis(x, dims, self.reverse, y);
            product_range::repair_running(x, dims, self.reverse, y);
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let Self { axis, reverse } = *self;
        if !node.creates_graph() {
            let (x, gy) = (node.input(0).try_value()?, node.gy().try_value()?);
            let (x, gy) = (x.try_contiguous()?, gy.try_contiguous()?);
            let (x, gy) = (support::slice(&x), support::slice(&gy));
            let dims = dims("cumprod", &node.input(0).shape(), axis)?;
            if !product_range::are_partial_products_normal(x, dims) {
                let mut gx = Tensor::stale(node.input(0).shape(), Some(node.tape().pool()))?;
                product_range::running_gradient((gy, x), dims, reverse, gx.as_mut_slice());
                return cotangents([Some(node.constant(gx))]);
            }
        }
        let before = exclusive(node.output(), axis, reverse)?;
        let factors = shifted(node.input(0), axis, !reverse)?;
        let sums = Recurrence { axis, reverse: !reverse };
        let behind = node.tape().apply(sums, &[node.gy(), factors])?;
        cotangents([Some(behind.cotangent_mul(before))])
    }
}

/// The running products, from either end.
#[track_caller]
pub(super) fn running<E: Element>(x: Var<'_, E>, axis: isize, reverse: bool) -> Result<Var<'_, E>> {
    x.tape().apply(Cumprod { axis, reverse }, &[x])
}

/// Turns running products into those without the element itself: shifts them by one and begins
/// with 1.
pub(super) fn exclusive<E: Element>(
    products: Var<'_, E>,
    axis: isize,
    reverse: bool,
) -> Result<Var<'_, E>> {
    let shape = products.shape();
    let at = shape.axis("cumprod", axis)?;
    let first = if reverse { shape[at].saturating_sub(1) } else { 0 };
    let mut line = vec![1; shape.rank()];
    line[at] = shape[at];
    let one = Tensor::try_from_fn(line, |i| if i[at] == first { E::ONE } else { E::ZERO })?;
    super::add(shifted(products, axis, reverse)?, products.tape().constant(&one))
}

/// The running products along an axis: each element is the product of itself and all before it. The
/// derivatives are correct for any number of zeros among the factors.
///
/// A product within the range is correct even if an earlier one overflows or underflows, and so is
/// the gradient, unless it is recorded in order to be differentiated again.
///
/// # Errors
/// If the axis does not exist.
#[track_caller]
pub fn cumprod<E: Element>(x: Var<'_, E>, axis: isize) -> Result<Var<'_, E>> {
    running(x, axis, false)
}

impl<E: Element> Var<'_, E> {
    /// The running products along an axis. See [`ops::cumprod`](crate::ops::cumprod).
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    pub fn cumprod(self, axis: isize) -> Self {
        expect(cumprod(self, axis))
    }
}

impl<E: Element> Tensor<E> {
    /// The running products along an axis. See [`ops::cumprod`](crate::ops::cumprod).
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    pub fn cumprod(&self, axis: isize) -> Self {
        expect(self.try_cumprod(axis))
    }

    /// Fallible version of [`cumprod`](Self::cumprod).
    ///
    /// # Errors
    /// If the axis does not exist, or there is no memory for the result.
    pub fn try_cumprod(&self, axis: isize) -> Result<Self> {
        eval_op(&Cumprod { axis, reverse: false }, &[self])
    }
}

instances!(cumprod<E>: cumprod::<E>, Tensor::<E>::try_cumprod);

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("cumprod", |s| {
    let (shape, axis) = sample_axis(s);
    let reverse = s.coin();
    let mut x = s.tensor(&shape, &Domain { low: -1.5, high: 1.5, avoid: &[], margin: 0.0 });
    if s.coin() {
        let mut values = x.contiguous();
        for value in values.as_mut_slice() {
            if s.below(3) == 0 {
                *value = 0.0;
            }
        }
        x = s.lay_out(&values);
    }
    Case::new(Cumprod { axis, reverse }, vec![x], move |x| {
        let axis = shape.axis("cumprod", axis).expect("a drawn axis");
        x[0].scanned(axis, reverse, |line| line.iter().product())
    })
})];
