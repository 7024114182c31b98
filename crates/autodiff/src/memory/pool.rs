//! Buffers that are used again: the pool of a tape keeps the buffers that its tensors no longer
//! use.
//!
//! The system allocator returns large allocations to the kernel, and a new allocation then costs
//! page faults; a pooled buffer avoids them. A buffer from a pool has stale but initialized
//! elements. In builds with debug assertions they are NaN, which reveals an operation that reads
//! its output before it writes it.

use std::sync::{Arc, Mutex, PoisonError};

use wengert_kernels::Element;

use super::buffer::Buffer;
use super::free::FreeLists;
use super::handle::Handle;
use super::refused::Refused;

/// A set of free buffers, shared by cloning.
#[derive(Debug)]
pub(crate) struct BufferPool<E: Element>(Arc<Mutex<Inner<E>>>);

#[derive(Debug)]
struct Inner<E: Element> {
    free: FreeLists<Arc<Buffer<E>>>,
    /// The numbers that [`Tape::memory`](crate::Tape::memory) reports; the peak is that of the
    /// current step.
    memory: Memory,
    /// The peak of earlier steps since the last reset.
    earlier_peak: usize,
    /// Whether the tape that created the pool was dropped: buffers that come back are then freed.
    closed: bool,
    /// The number of bytes of results that are recorded and have no buffer yet, while a limit is
    /// set.
    promised: usize,
    /// The maximum of live and promised bytes; `usize::MAX` stands for no limit.
    limit: usize,
}

impl<E: Element> Inner<E> {
    /// Removes and returns the free buffers that go back to the system because sizes vary from step
    /// to step.
    #[inline]
    fn beyond_bound(&mut self) -> Vec<Arc<Buffer<E>>> {
        let Memory { live, peak, pooled } = self.memory;
        match self.free.excess(live + pooled, peak) {
            0 => Vec::new(),
            excess => {
                let bytes = |buffer: &Arc<Buffer<E>>| buffer.data.len() * size_of::<E>();
                let unused = self.free.take_unused(excess, bytes);
                self.memory.pooled -= unused.iter().map(bytes).sum::<usize>();
                unused
            }
        }
    }
}

/// The memory of the tensors of a tape, in bytes. Tensors of a single element take none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Bytes in use by tensors.
    pub live: usize,
    /// The maximum of [`live`](Self::live) since the last call of
    /// [`Tape::reset_peak`](crate::Tape::reset_peak).
    pub peak: usize,
    /// Bytes in free buffers that are kept for later use. Where sizes vary from step to step, the
    /// least recently used buffers are freed, so that live and pooled bytes together are at most
    /// twice the peak of recent steps. All buffers that one step uses are kept for the next step,
    /// and none once the tape is dropped.
    pub pooled: usize,
}

impl<E: Element> Clone for BufferPool<E> {
    fn clone(&self) -> Self {
        BufferPool(Arc::clone(&self.0))
    }
}

impl<E: Element> Default for BufferPool<E> {
    fn default() -> Self {
        let inner = Inner {
            free: FreeLists::default(),
            memory: Memory::default(),
            earlier_peak: 0,
            closed: false,
            promised: 0,
            limit: usize::MAX,
        };
        BufferPool(Arc::new(Mutex::new(inner)))
    }
}

/// The capacity of the size class for `len` elements, and the number of the class. There are eight
/// classes per factor of two, so at most an eighth is unused.
#[inline]
fn size_class(len: usize) -> (usize, usize) {
    const SMALLEST: usize = 16;
    if len <= SMALLEST {
        return (SMALLEST, 0);
    }
    let octave = (len - 1).ilog2() as usize;
    let step = 1 << (octave - 3);
    let steps = (len - (1 << octave)).div_ceil(step);
    ((1 << octave) + steps * step, (octave - 4) * 8 + steps)
}

