//! An activation that another operation applies to its results in its own pass: one whose derivative
//! is a function of its output; any other follows in a second pass, its argument kept.

use wengert_kernels::Element;
use wengert_kernels::activation::{self, Activation, Saved};

use super::activate_grad::ActivateGrad;
use crate::error::Result;
use crate::op::{Forward, Op, Vjp};
use crate::tape::Var;
use crate::tensor::Tensor;

/// What the operation's kernel is to apply.
pub(super) fn fused(activation: Activation) -> Activation {
    match activation.saves() {
        Saved::Output => activation,
        Saved::Input => Activation::Identity,
    }
}

/// The operation's output from what its kernel gave.
pub(super) fn finish<E: Element>(
    activation: Activation,
    out: Tensor<E>,
    ctx: &mut Forward<'_, E>,
) -> Result<Tensor<E>> {
    if activation.saves() == Saved::Output {
        return Ok(out);
    }
    // The derivative needs what the activation was applied to.
    let before = out.as_slice().expect("an output is contiguous");
    let after = ctx.output_by(|after| activation::forward(activation, before, after))?;
    ctx.save(out);
    Ok(after)
}

/// The cotangent of what the activation was applied to; `plain` is the operation without one.
pub(super) fn cotangent<'t, E: Element>(
    activation: Activation,
    node: &Vjp<'_, 't, E>,
    plain: impl Op<E>,
) -> Result<Var<'t, E>> {
    let op = ActivateGrad { activation };
    match activation.saves() {
        _ if activation == Activation::Identity => Ok(node.gy()),
        Saved::Output => node.tape().apply(op, &[node.gy(), node.output()]),
        Saved::Input => {
            // Recomputed from the operands where it is to be differentiated itself.
            let before = if node.creates_graph() {
                let operands: Vec<_> = (0..node.len()).map(|i| node.input(i)).collect();
                node.tape().apply(plain, &operands)?
            } else {
                node.tape().constant(node.saved(0))
            };
            node.tape().apply(op, &[node.gy(), before])
        }
    }
}
