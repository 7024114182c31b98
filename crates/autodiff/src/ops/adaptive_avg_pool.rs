//! `y = mean of x over each of a given number of bins`: linear, and its transpose is
//! [`adaptive_avg_pool_grad`](super::adaptive_avg_pool_grad).

use wengert_kernels::Element;
use wengert_kernels::pool::{self, AdaptiveGeometry};

use super::adaptive_avg_pool_grad::AdaptiveAvgPoolGrad;
use super::convolution::{Extent, plane};
#[cfg(any(test, feature = "testing"))]
use super::pool_reference;
use super::pooling::{Planes, means, refused, split};
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct AdaptiveAvgPool {
    pub(crate) planes: Planes<AdaptiveGeometry>,
}

impl<E: Element> Op<E> for AdaptiveAvgPool {
    fn name(&self) -> &'static str {
        self.planes.name(["adaptive_avg_pool1d", "adaptive_avg_pool2d"])
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
        means(&x, ctx, |x, y| pool::adaptive_avg_pool(&self.planes.geometry, x, y))
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        cotangents([Some(node.tape().apply(AdaptiveAvgPoolGrad(self.clone()), &[node.gy()])?)])
    }
}

#[track_caller]
fn adaptive_avg_pool<'t, E: Element, const AXES: usize>(
    op: &'static str,
    x: Var<'t, E>,
    output: Extent<AXES>,
) -> Result<Var<'t, E>> {
    let shape = x.shape();
    let (front, size) = split::<AXES>(op, &shape)?;
    let planes = front.iter().product();
    let geometry = AdaptiveGeometry::new(planes, plane(size, 1), plane(output.0, 1))
        .map_err(|error| refused(op, &error))?;
    let planes = Planes { geometry, front: front.into(), axes: AXES };
    x.tape().apply(AdaptiveAvgPool { planes }, &[x])
}

/// The means of `output` bins along the last axis: bin `i` has the positions from
/// `floor(i length / output)` (inclusive) to `ceil((i + 1) length / output)` (exclusive).
///
/// # Shapes
/// `x` is `[.., length]`; the result is `[.., output]`.
///
/// # Errors
/// If there are bins but no positions to average.
#[track_caller]
pub fn adaptive_avg_pool1d<E: Element>(x: Var<'_, E>, output: usize) -> Result<Var<'_, E>> {
    adaptive_avg_pool("adaptive_avg_pool1d", x, Extent([output]))
}

/// The means of bins of images, such that the result has `output` rows and columns:
/// [`adaptive_avg_pool1d`] along both axes. An output of 1 is global average pooling.
///
/// ```
/// use wengert_autodiff::Tensor;
/// let x = Tensor::from_fn([1, 2, 3, 3], |i| (9 * i[1] + 3 * i[2] + i[3]) as f32);
/// assert_eq!(x.adaptive_avg_pool2d(1).to_vec(), [4.0, 13.0]);
/// ```
///
/// # Shapes
/// `x` is `[.., rows, columns]`; the result is `[.., output rows, output columns]`.
///
/// # Errors
/// If there are bins but no positions to average.
#[track_caller]
pub fn adaptive_avg_pool2d<E: Element>(
    x: Var<'_, E>,
    output: impl Into<Extent<2>>,
) -> Result<Var<'_, E>> {
    adaptive_avg_pool("adaptive_avg_pool2d", x, output.into())
}

methods! {
    /// The means of `output` bins along the last axis.
    adaptive_avg_pool1d / try_adaptive_avg_pool1d(; output: usize)
}

methods! {
    /// The means of bins of images, such that the result has `output` rows and columns.
    adaptive_avg_pool2d / try_adaptive_avg_pool2d(; output: impl Into<Extent<2>>)
}

instances!(adaptive_avg_pool<E>: Tape::<E>::apply::<AdaptiveAvgPool>);

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("adaptive_avg_pool", |s| {
    let planes = pool_reference::draw_bins(s);
    let x = s.tensor(&planes.shape(planes.geometry.input()), &Domain::REAL);
    Case::new(AdaptiveAvgPool { planes: planes.clone() }, vec![x], move |x| {
        let mean = |places: Vec<usize>| {
            let total: f64 = places.iter().map(|&place| x[0].data[place]).sum();
            total / places.len() as f64
        };
        let data = pool_reference::bins(&planes).into_iter().map(mean).collect();
        Dense { shape: planes.shape(planes.geometry.output()).to_vec(), data }
    })
})];
