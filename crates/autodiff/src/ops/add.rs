//! `y = a + b`; both cotangents are `gy`.

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
pub(crate) struct Add;

impl<E: Element> Op<E> for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn arity(&self) -> Option<usize> {
        Some(2)
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        support::broadcast("add", inputs)
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        support::lazy_zip(ctx, inputs[0], inputs[1], Binary::Add)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let gy = node.gy();
        cotangents([Some(gy), Some(gy)])
    }
}

entry! {
    /// `a + b`, element by element.
    ///
    /// # Shapes
    /// The operands broadcast; the result has the shape they broadcast to.
    add / try_add(a, b) = Add
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row {
    name: "add",
    order: 2,
    reorders: false,
    sample: |s| {
        let (a, b) = s.broadcast_pair();
        let inputs = vec![s.tensor(&a, &Domain::REAL), s.tensor(&b, &Domain::REAL)];
        Case::new(Add, inputs, |x| Dense::zip(&x[0], &x[1], |a, b| a + b))
    },
}];