impl<E: Element> BufferPool<E> {
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner<E>> {
        // Nothing that can panic runs under the lock, so the state is consistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A buffer of at least `len` elements with unspecified contents.
    pub(crate) fn take(&self, len: usize) -> Result<Handle<E>, Refused> {
        self.take_written(len, |_| ())
    }

    /// A buffer whose first `len` elements `f` has written.
    #[inline]
    pub(super) fn take_written(
        &self,
        len: usize,
        f: impl FnOnce(&mut [E]),
    ) -> Result<Handle<E>, Refused> {
        Ok(self.written(self.free_buffer(len, true)?, len, f))
    }

    /// A buffer of at least `len` elements with unspecified contents, to which the limit does not
    /// apply.
    #[inline(never)]
    pub(super) fn take_unlimited(&self, len: usize) -> Result<Handle<E>, Refused> {
        Ok(self.written(self.free_buffer(len, false)?, len, |_| ()))
    }

    /// The buffer, which returns to this pool, with its first `len` elements written by `f`.
    #[inline]
    fn written(
        &self,
        mut buffer: Arc<Buffer<E>>,
        len: usize,
        f: impl FnOnce(&mut [E]),
    ) -> Handle<E> {
        // `Arc::get_mut` is atomic: for a few numbers it costs as much as the operation.
        let unique = Arc::get_mut(&mut buffer).expect("a pooled buffer has one owner");
        unique.home = Some(self.clone());
        if cfg!(debug_assertions) {
            unique.data.fill(E::NAN);
        }
        f(&mut unique.data[..len]);
        Handle::of(buffer)
    }

    /// A buffer of at least `len` elements that has no owner yet. `limited` states whether the
    /// limit applies.
    fn free_buffer(&self, len: usize, limited: bool) -> Result<Arc<Buffer<E>>, Refused> {
        let (capacity, class) = size_class(len);
        let bytes = capacity * size_of::<E>();
        let mut inner = self.lock();
        let live = inner.memory.live + bytes;
        if limited && live.saturating_add(inner.promised) > inner.limit {
            return Err(Refused { bytes, limit: inner.limit });
        }
        inner.memory.live = live;
        inner.memory.peak = inner.memory.peak.max(live);
        if let Some(buffer) = inner.free.take(class) {
            inner.memory.pooled -= bytes;
            return Ok(buffer);
        }
        drop(inner);
        self.new_buffer(capacity, class)
    }

    /// A buffer from the system, whose bytes are counted as live already.
    #[cold]
    fn new_buffer(&self, capacity: usize, class: usize) -> Result<Arc<Buffer<E>>, Refused> {
        let (unused, crowded) = {
            let mut inner = self.lock();
            let unused = inner.beyond_bound();
            let Memory { live, pooled, .. } = inner.memory;
            (unused, live.saturating_add(pooled) > inner.limit)
        };
        // Freed outside the lock, and before memory is requested from the system.
        drop(unused);
        // Free buffers of other sizes count against the limit too: freeing them makes room for a
        // new one.
        if crowded {
            self.shrink();
        }
        let buffer = Buffer::new(capacity, class).or_else(|_| {
            self.shrink();
            Buffer::new(capacity, class)
        });
        if buffer.is_err() {
            self.lock().memory.live -= capacity * size_of::<E>();
        }
        buffer.map(Arc::new)
    }

    /// Sets the most bytes that the pool's tensors may take together.
    pub(crate) fn set_limit(&self, limit: Option<usize>) {
        self.lock().limit = limit.unwrap_or(usize::MAX);
    }

    /// Counts `len` elements of a result that is recorded but not computed yet against the limit.
    pub(crate) fn promise(&self, len: usize) -> Result<(), Refused> {
        let bytes = size_class(len).0 * size_of::<E>();
        let mut inner = self.lock();
        let promised = inner.promised + bytes;
        if inner.memory.live.saturating_add(promised) > inner.limit {
            return Err(Refused { bytes, limit: inner.limit });
        }
        inner.promised = promised;
        Ok(())
    }

    /// Ends a promise: the result has a buffer now, or is no longer needed.
    pub(crate) fn keep_promise(&self, len: usize) {
        self.lock().promised -= size_class(len).0 * size_of::<E>();
    }

    /// Takes back a buffer that no tensor uses any more.
    #[inline(never)]
    pub(super) fn give_back(&self, buffer: Arc<Buffer<E>>) {
        let bytes = buffer.data.len() * size_of::<E>();
        let mut inner = self.lock();
        inner.memory.live -= bytes;
        if !inner.closed {
            inner.memory.pooled += bytes;
            inner.free.give(buffer.class, buffer);
        }
    }

    /// Stops counting a buffer of this capacity, which is freed without being given back.
    #[inline(never)]
    pub(super) fn forget(&self, capacity: usize) {
        self.lock().memory.live -= capacity * size_of::<E>();
    }

    /// Ends a step, after the tape has released all values.
    #[inline(never)]
    pub(crate) fn end_step(&self) {
        let mut inner = self.lock();
        let Memory { live, peak, .. } = inner.memory;
        inner.earlier_peak = inner.earlier_peak.max(peak);
        let unused = inner.beyond_bound();
        inner.free.end_step(peak);
        inner.memory.peak = live;
        drop(inner);
        // Freed outside the lock.
        drop(unused);
    }

    /// Frees the free buffers, and all buffers that come back later.
    #[inline(never)]
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.shrink();
    }

