//! `y = value` where a mask is true, else `x`; the cotangent is `gy` where the mask is false and
//! zero elsewhere.

use wengert_kernels::elementwise::Run;
use wengert_kernels::{Element, elementwise};

use super::support;
use super::where_::where_;
use crate::error::{Error, Result, expect};
use crate::eval::eval_op;
use crate::mask::Mask;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct MaskedFill<E> {
    mask: Mask,
    value: E,
}

impl<E: Element> Op<E> for MaskedFill<E> {
    described!("masked_fill", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        if self.mask.shape().broadcasts_to(inputs[0]) {
            return Ok(inputs[0].clone());
        }
        let expected = format!("a mask that broadcasts to the operand's shape {}", inputs[0]);
        Err(Error::Shapes { op: "masked_fill", expected, got: vec![self.mask.shape().clone()] })
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let mask = self.mask.try_broadcast_to(ctx.shape())?;
        let mask = mask.try_to_contiguous()?;
        support::map(ctx, inputs[0], |x, out| {
            elementwise::select(&mask, Run::Splat(self.value), Run::Slice(x), out);
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let zero = node.tape().constant(&Tensor::scalar(E::ZERO));
        cotangents([Some(where_(&self.mask, zero, node.gy())?)])
    }
}

/// `value` where the mask is true, `x` elsewhere.
///
/// A filled element has the gradient 0, and so has every operand that contributes only to filled
/// elements, even where a derivative on the path is [infinite or NaN](crate#zero-cotangents).
///
/// Before a [`softmax`](super::softmax()), fill with a low finite number rather than `-inf` if all
/// elements of a row may be hidden, as the softmax of a row of `-inf` is NaN. The section "Masks"
/// of [`softmax`](super::softmax()) shows an example.
///
/// # Shapes
/// The mask broadcasts to the shape of `x`, which is also the result's.
///
/// # Errors
/// If the mask does not broadcast to the shape of `x`.
#[track_caller]
pub fn masked_fill<'t, E: Element>(x: Var<'t, E>, mask: &Mask, value: E) -> Result<Var<'t, E>> {
    x.tape().apply(MaskedFill { mask: mask.clone(), value }, &[x])
}

impl<E: Element> Var<'_, E> {
    /// `value` where the mask is true, the variable elsewhere. See
    /// [`ops::masked_fill`](crate::ops::masked_fill).
    ///
    /// # Panics
    /// If the mask does not broadcast to the variable's shape.
    #[track_caller]
    pub fn masked_fill(self, mask: &Mask, value: E) -> Self {
        expect(masked_fill(self, mask, value))
    }
}

impl<E: Element> Tensor<E> {
    /// `value` where the mask is true, the tensor elsewhere. See
    /// [`ops::masked_fill`](crate::ops::masked_fill).
    ///
    /// # Panics
    /// If the mask does not broadcast to the tensor's shape.
    #[track_caller]
    pub fn masked_fill(&self, mask: &Mask, value: E) -> Self {
        expect(self.try_masked_fill(mask, value))
    }

    /// Fallible version of [`masked_fill`](Self::masked_fill).
    ///
    /// # Errors
    /// If the mask does not broadcast to the tensor's shape, or there is no memory for the result.
    pub fn try_masked_fill(&self, mask: &Mask, value: E) -> Result<Self> {
        eval_op(&MaskedFill { mask: mask.clone(), value }, &[self])
    }
}

instances!(masked_fill<E>: masked_fill::<E>, Tensor::<E>::try_masked_fill);

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("masked_fill", |s| {
    let shape = s.shape();
    let mask = support::sample_mask(s, &shape);
    let inputs = vec![s.tensor(&shape, &Domain::REAL)];
    let filled = mask.broadcast_to(&shape);
    let single = MaskedFill { mask: mask.clone(), value: -7.5_f32 };
    Case::pair(single, MaskedFill { mask, value: -7.5 }, inputs, move |x| {
        Dense::from_fn(&shape, |i| if filled.get(&i) == Some(true) { -7.5 } else { x[0].at(&i) })
    })
})];
