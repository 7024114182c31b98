//! [`Buffer`]: a block of elements, or the deferred computation of its elements.

use std::any::Any;
use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use wengert_kernels::Element;

use super::handle::Handle;
use super::pool::BufferPool;
use super::refused::Refused;
use super::storage::Storage;

/// A block of elements, aligned to a cache line, or the computation of its elements.
#[derive(Debug)]
pub(super) struct Buffer<E: Element> {
    pub(super) data: Storage<E>,
    /// The size class in the pool.
    pub(super) class: usize,
    /// The pool to which the buffer returns when the last handle is dropped. `None` while it is
    /// free in the pool.
    pub(super) home: Option<BufferPool<E>>,
    /// The computation of the elements, instead of data.
    pub(super) deferred: Option<Box<dyn Deferred<E>>>,
}

// If a computation panics, the buffer does not change: it is still pending.
impl<E: Element> UnwindSafe for Buffer<E> {}
impl<E: Element> RefUnwindSafe for Buffer<E> {}

/// The computation of a buffer's elements, which runs when they are first read.
pub(crate) trait Deferred<E: Element>: Any + Debug + Send + Sync {
    /// The elements; computes them first if they are pending. An error if there is no memory for
    /// them.
    fn value(&self) -> Result<&Handle<E>, Refused>;

    /// Whether the elements are pending.
    fn is_pending(&self) -> bool;

    /// The number of elements.
    fn len(&self) -> usize;

    /// The pool that the elements' buffer comes from.
    fn pool(&self) -> Option<&BufferPool<E>>;
}

impl<E: Element> Buffer<E> {
    pub(super) fn new(capacity: usize, class: usize) -> Result<Self, Refused> {
        Ok(Buffer { data: Storage::zeros(capacity)?, class, home: None, deferred: None })
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[E] {
        match &self.deferred {
            None => &self.data,
            Some(deferred) => computed(&**deferred),
        }
    }
}

/// The elements that a computation gives.
#[inline(never)]
#[cold]
fn computed<E: Element>(deferred: &dyn Deferred<E>) -> &[E] {
    match deferred.value() {
        Ok(value) => value.as_slice(),
        Err(refused) => refused.panic(deferred.len()),
    }
}

impl<E: Element> Drop for Buffer<E> {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            home.forget(self.data.len());
        }
    }
}

/// Drops a reference to a buffer; the last one returns the buffer to its pool.
#[inline]
pub(super) fn release<E: Element>(mut buffer: Arc<Buffer<E>>) {
    // Another owner may remain. If two owners are dropped at the same time on two threads, neither
    // may see itself as the last one; the buffer is then freed instead of pooled.
    if Arc::strong_count(&buffer) == 1
        && let Some(unique) = Arc::get_mut(&mut buffer)
        && let Some(home) = unique.home.take()
    {
        home.give_back(buffer);
    }
}
