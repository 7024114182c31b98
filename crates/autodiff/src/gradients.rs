//! [`Gradients`]: what a walk back over the tape returns.

use wengert_kernels::Element;

use crate::parameter::Parameter;
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;

/// A leaf's gradient.
#[derive(Debug)]
pub(crate) struct Entry<E: Element> {
    pub(crate) leaf: u32,
    pub(crate) gradient: Tensor<E>,
}

/// The gradients of one output with respect to all leaves it depends on.
///
/// A leaf the output does not depend on has none: [`get`](Self::get) returns `None`. One it does
/// depend on has a gradient even if that is zero everywhere.
#[derive(Debug)]
pub struct Gradients<'t, E: Element = f32> {
    pub(crate) tape: &'t Tape<E>,
    /// In the leaves' order.
    pub(crate) entries: Vec<Entry<E>>,
}

impl<E: Element> Gradients<'_, E> {
    /// The gradient with respect to a leaf, or `None` if the output does not depend on it (or `x`
    /// is no leaf; see [`grad`](crate::grad) for those).
    pub fn get(&self, x: Var<'_, E>) -> Option<&Tensor<E>> {
        std::ptr::eq(x.tape(), self.tape).then(|| self.at(x.index())).flatten()
    }

    /// The gradient with respect to a parameter, or `None` if the output does not depend on it.
    pub fn parameter(&self, parameter: &Parameter<E>) -> Option<&Tensor<E>> {
        self.at(self.tape.parameter_index(parameter.id())?)
    }

    fn at(&self, leaf: u32) -> Option<&Tensor<E>> {
        let place = self.entries.binary_search_by_key(&leaf, |entry| entry.leaf).ok()?;
        Some(&self.entries[place].gradient)
    }

    /// Lets go of the tape's hold on a parameter's value and returns its gradient: what an
    /// optimizer calls before it changes the value in place. Variables of the parameter that are
    /// already on the tape lose their value.
    pub fn release(&self, parameter: &Parameter<E>) -> Option<&Tensor<E>> {
        let gradient = self.parameter(parameter)?;
        self.tape.release(parameter.id());
        Some(gradient)
    }

    /// The number of leaves with a gradient.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the output depends on no leaf.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<E: Element> Drop for Gradients<'_, E> {
    fn drop(&mut self) {
        self.entries.clear();
        if let Ok(mut scratch) = self.tape.scratch.try_borrow_mut() {
            scratch.entries = std::mem::take(&mut self.entries);
        }
    }
}
