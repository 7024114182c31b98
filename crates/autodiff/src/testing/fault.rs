//! Wrong gradients, planted on purpose, to test that a check detects them.

use wengert_kernels::Element;

use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// A fault that is planted in a vector-Jacobian product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// No cotangents: all are zero.
    Zeroed,
    /// Twice the cotangents.
    Doubled,
    /// The cotangents with the other sign.
    Flipped,
    /// The cotangent of the output is ignored: ones replace it.
    Forgotten,
    /// The square of the cotangent of the output replaces it.
    Squared,
    /// The magnitude of the cotangent of the output replaces it.
    Absolute,
    /// Twice the cotangents if an element of the cotangent of the output is negative.
    Signed,
    /// Twice the cotangents if their computation is recorded.
    Recorded,
    /// The right cotangents as constants: they have no derivatives of their own.
    Detached,
    /// The cotangent of the output, as if the operation were the identity: for an operation whose
    /// cotangents are zero, for which the other faults change nothing.
    Passed,
}

impl Fault {
    /// The faults that a check detects for any operation with nonzero derivatives.
    pub const ALL: [Fault; 9] = [
        Fault::Zeroed,
        Fault::Doubled,
        Fault::Flipped,
        Fault::Forgotten,
        Fault::Squared,
        Fault::Absolute,
        Fault::Signed,
        Fault::Recorded,
        Fault::Detached,
    ];

    /// The operation `op` with this fault in its vector-Jacobian product.
    pub fn plant<E: Element>(self, op: Box<dyn Op<E>>) -> Box<dyn Op<E>> {
        Box::new(Planted { op, fault: self })
    }
}

#[derive(Debug)]
struct Planted<E: Element> {
    op: Box<dyn Op<E>>,
    fault: Fault,
}

impl<E: Element> Op<E> for Planted<E> {
    fn name(&self) -> &'static str {
        self.op.name()
    }

    fn arity(&self) -> Option<usize> {
        self.op.arity()
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        self.op.shape(inputs)
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        self.op.forward(inputs, ctx)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let gy = node.gy();
        let gy = match self.fault {
            Fault::Forgotten => node.tape().constant(&Tensor::ones(gy.shape())),
            Fault::Squared => gy * gy,
            Fault::Absolute => gy.abs(),
            _ => gy,
        };
        let right = self.op.vjp(&Vjp { gy, ..*node })?;
        let two = E::from_f64(2.0);
        let doubled = match self.fault {
            Fault::Doubled => true,
            Fault::Signed => gy.try_value()?.to_vec().into_iter().any(|g| g < E::ZERO),
            Fault::Recorded => node.creates_graph(),
            _ => false,
        };
        let wrong = right.into_iter().map(|cotangent| match self.fault {
            Fault::Zeroed => None,
            _ if doubled => cotangent.map(|g| g * two),
            Fault::Flipped => cotangent.map(|g| -g),
            Fault::Detached => cotangent.map(|g| g.detach()),
            Fault::Passed => Some(node.gy()),
            _ => cotangent,
        });
        Ok(wrong.collect())
    }

    fn reads_index(&self, i: usize) -> bool {
        self.op.reads_index(i)
    }
}
