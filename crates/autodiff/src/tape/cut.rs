//! [`Cuts`]: the operands of operations that were not recorded, for the report on absent gradients.

use crate::few::Few;

/// An operand of an operation that was not recorded.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cut {
    pub(crate) node: u32,
    /// Whether the operation read it as whole numbers.
    pub(crate) index: bool,
}

/// The nodes that were computed from variables without recording, in the order of the tape.
#[derive(Debug, Default)]
pub(crate) struct Cuts(Vec<(u32, Few<Cut>)>);

impl Cuts {
    pub(crate) fn push(&mut self, node: u32, from: Few<Cut>) {
        self.0.push((node, from));
    }

    /// The nodes, and the operands from which each was computed.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(u32, Few<Cut>)> {
        self.0.iter()
    }

    /// Removes the nodes from `len` on.
    #[inline]
    pub(crate) fn truncate(&mut self, len: usize) {
        while self.0.last().is_some_and(|(node, _)| *node as usize >= len) {
            self.0.pop();
        }
    }
}
