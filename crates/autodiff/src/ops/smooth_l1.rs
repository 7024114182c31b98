//! `y = r^2 / (2 beta)` where `|r| <= beta`, `|r| - beta / 2` elsewhere; the cotangent is
//! `gy r / beta`, with `r / beta` clamped to `-1..=1`. It is not computed as the Huber loss divided
//! by `beta`: for a small `beta` that loss underflows and `1 / beta` overflows.

use wengert_kernels::Element;

use super::huber::check;
use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct SmoothL1 {
    pub(super) beta: f64,
}

impl<E: Element> Op<E> for SmoothL1 {
    described!("smooth_l1_loss", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        check::<E>("smooth_l1_loss", "beta", self.beta).map(|()| inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let (beta, half) = (E::from_f64(self.beta), E::from_f64(0.5));
        support::each(ctx, inputs[0], |x, out| {
            for (out, &r) in out.iter_mut().zip(x) {
                let size = r.abs();
                *out = if size > beta { size - half * beta } else { half * size * (size / beta) };
            }
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let beta = node.tape().constant(&Tensor::scalar(E::from_f64(self.beta)));
        // The clamp follows the division, so that its zero slope absorbs the division's derivative,
        // which may be infinite.
        let slope = super::hard_tanh(super::div(node.input(0), beta)?, -1.0, 1.0)?;
        cotangents([Some(node.gy().cotangent_mul(slope))])
    }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("smooth_l1_loss", |s| {
    let shape = s.shape();
    let domain = Domain { avoid: &[-0.5, 0.5], margin: 0.2, ..Domain::REAL };
    Case::new(SmoothL1 { beta: 0.5 }, vec![s.tensor(&shape, &domain)], |x| {
        x[0].map(|r| if r.abs() <= 0.5 { r * r } else { r.abs() - 0.25 })
    })
})];
