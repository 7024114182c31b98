//! `y = a / b`; the cotangents are `gy / b` and `-gy y / b`.

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
pub(crate) struct Div;

impl<E: Element> Op<E> for Div {
    fn name(&self) -> &'static str {
        "div"
    }

    fn arity(&self) -> Option<usize> {
        Some(2)
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        support::broadcast("div", inputs)
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        support::lazy_zip(ctx, inputs[0], inputs[1], Binary::Div)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let (gy, b, y) = (node.gy(), node.input(1), node.output());
        let ga = gy.div_keep_zero(b);
        cotangents([Some(ga), node.needs(1).then(|| -ga.cotangent_mul(y))])
    }
}

entry! {
    /// `a / b`, element by element.
    ///
    /// # Shapes
    /// The operands broadcast; the result has the shape they broadcast to.
    div / try_div(a, b) = Div
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row {
    name: "div",
    order: 2,
    reorders: false,
    sample: |s| {
        let (a, b) = s.broadcast_pair();
        let inputs = vec![s.tensor(&a, &Domain::REAL), s.tensor(&b, &Domain::AWAY_FROM_ZERO)];
        Case::new(Div, inputs, |x| Dense::zip(&x[0], &x[1], |a, b| a / b))
    },
}];
