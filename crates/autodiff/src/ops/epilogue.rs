//! An activation that another operation applies to its results in its own pass: one whose derivative
//! is a function of its output; any other follows in a second pass, its argument kept.

use wengert_kernels::Element;
use wengert_kernels::activation::{self, Activation, Saved};

use super::activate_grad::ActivateGrad;
use crate::error::Result;
use crate::op::{Forward, Op, Values, Vjp};
use crate::tape::Var;
use crate::tensor::Tensor;

/// What the operation's kernel is to apply.
pub(super) fn fused(activation: Activation) -> Activation {
    match activation.saves() {
        Saved::Output => activation,
        Saved::Input => Activation::Identity,
    }
}

/// The operation's output from what its kernel writes.
#[inline]
pub(super) fn finish<E: Element>(
    activation: Activation,
    ctx: &mut Forward<'_, E>,
    kernel: impl FnOnce(&mut [E]),
) -> Result<Tensor<E>> {
    let out = ctx.output_by(kernel);
    if activation.saves() == Saved::Output { out } else { second_pass(activation, ctx, out?) }
}

/// The activation of what a kernel has written, which is kept: the derivative needs it.
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

/// The cotangent of what the activation was applied to, recorded where that is asked for; `plain` is
/// the operation without an activation.
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
            // Recomputed from the operands, so that it is differentiated as well.
            let operands: Vec<_> = (0..node.len()).map(|i| node.input(i)).collect();
            let before = node.tape().apply(plain, &operands)?;
            node.tape().apply(op, &[node.gy(), before])
        }
    }
}

/// The value of the cotangent of what the activation was applied to; `None` if it is where the output's
/// is, or was.
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

/// What the derivative is told from.
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
