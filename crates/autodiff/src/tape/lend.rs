//! The values that a tape lends to gradients: see [`Link`].

use std::sync::Arc;

use wengert_kernels::Element;

use super::Tape;
use super::link::Link;
use crate::tensor::Tensor;

/// The leaves whose lent values are on the tape again until this value is dropped.
pub(crate) struct Recalled<'t, E: Element> {
    tape: &'t Tape<E>,
    leaves: Vec<u32>,
}

impl<E: Element> Tape<E> {
    /// The number of times the tape was cleared.
    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.generation.get()
    }

    /// The data that the tape shares with gradients, if any were computed.
    #[inline]
    pub(crate) fn link(&self) -> Option<&Arc<Link<E>>> {
        self.link.get()
    }

    /// The data that the tape shares with gradients that are being computed: values may be lent to
    /// them.
    #[inline]
    pub(crate) fn begin_lending(&self) -> &Arc<Link<E>> {
        self.lends.set(true);
        self.link.get_or_init(|| Arc::new(Link::new(self.pool.clone(), self.schedule.clone())))
    }

    /// The value of a node, if it is lent.
    #[inline(never)]
    #[cold]
    pub(crate) fn lent(&self, place: u32) -> Option<Tensor<E>> {
        let (leaf, _) = self.parameters.borrow().at(place)?;
        self.link()?.lent(self.generation())?.get(leaf).cloned()
    }

    /// Whether the value of a parameter's leaf is lent, and is this value.
    #[inline(never)]
    #[cold]
    pub(super) fn is_lent(&self, leaf: u32, value: &Tensor<E>) -> bool {
        let lent = self.link().and_then(|link| link.lent(self.generation()));
        lent.is_some_and(|lent| lent.get(leaf).is_some_and(|own| own.is_same(value)))
    }

    /// Drops the value of a parameter's leaf, whether it is on the tape or lent.
    #[inline(never)]
    #[cold]
    pub(super) fn release_leaf(&self, place: u32, leaf: u32) {
        self.nodes.borrow_mut()[place as usize].value = None;
        if let Some(mut lent) = self.link().and_then(|link| link.lent(self.generation())) {
            lent.release(leaf);
        }
    }

    /// Drops the lent values of the leaves from `first` on, which are no longer on the tape.
    #[inline(never)]
    #[cold]
    pub(crate) fn forget_lent(&self, first: u32) {
        if let Some(mut lent) = self.link().and_then(|link| link.lent(self.generation())) {
            lent.forget(first);
        }
    }

    /// Puts the lent values back on the tape for a backward pass.
    #[inline]
    pub(crate) fn recall_lent(&self) -> Recalled<'_, E> {
        let mut recalled = Recalled { tape: self, leaves: Vec::new() };
        if self.lends.get() {
            recalled.begin();
        }
        recalled
    }
}

impl<E: Element> Recalled<'_, E> {
    #[cold]
    fn begin(&mut self) {
        let tape = self.tape;
        let Some(mut lent) = tape.link().and_then(|link| link.lent(tape.generation())) else {
            return;
        };
        self.leaves = lent.leaves();
        let (parameters, mut nodes) = (tape.parameters.borrow(), tape.nodes.borrow_mut());
        for &leaf in &self.leaves {
            lent.swap(leaf as usize, &mut nodes[parameters.place(leaf) as usize].value);
        }
    }

    #[cold]
    fn end(&self) {
        let tape = self.tape;
        let Some(mut lent) = tape.link().and_then(|link| link.lent(tape.generation())) else {
            return;
        };
        let (parameters, mut nodes) = (tape.parameters.borrow(), tape.nodes.borrow_mut());
        for &leaf in &self.leaves {
            let value = &mut nodes[parameters.place(leaf) as usize].value;
            if value.is_some() {
                lent.swap(leaf as usize, value);
            }
        }
    }
}

impl<E: Element> Drop for Recalled<'_, E> {
    #[inline]
    fn drop(&mut self) {
        if !self.leaves.is_empty() {
            self.end();
        }
    }
}
