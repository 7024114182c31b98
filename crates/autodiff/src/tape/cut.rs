//! [`Cuts`]: the operands of unrecorded operations, for the report on why a gradient is absent.

use crate::few::Few;

/// An operand of an unrecorded operation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cut {
    pub(crate) node: u32,
    /// Whether it was read as whole numbers.
    pub(crate) index: bool,
}

/// The unrecorded nodes that were computed from variables, in the tape's order.
#[derive(Debug, Default)]
pub(crate) struct Cuts(Vec<(u32, Few<Cut>)>);

impl Cuts {
    pub(crate) fn push(&mut self, node: u32, from: Few<Cut>) {
        self.0.push((node, from));
    }

    /// The nodes, and what each was computed from.
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
