//! `gx = gy spread evenly over each window`: the cotangent of [`avg_pool`](super::avg_pool), and
//! its transpose.

use wengert_kernels::Element;
use wengert_kernels::pool;

use super::avg_pool::AvgPool;
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
pub(crate) struct AvgPoolGrad(pub(crate) AvgPool);

impl<E: Element> Op<E> for AvgPoolGrad {
    described!("gradient of avg_pool", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let planes = &self.0.planes;
        planes.check("gradient of avg_pool", inputs, &[planes.geometry.output()])?;
        Ok(planes.shape(planes.geometry.input()))
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let gy = inputs[0].try_contiguous()?;
        let (geometry, gy) = (&self.0.planes.geometry, support::slice(&gy));
        ctx.output_by(|gx| pool::avg_pool_grad(geometry, self.0.count_include_pad, gy, gx))
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        cotangents([Some(node.tape().apply(self.0.clone(), &[node.gy()])?)])
    }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("avg_pool_grad", |s| {
    let (planes, count_include_pad) = pool_reference::draw(s);
    let gy = s.tensor(&planes.shape(planes.geometry.output()), &Domain::REAL);
    let op = AvgPoolGrad(AvgPool { planes: planes.clone(), count_include_pad });
    Case::new(op, vec![gy], move |x| {
        let mut out = Dense::zeros(&planes.shape(planes.geometry.input()));
        for (window, gy) in pool_reference::all(&planes).zip(&x[0].data) {
            for &place in &window.places {
                out.data[place] += gy / window.count(count_include_pad);
            }
        }
        out
    })
})];
