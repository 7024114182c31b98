//! `y = v at the first maximum of each window of x`: the transpose of
//! [`max_pool_grad`](super::max_pool_grad), which is its cotangent for `v`. The positions are
//! constant in a neighbourhood of `x`.

use wengert_kernels::Element;
use wengert_kernels::pool::{self, PoolGeometry};

use super::max_pool_grad::MaxPoolGrad;
#[cfg(any(test, feature = "testing"))]
use super::pool_reference;
use super::pooling::Planes;
use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct MaxPoolPick {
    pub(crate) planes: Planes<PoolGeometry>,
}

impl<E: Element> Op<E> for MaxPoolPick {
    described!("gradient of max_pool", operands: 2);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let geometry = self.planes.geometry;
        self.planes.check("gradient of max_pool", inputs, &[geometry.input(); 2])?;
        Ok(self.planes.shape(geometry.output()))
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let (from, x) = (inputs[0].try_contiguous()?, inputs[1].try_contiguous()?);
        let (from, x) = (support::slice(&from), support::slice(&x));
        ctx.output_by(|y| pool::max_pool_pick(&self.planes.geometry, x, from, y))
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let op = MaxPoolGrad { planes: self.planes.clone() };
        cotangents([Some(node.tape().apply(op, &[node.gy(), node.input(1)])?), None])
    }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("max_pool_pick", |s| {
    let (planes, _) = pool_reference::draw(s);
    let geometry = planes.geometry;
    let from = s.tensor(&planes.shape(geometry.input()), &Domain::REAL);
    let x = pool_reference::distinct(s, &planes.shape(geometry.input()));
    Case::new(MaxPoolPick { planes: planes.clone() }, vec![from, x], move |x| {
        let places = pool_reference::first_maxima(&planes, &x[1]);
        let data = places.map(|place| place.map_or(0.0, |place| x[0].data[place])).collect();
        Dense { shape: planes.shape(geometry.output()).to_vec(), data }
    })
})];
