//! [`Node`]: one entry of a tape, and the operation that made it.

use std::panic::Location;

use wengert_kernels::Element;

use crate::error::{Error, Result};
use crate::few::Few;
use crate::op::Op;
use crate::tensor::Tensor;

/// One entry of the tape.
#[derive(Debug)]
pub(crate) struct Node<E: Element> {
    /// `None` after the value was released.
    pub(crate) value: Option<Tensor<E>>,
    /// The operation that computed the value; `None` for leaves and for unrecorded values.
    pub(crate) rule: Option<Box<Rule<E>>>,
    pub(crate) recorded_at: &'static Location<'static>,
    pub(crate) epoch: u32,
    pub(crate) requires_grad: bool,
    /// Whether the value was computed from a variable that requires a gradient, without recording.
    pub(crate) cut: bool,
    /// Whether a backward pass that frees the tape has passed this node.
    pub(crate) spent: bool,
}

/// The operation that computed a node, its operands and its saved tensors, in one allocation.
#[derive(Debug)]
pub(crate) struct Rule<E: Element, O: ?Sized = dyn Op<E>> {
    pub(crate) inputs: Few<u32>,
    pub(crate) saved: Vec<Tensor<E>>,
    /// Whether the operation is a composition, through which the backward pass goes.
    pub(crate) composed: bool,
    pub(crate) op: O,
}

impl<E: Element> Node<E> {
    #[inline]
    pub(crate) fn value(&self, op: &'static str) -> Result<&Tensor<E>> {
        self.value.as_ref().ok_or_else(|| self.released(op))
    }

    /// Whether the node is a leaf that requires a gradient.
    #[inline]
    pub(crate) fn is_leaf(&self) -> bool {
        self.requires_grad && self.rule.is_none() && !self.spent
    }

    #[inline]
    pub(crate) fn is_of(&self, epoch: u32) -> bool {
        self.epoch == epoch
    }

    #[cold]
    pub(crate) fn released(&self, op: &'static str) -> Error {
        let reason = if self.spent {
            "`backward_once` has freed it; use `backward` to keep the values of the tape"
        } else {
            "an optimizer has updated this parameter since; run the forward pass again"
        };
        Error::Released { op, reason }
    }
}
