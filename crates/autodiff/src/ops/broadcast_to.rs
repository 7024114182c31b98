//! `y = x` repeated to a larger shape, as a view; the cotangent is `gy` summed over the
//! repetitions, which the backward pass does for every operation.

use wengert_kernels::Element;

use crate::error::{Result, expect};
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct BroadcastTo {
    shape: Shape,
}

impl<E: Element> Op<E> for BroadcastTo {
    described!("broadcast_to", operands: 1);

    fn shape(&self, _: &[&Shape]) -> Result<Shape> {
        Ok(self.shape.clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], _: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        inputs[0].try_broadcast_to(self.shape.clone())
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        cotangents([Some(node.gy())])
    }
}

/// `x` repeated to a larger shape, along axes of size 1 and along missing leading axes. Returns a
/// view.
///
/// # Errors
/// If the shape cannot be reached by repeating.
#[track_caller]
pub fn broadcast_to<E: Element>(x: Var<'_, E>, shape: impl Into<Shape>) -> Result<Var<'_, E>> {
    x.tape().apply(BroadcastTo { shape: shape.into() }, &[x])
}

impl<E: Element> Var<'_, E> {
    /// Repeated to a larger shape. See [`ops::broadcast_to`](crate::ops::broadcast_to).
    ///
    /// # Panics
    /// If the shape cannot be reached by repeating.
    #[track_caller]
    pub fn broadcast_to(self, shape: impl Into<Shape>) -> Self {
        expect(broadcast_to(self, shape))
    }
}

instances!(broadcast_to<E>: Tape::<E>::apply::<BroadcastTo>);

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("broadcast_to", |s| {
    let (a, b) = s.broadcast_pair();
    let to = a.broadcast(&b).unwrap_or_else(|| a.clone());
    let op = BroadcastTo { shape: to.clone() };
    Case::new(op, vec![s.tensor(&a, &Domain::REAL)], move |x| {
        Dense::zip(&x[0], &Dense::zeros(to.dims()), |x, _| x)
    })
})];
