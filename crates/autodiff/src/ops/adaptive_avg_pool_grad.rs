//! `gx = gy spread evenly over each bin`: the cotangent of
//! [`adaptive_avg_pool`](super::adaptive_avg_pool), and its transpose.

use wengert_kernels::Element;
use wengert_kernels::pool;

use super::adaptive_avg_pool::AdaptiveAvgPool;
#[cfg(any(test, feature = "testing"))]
use super::pool_reference;
use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct AdaptiveAvgPoolGrad(pub(crate) AdaptiveAvgPool);

impl<E: Element> Op<E> for AdaptiveAvgPoolGrad {
    described!("gradient of adaptive_avg_pool", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let planes = &self.0.planes;
        planes.check("gradient of adaptive_avg_pool", inputs, &[planes.geometry.output()])?;
        Ok(planes.shape(planes.geometry.input()))
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let gy = inputs[0].try_contiguous()?;
        let (geometry, gy) = (&self.0.planes.geometry, support::slice(&gy));
        ctx.output_by(|gx| pool::adaptive_avg_pool_grad(geometry, gy, gx))
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        cotangents([Some(node.tape().apply(self.0.clone(), &[node.gy()])?)])
    }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("adaptive_avg_pool_grad", |s| {
    let planes = pool_reference::draw_bins(s);
    let gy = s.tensor(&planes.shape(planes.geometry.output()), &Domain::REAL);
    let op = AdaptiveAvgPoolGrad(AdaptiveAvgPool { planes: planes.clone() });
    Case::new(op, vec![gy], move |x| {
        let mut out = Dense::zeros(&planes.shape(planes.geometry.input()));
        for (places, gy) in pool_reference::bins(&planes).iter().zip(&x[0].data) {
            for &place in places {
                out.data[place] += gy / places.len() as f64;
            }
        }
        out
    })
})];
