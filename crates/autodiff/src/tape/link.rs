//! [`Link`]: the data that a tape shares with the gradients computed on it.
//!
//! The value of a parameter is held both by the tape and by the parameter. Before an optimizer
//! changes it in place, the tape must drop its reference. The optimizer has only the gradients,
//! which neither borrow the tape nor stay on its thread. Therefore the backward pass moves the
//! values of parameters that have a gradient from the nodes of the tape to a list that the tape
//! shares with the gradients: it lends them. The tape reads them there, and an optimizer removes
//! them from there.

use std::sync::{Mutex, MutexGuard, PoisonError};

use wengert_kernels::Element;

use crate::lazy::Schedule;
use crate::memory::BufferPool;
use crate::tensor::Tensor;

/// The data that a tape shares with the gradients computed on it.
#[derive(Debug)]
pub(crate) struct Link<E: Element> {
    pool: BufferPool<E>,
    schedule: Schedule<E>,
    lent: Mutex<Lent<E>>,
}

/// The values of parameters that a tape has lent.
#[derive(Debug)]
pub(crate) struct Lent<E: Element> {
    /// The number of times the tape was cleared.
    generation: u64,
    /// The values in the order of the parameters on the tape; `None` if not lent, or released.
    values: Vec<Option<Tensor<E>>>,
}

impl<E: Element> Link<E> {
    pub(crate) fn new(pool: BufferPool<E>, schedule: Schedule<E>) -> Self {
        let lent = Lent { generation: 0, values: Vec::new() };
        Link { pool, schedule, lent: Mutex::new(lent) }
    }

    pub(crate) fn pool(&self) -> &BufferPool<E> {
        &self.pool
    }

    pub(crate) fn schedule(&self) -> &Schedule<E> {
        &self.schedule
    }

    #[inline]
    fn lock(&self) -> MutexGuard<'_, Lent<E>> {
        self.lent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lent values, if the tape was not cleared since this generation.
    #[inline]
    pub(crate) fn lent(&self, generation: u64) -> Option<MutexGuard<'_, Lent<E>>> {
        Some(self.lock()).filter(|lent| lent.generation == generation)
    }

    /// The list of lent values for a tape of this generation that has this number of leaves.
    #[inline]
    pub(crate) fn lend(&self, generation: u64, leaves: usize) -> MutexGuard<'_, Lent<E>> {
        let mut lent = self.lock();
        lent.generation = generation;
        if lent.values.len() < leaves {
            lent.values.resize_with(leaves, || None);
        }
        lent
    }

    /// Ends a generation of the tape and drops all lent values.
    #[inline]
    pub(crate) fn clear(&self, next: u64) {
        let mut lent = self.lock();
        lent.generation = next;
        // The next step usually lends the same number of values.
        lent.values.iter_mut().for_each(|value| *value = None);
    }
}

impl<E: Element> Lent<E> {
    /// Drops the tape's reference to a parameter's value.
    #[inline]
    pub(crate) fn release(&mut self, leaf: u32) {
        if let Some(value) = self.values.get_mut(leaf as usize) {
            *value = None;
        }
    }

    /// A lent value.
    pub(crate) fn get(&self, leaf: u32) -> Option<&Tensor<E>> {
        self.values.get(leaf as usize)?.as_ref()
    }

    /// Moves the value of a leaf, if there is one, from the tape to the list, which must have none
    /// for it.
    #[inline]
    pub(crate) fn put(&mut self, leaf: usize, value: &mut Option<Tensor<E>>) {
        if value.is_some() {
            self.values[leaf] = value.take();
        }
    }

    /// Moves the value of a leaf from the tape to the list, or back.
    #[inline]
    pub(crate) fn swap(&mut self, leaf: usize, value: &mut Option<Tensor<E>>) {
        std::mem::swap(&mut self.values[leaf], value);
    }

    /// The leaves whose values are lent.
    pub(crate) fn leaves(&self) -> Vec<u32> {
        let leaves = self.values.iter().zip(0..).filter(|(value, _)| value.is_some());
        leaves.map(|(_, leaf)| leaf).collect()
    }

    /// Drops the values of the leaves from `first` on.
    pub(crate) fn forget(&mut self, first: u32) {
        self.values.iter_mut().skip(first as usize).for_each(|value| *value = None);
    }
}
