//! `y = a` where a mask is true, else `b`; the cotangent of each is `gy` where it was selected and
//! zero elsewhere, so that no gradient reaches the branch that was not selected, even if its
//! derivatives are infinite or NaN.

use wengert_kernels::{Element, elementwise};

#[cfg(any(test, feature = "testing"))]
use super::support;
use crate::error::{Error, Result, expect};
use crate::eval::eval_op;
use crate::mask::Mask;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::{Tensor, strided};
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct Where {
    pub(crate) mask: Mask,
}

impl<E: Element> Op<E> for Where {
    described!("where", operands: 2);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let shape = inputs[0].broadcast(inputs[1]).and_then(|s| s.broadcast(self.mask.shape()));
        shape.ok_or_else(|| {
            let expected = "a mask and two operands that broadcast".to_owned();
            let got = vec![self.mask.shape().clone(), inputs[0].clone(), inputs[1].clone()];
            Error::Shapes { op: "where", expected, got }
        })
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let mask = self.mask.try_broadcast_to(ctx.shape())?;
        let mask = mask.try_to_contiguous()?;
        ctx.output_by(|out| {
            strided::zip_at(inputs[0], inputs[1], ctx.shape(), out, |at, a, b, out| {
                elementwise::select(&mask[at..at + out.len()], a, b, out);
            });
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let gy = node.gy();
        let zero = node.tape().constant(&Tensor::scalar(E::ZERO));
        let for_a = if node.needs(0) { Some(where_(&self.mask, gy, zero)?) } else { None };
        let for_b = if node.needs(1) { Some(where_(&self.mask, zero, gy)?) } else { None };
        cotangents([for_a, for_b])
    }
}

/// `a` where the mask is true, `b` elsewhere.
///
/// An element that is not selected has no effect on the value or on any gradient, even if it is
/// infinite or NaN: with `where_(x > 0, x.log(), x)` the infinite derivative of `log` at 0 is
/// multiplied by a cotangent of 0, which [stays 0](crate#zero-cotangents).
///
/// # Shapes
/// The mask and the operands broadcast; the result has the shape they broadcast to.
///
/// # Errors
/// If the shapes do not broadcast.
#[track_caller]
pub fn where_<'t, E: Element>(mask: &Mask, a: Var<'t, E>, b: Var<'t, E>) -> Result<Var<'t, E>> {
    a.tape().apply(Where { mask: mask.clone() }, &[a, b])
}

impl<'t, E: Element> Var<'t, E> {
    /// The variable where the mask is true, `other` elsewhere. See
    /// [`ops::where_`](crate::ops::where_).
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn where_(self, mask: &Mask, other: Var<'t, E>) -> Self {
        expect(where_(mask, self, other))
    }
}

impl<E: Element> Tensor<E> {
    /// The tensor where the mask is true, `other` elsewhere. See
    /// [`ops::where_`](crate::ops::where_).
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn where_(&self, mask: &Mask, other: &Tensor<E>) -> Self {
        expect(self.try_where(mask, other))
    }

    /// Fallible version of [`where_`](Self::where_).
    ///
    /// # Errors
    /// If the shapes do not broadcast, or there is no memory for the result.
    pub fn try_where(&self, mask: &Mask, other: &Tensor<E>) -> Result<Self> {
        eval_op(&Where { mask: mask.clone() }, &[self, other])
    }
}

instances!(where_<E>: where_::<E>, Tensor::<E>::try_where);

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] =
    &[Row::new("where", |s| {
        let (a, b) = s.broadcast_pair();
        let shape = a.broadcast(&b).unwrap_or_else(|| a.clone());
        let mask = support::sample_mask(s, &shape);
        let inputs = vec![s.tensor(&a, &Domain::REAL), s.tensor(&b, &Domain::REAL)];
        let chosen = mask.broadcast_to(&shape);
        Case::new(Where { mask }, inputs, move |x| {
            Dense::from_fn(&shape, |i| {
                if chosen.get(&i) == Some(true) { x[0].at(&i) } else { x[1].at(&i) }
            })
        })
    })];
