//! `y = mean over a window of x`: linear, and its transpose is
//! [`avg_pool_grad`](super::avg_pool_grad).

use wengert_kernels::Element;
use wengert_kernels::pool::{self, PoolGeometry};

use super::avg_pool_grad::AvgPoolGrad;
#[cfg(any(test, feature = "testing"))]
use super::pool_reference;
use super::pooling::{Planes, Pool, Pool1d, Pool2d, means};
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct AvgPool {
    pub(crate) planes: Planes<PoolGeometry>,
    pub(crate) count_include_pad: bool,
}

impl<E: Element> Op<E> for AvgPool {
    fn name(&self) -> &'static str {
        self.planes.name(["avg_pool1d", "avg_pool2d"])
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
        let geometry = &self.planes.geometry;
        means(&x, ctx, |x, y| pool::avg_pool(geometry, self.count_include_pad, x, y))
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        cotangents([Some(node.tape().apply(AvgPoolGrad(self.clone()), &[node.gy()])?)])
    }
}

/// The pool along one axis ([`avg_pool1d`]) or two ([`avg_pool2d`]), for code that is generic over
/// the number of axes.
///
/// # Errors
/// If the window does not fit; the message states what would.
#[track_caller]
pub fn avg_pool<E: Element, const AXES: usize>(
    x: Var<'_, E>,
    options: Pool<AXES>,
) -> Result<Var<'_, E>> {
    let name = if AXES == 1 { "avg_pool1d" } else { "avg_pool2d" };
    let planes = options.planes(name, &x.shape())?;
    x.tape().apply(AvgPool { planes, count_include_pad: options.count_include_pad }, &[x])
}

/// The mean of each window along the last axis. The divisor is the number of positions in the
/// window, including those in the padding unless
/// [`count_include_pad(false)`](super::Pool::count_include_pad) is set; positions beyond the
/// padding never count.
///
/// # Shapes
/// `x` is `[.., length]`; the result is
/// `[.., floor((length + paddings - dilation (kernel - 1) - 1) / stride) + 1]`.
///
/// # Errors
/// If the window does not fit; the message states what would.
#[track_caller]
pub fn avg_pool1d<E: Element>(x: Var<'_, E>, options: Pool1d) -> Result<Var<'_, E>> {
    avg_pool(x, options)
}

/// The mean of each window over images: [`avg_pool1d`] along rows and columns.
///
/// ```
/// use wengert_autodiff::{Tensor, ops::Pool2d};
/// let x = Tensor::from_fn([1, 1, 4, 4], |i| (4 * i[2] + i[3]) as f32);
/// assert_eq!(x.avg_pool2d(Pool2d::new(2)).to_vec(), [2.5, 4.5, 10.5, 12.5]);
/// ```
///
/// # Shapes
/// `x` is `[.., rows, columns]`; the sizes of the result follow from the formula of [`avg_pool1d`].
///
/// # Errors
/// If the window does not fit; the message states what would.
#[track_caller]
pub fn avg_pool2d<E: Element>(x: Var<'_, E>, options: Pool2d) -> Result<Var<'_, E>> {
    avg_pool(x, options)
}

methods! {
    /// The mean of each window along the last axis.
    avg_pool1d / try_avg_pool1d(; options: Pool1d)
}

methods! {
    /// The mean of each window of images.
    avg_pool2d / try_avg_pool2d(; options: Pool2d)
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("avg_pool", |s| {
    let (planes, count_include_pad) = pool_reference::draw(s);
    let x = s.tensor(&planes.shape(planes.geometry.input()), &Domain::REAL);
    let op = AvgPool { planes: planes.clone(), count_include_pad };
    Case::new(op, vec![x], move |x| {
        pool_reference::windows(&planes, |window| {
            let count = window.count(count_include_pad);
            window.places.iter().map(|&place| x[0].data[place]).sum::<f64>() / count
        })
    })
})];
