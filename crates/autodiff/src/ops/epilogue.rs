//! Activations fused into another operation. If the derivative is a function of the output, the
//! operation's kernel applies the activation in its own pass; otherwise a second pass does, and the
//! activation's argument is saved.

use wengert_kernels::Element;
use wengert_kernels::activation::{self, Activation, Saved};

use super::activate_grad::ActivateGrad;
use crate::error::Result;
use crate::op::{Forward, Op, Values, Vjp};
use crate::tape::Var;
use crate::tensor::Tensor;

/// The activation that the operation's kernel applies.
pub(super) fn fused(activation: Activation) -> Activation {
    match activation.saves() {
        Saved::Output => activation,
        Saved::Input => Activation::Identity,
    }
}

/// The operation's output from that of its kernel.
#[inline]
pub(super) fn finish<E: Element>(
    activation: Activation,
    ctx: &mut Forward<'_, E>,
    kernel: impl FnOnce(&mut [E]),
) -> Result<Tensor<E>> {
    let out = ctx.output_by(kernel);
    if activation.saves() == Saved::Output { out } else { second_pass(activation, ctx, out?) }
}

/// Applies the activation to the kernel's output, which is saved for the derivative.
fn second_pass<E: Element>(
    activation: Activation,
    ctx: &mut Forward<'_, E>,
    out: Tensor<E>,
) -> Result<Tensor<E>> {
    let before = out.as_slice().expect("an output is contiguous");
    let after = ctx.output_by(|after| activation::forward(activation, before, after))?;
    ctx.save(out);
    Ok(after)
}

/// The cotangent of the activation's argument, recorded if a graph is created; `plain` is the
/// operation without its activation.
pub(super) fn cotangent<'t, E: Element>(
    activation: Activation,
    node: &Vjp<'_, 't, E>,
    plain: impl Op<E>,
) -> Result<Var<'t, E>> {
    let op = ActivateGrad { activation };
    match activation.saves() {
        _ if activation == Activation::Identity => Ok(node.gy()),
        _ if !node.creates_graph() => {
            let value = cotangent_value(activation, node)?;
            Ok(value.map_or(node.gy(), |value| node.constant(value)))
        }
        Saved::Output => node.tape().apply(op, &[node.gy(), node.output()]),
        Saved::Input => {
            // The argument is computed again from the operands, so that the derivative is
            // differentiable.
            let operands: Vec<_> = (0..node.len()).map(|i| node.input(i)).collect();
            let before = node.tape().apply(plain, &operands)?;
            node.tape().apply(op, &[node.gy(), before])
        }
    }
}

/// The value of the cotangent of the activation's argument; `None` if it has replaced that of the
/// output's cotangent or is the same.
pub(super) fn cotangent_value<E: Element>(
    activation: Activation,
    node: &Vjp<'_, '_, E>,
) -> Result<Option<Tensor<E>>> {
    if activation == Activation::Identity {
        return Ok(None);
    }
    let in_place = node.write_gy(|values, gy| {
        let mut copy = None;
        let saved = saved(activation, node, values).in_order(&mut copy)?;
        activation::backward_in_place(activation, gy, saved);
        Ok(())
    })?;
    if in_place {
        return Ok(None);
    }
    let nodes = node.tape().nodes();
    let values = node.values(&nodes);
    let saved = saved(activation, node, values);
    let (mut gy_copy, mut saved_copy) = (None, None);
    let (gy, elements) = (values.gy().in_order(&mut gy_copy)?, saved.in_order(&mut saved_copy)?);
    let kernel = |before: &mut [E]| activation::backward(activation, gy, elements, before);
    Tensor::written_by(saved.shape(), saved.len(), Some(node.tape().pool()), kernel).map(Some)
}

/// The saved tensor from which the derivative is computed.
fn saved<'a, E: Element>(
    activation: Activation,
    node: &'a Vjp<'_, '_, E>,
    values: Values<'a, E>,
) -> &'a Tensor<E> {
    match activation.saves() {
        Saved::Input => node.saved(0),
        Saved::Output => values.output(),
    }
}