    #[inline(never)]
    pub(crate) fn memory(&self) -> Memory {
        let inner = self.lock();
        Memory { peak: inner.memory.peak.max(inner.earlier_peak), ..inner.memory }
    }

    pub(crate) fn reset_peak(&self) {
        let mut inner = self.lock();
        inner.memory.peak = inner.memory.live;
        inner.earlier_peak = 0;
    }

    /// Returns the free buffers to the system.
    #[inline(never)]
    pub(crate) fn shrink(&self) {
        let free = {
            let mut inner = self.lock();
            inner.memory.pooled = 0;
            inner.free.take_all()
        };
        drop(free);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::storage::ALIGN;

    #[test]
    fn size_classes_are_ordered_and_waste_little() {
        let mut last = (0, 0);
        for len in 1..5_000 {
            let (capacity, class) = size_class(len);
            assert!(capacity >= len && (len < 16 || capacity * 8 <= len * 9), "{len}: {capacity}");
            assert_eq!(size_class(capacity), (capacity, class), "{len}");
            assert!(capacity >= last.0 && class >= last.1, "{len}");
            assert_eq!(capacity == last.0, last.0 != 0 && class == last.1, "{len}");
            last = (capacity, class);
        }
    }

    #[test]
    fn a_dropped_buffer_is_used_again_and_the_books_balance() {
        let pool = BufferPool::<f32>::default();
        let first = pool.take(1000).unwrap();
        let address = first.as_slice().as_ptr();
        assert_eq!(address.align_offset(ALIGN), 0);
        let bytes = first.as_slice().len() * 4;
        assert_eq!(pool.memory(), Memory { live: bytes, peak: bytes, pooled: 0 });
        let second = first.clone();
        drop(first);
        assert_eq!(pool.memory().live, bytes);
        drop(second);
        assert_eq!(pool.memory(), Memory { live: 0, peak: bytes, pooled: bytes });
        let third = pool.take(990).unwrap();
        assert_eq!(third.as_slice().as_ptr(), address);
        drop(third);
        pool.shrink();
        assert_eq!(pool.memory().pooled, 0);
    }

    #[test]
    fn a_buffer_may_outlive_its_pool_and_be_dropped_on_another_thread() {
        let pool = BufferPool::<f64>::default();
        let buffer = pool.take(10).unwrap();
        drop(pool);
        std::thread::spawn(move || assert_eq!(buffer.as_slice().len(), 16)).join().unwrap();
    }
}
