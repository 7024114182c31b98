//! [`Schedule`]: the deferred results of one tape.
//!
//! Pending sums are computed together with a value that depends on the same operations, in one pass
//! over memory. Pending values are computed before an optimizer overwrites a buffer that they read.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wengert_kernels::Element;

use crate::memory::{Handle, WeakHandle};

/// The maximum number of pending sums, the latest ones, that are considered when a value is
/// computed.
const LATEST: usize = 16;

/// The deferred results of one tape, shared by cloning.
#[derive(Debug)]
pub(crate) struct Schedule<E: Element>(Arc<Shared<E>>);

#[derive(Debug)]
struct Shared<E: Element> {
    /// Whether a result was added since the lists were last emptied. Most tapes defer nothing, and
    /// are cleared without locking.
    used: AtomicBool,
    lists: Mutex<Lists<E>>,
}

/// The results that handles still keep in memory, in the order in which they were recorded.
#[derive(Debug)]
struct Lists<E: Element> {
    sums: Vec<WeakHandle<E>>,
    values: Vec<WeakHandle<E>>,
}

impl<E: Element> Clone for Schedule<E> {
    fn clone(&self) -> Self {
        Schedule(Arc::clone(&self.0))
    }
}

impl<E: Element> Default for Schedule<E> {
    fn default() -> Self {
        let lists = Mutex::new(Lists { sums: Vec::new(), values: Vec::new() });
        Schedule(Arc::new(Shared { used: AtomicBool::new(false), lists }))
    }
}

/// Adds a result. The list is searched for dropped results only when it is full, so the cost of an
/// addition is constant on average.
fn record<E: Element>(list: &mut Vec<WeakHandle<E>>, result: &Handle<E>) {
    if list.len() == list.capacity() {
        list.retain(WeakHandle::is_alive);
    }
    list.extend(result.downgrade());
}

/// The results that are still pending.
fn pending<E: Element>(list: &[WeakHandle<E>]) -> impl Iterator<Item = Handle<E>> + '_ {
    list.iter().filter_map(WeakHandle::upgrade).filter(|result| result.pending().is_some())
}

impl<E: Element> Schedule<E> {
    fn lock(&self) -> MutexGuard<'_, Lists<E>> {
        self.0.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a pending sum.
    #[inline(never)]
    pub(crate) fn record_sum(&self, sum: &Handle<E>) {
        self.0.used.store(true, Ordering::Relaxed);
        record(&mut self.lock().sums, sum);
    }

    /// Adds a pending elementwise value of a node.
    #[inline(never)]
    pub(crate) fn record_value(&self, value: &Handle<E>) {
        self.0.used.store(true, Ordering::Relaxed);
        record(&mut self.lock().values, value);
    }

    /// Removes the value of a node that was freed.
    #[inline(never)]
    #[cold]
    pub(crate) fn forget_value(&self, value: &Handle<E>) {
        let values = &mut self.lock().values;
        // The backward pass frees the latest node first.
        if let Some(place) = values.iter().rposition(|other| other.is_of(value)) {
            values.remove(place);
        }
    }

    /// The latest of the pending sums that a handle keeps in memory.
    #[inline(never)]
    pub(crate) fn sums(&self) -> Vec<Handle<E>> {
        let recorded = {
            let sums = &mut self.lock().sums;
            sums.split_off(sums.len().saturating_sub(LATEST))
        };
        // Outside the lock: dropping the last handle of a sum drops its operands.
        let pending: Vec<Handle<E>> = pending(&recorded).collect();
        self.lock().sums.extend(pending.iter().filter_map(Handle::downgrade));
        pending
    }

    /// All pending results that a handle keeps in memory: first values, then sums, each in the
    /// order in which they were recorded.
    pub(crate) fn pending(&self) -> Vec<Handle<E>> {
        let lists = self.lock();
        let recorded: Vec<WeakHandle<E>> =
            lists.values.iter().chain(&lists.sums).cloned().collect();
        drop(lists);
        pending(&recorded).collect()
    }

    /// Forgets all results without computing them. The tape has dropped its own references to them.
    #[inline(never)]
    pub(crate) fn clear(&self) {
        drop(self.take_sums());
    }

    /// Forgets all results, and computes the sums that a tensor outside of the tape still holds, so
    /// that a sum does not keep its operands in memory after the step.
    #[inline]
    pub(crate) fn end_step(&self) {
        if self.0.used.load(Ordering::Relaxed) {
            self.settle();
        }
    }

    #[cold]
    fn settle(&self) {
        for sum in self.take_sums().iter().filter_map(WeakHandle::upgrade) {
            // If there is no memory for it, the sum stays pending.
            let _ = sum.compute();
        }
    }

    fn take_sums(&self) -> Vec<WeakHandle<E>> {
        self.0.used.store(false, Ordering::Relaxed);
        let mut lists = self.lock();
        lists.values.clear();
        std::mem::take(&mut lists.sums)
    }
}
