//! `gx = gy added at the first maximum of each window of x`: the cotangent of
//! [`max_pool`](super::max_pool). It is linear in `gy`, whose cotangent consists of the elements at
//! these positions ([`max_pool_pick`](super::max_pool_pick)). The positions are constant in a
//! neighbourhood of `x`.

use wengert_kernels::Element;
use wengert_kernels::pool::{self, PoolGeometry};

use super::max_pool_pick::MaxPoolPick;
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
pub(crate) struct MaxPoolGrad {
    pub(crate) planes: Planes<PoolGeometry>,
}

impl<E: Element> Op<E> for MaxPoolGrad {
    described!("gradient of max_pool", operands: 2);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let geometry = self.planes.geometry;
        self.planes.check(
            "gradient of max_pool",
            inputs,
            &[geometry.output(), geometry.input()],
        )?;
        Ok(inputs[1].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let (gy, x) = (inputs[0].try_contiguous()?, inputs[1].try_contiguous()?);
        let (gy, x) = (support::slice(&gy), support::slice(&x));
        ctx.output_by(|gx| pool::max_pool_grad(&self.planes.geometry, x, gy, gx))
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let op = MaxPoolPick { planes: self.planes.clone() };
        cotangents([Some(node.tape().apply(op, &[node.gy(), node.input(1)])?), None])
    }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("max_pool_grad", |s| {
    let (planes, _) = pool_reference::draw(s);
    let geometry = planes.geometry;
    let gy = s.tensor(&planes.shape(geometry.output()), &Domain::REAL);
    let x = pool_reference::distinct(s, &planes.shape(geometry.input()));
    Case::new(MaxPoolGrad { planes: planes.clone() }, vec![gy, x], move |x| {
        let mut out = Dense::zeros(&x[1].shape);
        for (place, &gy) in pool_reference::first_maxima(&planes, &x[1]).zip(&x[0].data) {
            if let Some(place) = place {
                out.data[place] += gy;
            }
        }
        out
    })
})];
