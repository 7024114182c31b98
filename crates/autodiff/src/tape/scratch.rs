//! [`Scratch`]: what walks back over the tape keep for the next one.

use wengert_kernels::Element;

use crate::tensor::Tensor;

/// What the walk has found out about a node.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    /// A wanted node is among its ancestors, or it is one.
    pub(crate) depends: bool,
    /// The outputs depend on it.
    pub(crate) reached: bool,
    pub(crate) wanted: bool,
}

impl Mark {
    /// Whether the node has a gradient that was asked for.
    #[inline]
    pub(crate) fn is_wanted_and_reached(self) -> bool {
        self.wanted && self.reached
    }
}

/// Vectors that are used again by the next walk.
#[derive(Debug)]
pub(crate) struct Scratch<E: Element> {
    pub(crate) values: Vec<Option<Tensor<E>>>,
    pub(crate) places: Vec<Option<u32>>,
    pub(crate) marks: Vec<Mark>,
}

impl<E: Element> Default for Scratch<E> {
    fn default() -> Self {
        Scratch { values: Vec::new(), places: Vec::new(), marks: Vec::new() }
    }
}
