//! What a tape lends to gradients: see [`Link`].

use std::sync::Arc;

use wengert_kernels::Element;

use super::{Made, Tape};
use crate::error::Result;
use crate::gradients::{Collector, Gradients, Link};
use crate::op::Op;
use crate::tensor::Tensor;
use crate::var::Var;

/// The leaves whose lent values are on the tape until this is dropped.
pub(crate) struct Borrowed<'t, E: Element> {
    tape: &'t Tape<E>,
    leaves: Vec<u32>,
}

impl<E: Element> Tape<E> {
    /// The number of times the tape was cleared.
    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.generation.get()
    }

    /// What it shares with gradients, if there were any.
    #[inline]
    pub(crate) fn link(&self) -> Option<&Arc<Link<E>>> {
        self.link.get()
    }

    /// The lent value of a node.
    #[cold]
    pub(crate) fn lent(&self, place: u32) -> Option<Tensor<E>> {
        let (leaf, _) = self.parameters.borrow().at(place)?;
        self.link()?.lent(self.generation())?.get(leaf).cloned()
    }

    /// Whether the value of a parameter's leaf is lent, and is this one.
    #[cold]
    pub(super) fn is_lent(&self, leaf: u32, value: &Tensor<E>) -> bool {
        let lent = self.link().and_then(|link| link.lent(self.generation()));
        lent.is_some_and(|lent| lent.get(leaf).is_some_and(|own| own.is_same(value)))
    }

    /// Drops the value of a parameter's leaf, on the tape or lent.
    #[cold]
    pub(super) fn release_leaf(&self, place: u32, leaf: u32) {
        self.nodes.borrow_mut()[place as usize].value = None;
        if let Some(mut lent) = self.link().and_then(|link| link.lent(self.generation())) {
            lent.release(leaf);
        }
    }

    /// Forgets what was lent of leaves that are no longer on the tape, from `first` on.
    #[cold]
    pub(crate) fn forget_lent(&self, first: u32) {
        if let Some(mut lent) = self.link().and_then(|link| link.lent(self.generation())) {
            lent.forget(first);
        }
    }

    /// Puts lent values back on the tape for a walk.
    #[inline]
    pub(crate) fn borrow_back(&self) -> Borrowed<'_, E> {
        let mut borrowed = Borrowed { tape: self, leaves: Vec::new() };
        if self.lends.get() {
            borrowed.begin();
        }
        borrowed
    }

    /// Evaluates an operation some of whose operands are lent.
    #[cold]
    #[track_caller]
    pub(super) fn evaluate_lent(
        &self,
        op: &dyn Op<E>,
        inputs: &[Var<'_, E>],
        made: &mut Made<E>,
    ) -> Result<()> {
        let lent: Vec<_> = inputs.iter().map(|input| self.lent(input.index())).collect();
        self.evaluate(op, inputs, &lent, made)
    }

    /// The gradients of an output, from those that a walk has left in `values`. `has` says which of
    /// the nodes have one: it is zero where there is no value. Lends the values of the parameters
    /// among them, unless this is inside of another walk.
    pub(crate) fn collect(
        &self,
        output: Var<'_, E>,
        values: &mut [Option<Tensor<E>>],
        has: impl Fn(usize) -> bool,
    ) -> Result<Gradients<E>> {
        let new = || Arc::new(Link::new(self.pool.clone(), self.schedule.clone()));
        let link = self.link.get_or_init(new);
        self.lends.set(true);
        let lends = !self.walks.get();
        let (parameters, mut nodes) = (self.parameters.borrow(), self.nodes.borrow_mut());
        let mut leaves = parameters.all().iter().enumerate();
        let mut lent = link.lend(self.generation(), leaves.len());
        let link = Arc::clone(link);
        let mut collector = Collector::new(link, self.generation(), output, leaves.len());
        let mut next = leaves.next();
        for (place, (value, node)) in values.iter_mut().zip(nodes.iter_mut()).enumerate() {
            let parameter = next.filter(|(_, of)| of.0 as usize == place);
            if parameter.is_some() {
                next = leaves.next();
            }
            if !has(place) {
                continue;
            }
            if value.is_none() {
                let shape = node.value("backward")?.shape().clone();
                *value = Some(Tensor::scalar(E::ZERO).try_broadcast_to(shape)?);
            }
            if let Some((leaf, &(_, id))) = parameter {
                collector.parameter(id, leaf as u32, value);
                if lends && node.value.is_some() {
                    lent.swap(leaf, &mut node.value);
                }
            } else {
                let place = Var::at(self, place as u32, node.epoch).place();
                collector.variable(place, value);
            }
        }
        Ok(collector.finish())
    }
}

impl<E: Element> Borrowed<'_, E> {
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

impl<E: Element> Drop for Borrowed<'_, E> {
    #[inline]
    fn drop(&mut self) {
        if !self.leaves.is_empty() {
            self.end();
        }
    }
}
