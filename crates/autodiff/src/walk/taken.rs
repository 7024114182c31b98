//! [`TakenRule`]: the rule that is running, and what happens to its node afterwards.

use wengert_kernels::Element;

use crate::error::Result;
use crate::tape::{Rule, Tape};
use crate::tensor::Tensor;

/// The rule of a node, taken off the tape while it runs, and put back also if it panics.
pub(super) struct TakenRule<'t, E: Element> {
    tape: &'t Tape<E>,
    index: usize,
    rule: Option<Box<Rule<E>>>,
}

impl<'t, E: Element> TakenRule<'t, E> {
    #[inline]
    pub(super) fn take(tape: &'t Tape<E>, index: usize) -> Result<Option<Self>> {
        let node = &mut tape.nodes_mut()[index];
        if node.spent {
            return Err(node.released("backward"));
        }
        let Some(rule) = node.rule.take() else { return Ok(None) };
        Ok(Some(TakenRule { tape, index, rule: Some(rule) }))
    }

    pub(super) fn get(&self) -> &Rule<E> {
        self.rule.as_ref().expect("the rule is held until it is dropped")
    }

    /// Frees the node: returns its value and its saved tensors to the pool.
    pub(super) fn spend(&mut self) {
        let node = &mut self.tape.nodes_mut()[self.index];
        node.spent = true;
        if let Some(value) = node.value.take().filter(Tensor::is_pending) {
            value.forget_on(self.tape.schedule());
        }
        self.rule = None;
    }
}

impl<E: Element> Drop for TakenRule<'_, E> {
    #[inline]
    fn drop(&mut self) {
        if let Some(rule) = self.rule.take() {
            self.tape.nodes_mut()[self.index].rule = Some(rule);
        }
    }
}
