//! `y = r^2 / 2` where `|r| <= delta`, `delta (|r| - delta / 2)` elsewhere; the cotangent is
//! `gy r`, with `r` clamped to `-delta..=delta`.

use wengert_kernels::Element;

use super::reduction::Reduction;
use super::smooth_l1::SmoothL1;
use super::support;
use crate::error::{Error, Result};
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Huber {
    pub(super) delta: f64,
}

impl<E: Element> Op<E> for Huber {
    described!("huber_loss", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        check::<E>("huber_loss", "delta", self.delta).map(|()| inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let (delta, half) = (E::from_f64(self.delta), E::from_f64(0.5));
        support::each(ctx, inputs[0], |x, out| {
            for (out, &r) in out.iter_mut().zip(x) {
                let size = r.abs();
                *out = if size > delta { delta * (size - half * delta) } else { half * r * r };
            }
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let clamped = super::hard_tanh(node.input(0), -self.delta, self.delta)?;
        cotangents([Some(node.gy().cotangent_mul(clamped))])
    }
}

pub(super) fn check<E: Element>(op: &'static str, name: &str, width: f64) -> Result<()> {
    let rounded = E::from_f64(width);
    if rounded > E::ZERO && rounded < E::INFINITY {
        return Ok(());
    }
    let message = format!("{name} must be positive and finite as {}, got {width}", E::NAME);
    Err(Error::Argument { op, message })
}

/// The difference of two operands of the same shape. Broadcasting would hide a mistake in a
/// target's shape.
pub(super) fn difference<'t, E: Element>(
    op: &'static str,
    prediction: Var<'t, E>,
    target: Var<'t, E>,
) -> Result<Var<'t, E>> {
    support::same(op, &[&prediction.shape(), &target.shape()])?;
    super::sub(prediction, target)
}

/// The Huber loss: `d^2 / 2` for differences up to `delta`, and `delta (|d| - delta / 2)` for
/// larger ones, so that an outlier's gradient is at most `delta`.
///
/// Source: P. J. Huber, "Robust estimation of a location parameter", Ann. Math. Statist. 35, 1964.
///
/// # Shapes
/// Both have the same shape, which is that of the losses.
///
/// # Errors
/// If the shapes differ, or `delta` is not positive and finite.
#[track_caller]
pub fn huber_loss<'t, E: Element>(
    prediction: Var<'t, E>,
    target: Var<'t, E>,
    delta: f64,
    reduction: Reduction,
) -> Result<Var<'t, E>> {
    let d = difference("huber_loss", prediction, target)?;
    reduction.apply(d.tape().apply(Huber { delta }, &[d])?)
}

/// The smooth L1 loss: the [Huber loss](huber_loss) divided by its `delta`, here called `beta`:
/// `d^2 / (2 beta)` for differences up to `beta`, `|d| - beta / 2` for larger ones. Its derivatives
/// by `d` are in `[-1, 1]`. The losses are exact to a few roundings for any `beta`.
///
/// # Shapes
/// Both have the same shape, which is that of the losses.
///
/// # Errors
/// If the shapes differ, or `beta` is not positive and finite.
#[track_caller]
pub fn smooth_l1_loss<'t, E: Element>(
    prediction: Var<'t, E>,
    target: Var<'t, E>,
    beta: f64,
    reduction: Reduction,
) -> Result<Var<'t, E>> {
    let d = difference("smooth_l1_loss", prediction, target)?;
    reduction.apply(d.tape().apply(SmoothL1 { beta }, &[d])?)
}

methods! {
    /// The Huber loss.
    huber_loss / try_huber_loss(target; delta: f64, reduction: Reduction)
}

methods! {
    /// The smooth L1 loss.
    smooth_l1_loss / try_smooth_l1_loss(target; beta: f64, reduction: Reduction)
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("huber_loss", |s| {
    let shape = s.shape();
    let domain = Domain { avoid: &[-1.0, 1.0], margin: 0.2, ..Domain::REAL };
    Case::new(Huber { delta: 1.0 }, vec![s.tensor(&shape, &domain)], |x| {
        x[0].map(|r| if r.abs() <= 1.0 { r * r / 2.0 } else { r.abs() - 0.5 })
    })
})];
