//! `y = a - b`; the cotangents are `gy` and `-gy`.

use wengert_kernels::Element;
use wengert_kernels::elementwise::Binary;

use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Sub;

impl<E: Element> Op<E> for Sub {
    fn name(&self) -> &'static str {
        "sub"
    }

    fn arity(&self) -> Option<usize> {
        Some(2)
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        support::broadcast("sub", inputs)
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        support::lazy_zip(ctx, inputs[0], inputs[1], Binary::Sub)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let gy = node.gy();
        cotangents([Some(gy), node.needs(1).then(|| -gy)])
    }
}

entry! {
    /// `a - b`, element by element.
    ///
    /// # Shapes
    /// The operands broadcast; the result has the shape they broadcast to.
    sub / try_sub(a, b) = Sub
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row {
    name: "sub",
    order: 2,
    reorders: false,
    sample: |s| {
        let (a, b) = s.broadcast_pair();
        let inputs = vec![s.tensor(&a, &Domain::REAL), s.tensor(&b, &Domain::REAL)];
        Case::new(Sub, inputs, |x| Dense::zip(&x[0], &x[1], |a, b| a - b))
    },
}];
