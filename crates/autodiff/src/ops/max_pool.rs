//! `y = max over a window of x`. The cotangent goes to the first maximum of each window, or the
//! first NaN: [`max_pool_grad`](super::max_pool_grad).

use wengert_kernels::Element;
use wengert_kernels::pool::{self, PoolGeometry};

use super::max_pool_grad::MaxPoolGrad;
#[cfg(any(test, feature = "testing"))]
use super::pool_reference;
use super::pooling::{Planes, Pool, Pool1d, Pool2d};
use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Row};

#[derive(Clone, Debug)]
pub(crate) struct MaxPool {
    planes: Planes<PoolGeometry>,
}

impl<E: Element> Op<E> for MaxPool {
    fn name(&self) -> &'static str {
        self.planes.name(["max_pool1d", "max_pool2d"])
    }

    fn arity(&self) -> Option<usize> {
        Some(1)
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let geometry = self.planes.geometry;
        self.planes.check(Op::<E>::name(self), inputs, &[geometry.input()])?;
        Ok(self.planes.shape(geometry.output()))
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let x = inputs[0].try_contiguous()?;
        ctx.output_by(|y| pool::max_pool(&self.planes.geometry, support::slice(&x), y))
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let op = MaxPoolGrad { planes: self.planes.clone() };
        cotangents([Some(node.tape().apply(op, &[node.gy(), node.input(0)])?)])
    }
}

/// The pool along one axis ([`max_pool1d`]) or two ([`max_pool2d`]), for code that is generic over
/// the number of axes.
///
/// # Errors
/// If the window does not fit; the message states what would.
#[track_caller]
pub fn max_pool<E: Element, const AXES: usize>(
    x: Var<'_, E>,
    options: Pool<AXES>,
) -> Result<Var<'_, E>> {
    let name = if AXES == 1 { "max_pool1d" } else { "max_pool2d" };
    x.tape().apply(MaxPool { planes: options.planes(name, &x.shape())? }, &[x])
}

/// The maximum of each window along the last axis. A NaN in a window makes its maximum NaN; padding
/// is never the maximum. The gradient goes to the first maximum, or the first NaN, of each window.
///
/// # Shapes
/// `x` is `[.., length]`; the result is
/// `[.., floor((length + paddings - dilation (kernel - 1) - 1) / stride) + 1]`.
///
/// # Errors
/// If the window does not fit; the message states what would.
#[track_caller]
pub fn max_pool1d<E: Element>(x: Var<'_, E>, options: Pool1d) -> Result<Var<'_, E>> {
    max_pool(x, options)
}

/// The maximum of each window of images: [`max_pool1d`] along rows and columns.
///
/// ```
/// use wengert_autodiff::{Tensor, ops::Pool2d};
/// let x = Tensor::from_fn([1, 1, 4, 4], |i| (4 * i[2] + i[3]) as f32);
/// assert_eq!(x.max_pool2d(Pool2d::new(2)).to_vec(), [5.0, 7.0, 13.0, 15.0]);
/// ```
///
/// # Shapes
/// `x` is `[.., rows, columns]`; the sizes of the result follow from the formula of [`max_pool1d`].
///
/// # Errors
/// If the window does not fit; the message states what would.
#[track_caller]
pub fn max_pool2d<E: Element>(x: Var<'_, E>, options: Pool2d) -> Result<Var<'_, E>> {
    max_pool(x, options)
}

methods! {
    /// The maximum of each window along the last axis.
    max_pool1d / try_max_pool1d(; options: Pool1d)
}

methods! {
    /// The maximum of each window of images.
    max_pool2d / try_max_pool2d(; options: Pool2d)
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("max_pool", |s| {
    let (planes, _) = pool_reference::draw(s);
    let x = pool_reference::distinct(s, &planes.shape(planes.geometry.input()));
    Case::new(MaxPool { planes: planes.clone() }, vec![x], move |x| {
        pool_reference::windows(&planes, |window| {
            window.places.iter().map(|&i| x[0].data[i]).fold(f64::NEG_INFINITY, f64::max)
        })
    })
})];
