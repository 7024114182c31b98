//! What many operations share: shape rules and elementwise forward computations.

use wengert_kernels::Element;
use wengert_kernels::elementwise::Run;

use crate::error::{Error, Result};
use crate::op::Forward;
use crate::pool::Pool;
use crate::shape::Shape;
use crate::tape::{Tape, Var};
use crate::tensor::{Tensor, strided};

/// The shape two operands broadcast to.
pub(super) fn broadcast(op: &'static str, inputs: &[&Shape]) -> Result<Shape> {
    let (a, b) = (inputs[0], inputs[1]);
    a.broadcast(b).ok_or_else(|| {
        let expected =
            "shapes that broadcast: aligned at the last axis, sizes equal or one of them 1";
        Error::Shapes { op, expected: expected.to_owned(), got: vec![a.clone(), b.clone()] }
    })
}

/// One shape for all operands.
pub(super) fn same(op: &'static str, inputs: &[&Shape]) -> Result<Shape> {
    if inputs.iter().all(|shape| *shape == inputs[0]) {
        return Ok(inputs[0].clone());
    }
    let got = inputs.iter().map(|&shape| shape.clone()).collect();
    Err(Error::Shapes { op, expected: "operands of one shape".to_owned(), got })
}

/// At least one axis, for operations on the last one.
pub(super) fn last_axis(op: &'static str, shape: &Shape) -> Result<usize> {
    shape.last().copied().ok_or_else(|| {
        let expected = "at least one axis".to_owned();
        Error::Shapes { op, expected, got: vec![shape.clone()] }
    })
}

/// The value of a computation on a tape of its own.
pub(super) fn on_tape<E: Element>(
    pool: Option<&Pool<E>>,
    body: impl for<'t> FnOnce(&'t Tape<E>) -> Result<Var<'t, E>>,
) -> Result<Tensor<E>> {
    let tape = pool.map_or_else(Tape::new, |pool| Tape::with_pool(pool.clone()));
    body(&tape)?.try_value()
}

/// An operand's elements in row-major order.
pub(super) fn slice<E: Element>(contiguous: &Tensor<E>) -> &[E] {
    contiguous.as_slice().expect("made contiguous")
}

/// The output of a kernel on one operand.
pub(super) fn map<E: Element>(
    ctx: &Forward<'_, E>,
    x: &Tensor<E>,
    kernel: impl Fn(&[E], &mut [E]),
) -> Result<Tensor<E>> {
    ctx.output_by(|out| strided::map(x, out, kernel))
}

/// The output of a kernel on two operands that broadcast.
pub(super) fn zip<E: Element>(
    ctx: &Forward<'_, E>,
    a: &Tensor<E>,
    b: &Tensor<E>,
    kernel: impl Fn(Run<E>, Run<E>, &mut [E]),
) -> Result<Tensor<E>> {
    ctx.output_by(|out| strided::zip(a, b, ctx.shape(), out, kernel))
}

/// The output of a kernel on two operands of the output's shape, given whole.
pub(super) fn rows<E: Element>(
    ctx: &Forward<'_, E>,
    a: &Tensor<E>,
    b: &Tensor<E>,
    kernel: impl Fn(&[E], &[E], &mut [E]),
) -> Result<Tensor<E>> {
    if let (Some(a), Some(b)) = (a.as_slice(), b.as_slice()) {
        return ctx.output_by(|out| kernel(a, b, out));
    }
    let (a, b) = (a.contiguous(), b.contiguous());
    let (a, b) = (a.as_slice().expect("made contiguous"), b.as_slice().expect("made contiguous"));
    ctx.output_by(|out| kernel(a, b, out))
}
