//! [`Scratch`]: vectors that a backward pass keeps for the next one.

use wengert_kernels::Element;

use crate::tensor::Tensor;

/// The information that a backward pass has about a node.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    /// Whether the node is wanted or depends on a wanted node.
    pub(crate) depends: bool,
    /// Whether the outputs depend on the node.
    pub(crate) reached: bool,
    pub(crate) wanted: bool,
}

impl Mark {
    /// Whether the gradient of the node was requested and exists.
    #[inline]
    pub(crate) fn is_wanted_and_reached(self) -> bool {
        self.wanted && self.reached
    }
}

/// Vectors that the next backward pass uses again.
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
