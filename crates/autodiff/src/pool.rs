//! Buffers that are used again: a tape's pool keeps what its tensors gave back.
//!
//! Large allocations are returned to the kernel by the system allocator and cost page faults when
//! they are asked for again; a pooled buffer does not. A buffer taken from a pool holds stale but
//! initialised floats (in builds with debug assertions: NaN, so that an operation that reads its
//! output before writing it is found).

use std::any::Any;
use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use wengert_kernels::Element;

use crate::free::FreeLists;
use crate::refused::Refused;
use crate::storage::Storage;

/// A set of free buffers, shared by cloning.
#[derive(Debug)]
pub(crate) struct Pool<E: Element>(Arc<Mutex<Inner<E>>>);

#[derive(Debug)]
struct Inner<E: Element> {
    free: FreeLists<Arc<Buffer<E>>>,
    /// The peak is that of the current step.
    memory: Memory,
    /// The most that was live in earlier steps since the last reset.
    earlier_peak: usize,
    /// Whether the tape that made the pool is gone: buffers that come back are freed.
    closed: bool,
    /// The bytes of results that are recorded and have no buffer yet, as far as a limit is set.
    promised: usize,
    /// The most bytes that may be live and promised; `usize::MAX` is no limit.
    limit: usize,
}

impl<E: Element> Inner<E> {
    /// Takes out the free buffers that are to be returned to the system because sizes vary from step to
    /// step.
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

/// The memory a tape's tensors take, in bytes. Tensors of a single element take none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Buffers in use by tensors.
    pub live: usize,
    /// The most that has been live at once since the last call of
    /// [`Tape::reset_peak`](crate::Tape::reset_peak).
    pub peak: usize,
    /// Free buffers kept to be used again. Where sizes vary from step to step, those that were used
    /// least recently are freed, so that live and pooled bytes together stay within twice the peak of
    /// recent steps. What one step uses is always kept for the next, and nothing once the tape is
    /// dropped.
    pub pooled: usize,
}

/// A block of elements at a cache line's boundary.
#[derive(Debug)]
pub(crate) struct Buffer<E: Element> {
    data: Storage<E>,
    /// The size class, in a pool.
    class: usize,
    /// The pool it returns to when the last handle is dropped. `None` while it lies in the pool.
    home: Option<Pool<E>>,
    /// In place of data: the computation of the elements.
    deferred: Option<Box<dyn Deferred<E>>>,
}

// A computation that panics leaves the buffer as it was: still to be computed.
impl<E: Element> UnwindSafe for Buffer<E> {}
impl<E: Element> RefUnwindSafe for Buffer<E> {}

/// The computation of a buffer's elements, which runs when they are first read.
pub(crate) trait Deferred<E: Element>: Any + Debug + Send + Sync {
    /// The elements, computed now if they are not yet and there is memory for them.
    fn value(&self) -> Result<&Handle<E>, Refused>;

    /// Whether the elements are not computed yet.
    fn is_pending(&self) -> bool;

    /// The number of elements.
    fn len(&self) -> usize;

    /// The pool that the elements' buffer comes from.
    fn pool(&self) -> Option<&Pool<E>>;
}

impl<E: Element> Clone for Pool<E> {
    fn clone(&self) -> Self {
        Pool(Arc::clone(&self.0))
    }
}

impl<E: Element> Default for Pool<E> {
    fn default() -> Self {
        let inner = Inner {
            free: FreeLists::default(),
            memory: Memory::default(),
            earlier_peak: 0,
            closed: false,
            promised: 0,
            limit: usize::MAX,
        };
        Pool(Arc::new(Mutex::new(inner)))
    }
}

/// The capacity of the size class for `len` elements, and the class's number. Eight classes an
/// octave: at most an eighth is wasted.
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

impl<E: Element> Pool<E> {
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner<E>> {
        // Nothing that can panic runs under the lock, so its state is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A buffer of at least `len` elements with unspecified contents.
    pub(crate) fn take(&self, len: usize) -> Result<Handle<E>, Refused> {
        self.take_written(len, |_| ())
    }

    /// A buffer whose first `len` elements `f` has written.
    #[inline]
    fn take_written(&self, len: usize, f: impl FnOnce(&mut [E])) -> Result<Handle<E>, Refused> {
        Ok(self.written(self.free_buffer(len, true)?, len, f))
    }

    /// The buffer with this pool as its home, its first `len` elements written by `f`.
    #[inline]
    fn written(
        &self,
        mut buffer: Arc<Buffer<E>>,
        len: usize,
        f: impl FnOnce(&mut [E]),
    ) -> Handle<E> {
        // Proof of being the only owner takes as long as many an operation on a few numbers.
        let unique = Arc::get_mut(&mut buffer).expect("a pooled buffer has one owner");
        unique.home = Some(self.clone());
        if cfg!(debug_assertions) {
            unique.data.fill(E::NAN);
        }
        f(&mut unique.data[..len]);
        Handle::of(buffer)
    }

    /// A buffer of at least `len` elements that has no owner yet. `limited` says whether the limit
    /// applies.
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
        // Freed without the lock, and before the system is asked for more.
        drop(unused);
        // Free buffers of other sizes count as well: they make room for a new one.
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

    /// Counts `len` elements of a result that is recorded and not computed yet against the limit.
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

    /// What was promised has a buffer, or is not wanted any more.
    pub(crate) fn keep_promise(&self, len: usize) {
        self.lock().promised -= size_class(len).0 * size_of::<E>();
    }

    fn give_back(&self, buffer: Arc<Buffer<E>>) {
        let bytes = buffer.data.len() * size_of::<E>();
        let mut inner = self.lock();
        inner.memory.live -= bytes;
        if !inner.closed {
            inner.memory.pooled += bytes;
            inner.free.give(buffer.class, buffer);
        }
    }

    /// Ends a step: the tape holds nothing any more.
    pub(crate) fn end_step(&self) {
        let mut inner = self.lock();
        let Memory { live, peak, .. } = inner.memory;
        inner.earlier_peak = inner.earlier_peak.max(peak);
        let unused = inner.beyond_bound();
        inner.free.end_step(peak);
        inner.memory.peak = live;
        drop(inner);
        // Freed without the lock.
        drop(unused);
    }

    /// Frees the free buffers, and from now on every buffer that comes back.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.shrink();
    }

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
    pub(crate) fn shrink(&self) {
        let free = {
            let mut inner = self.lock();
            inner.memory.pooled = 0;
            inner.free.take_all()
        };
        drop(free);
    }
}

impl<E: Element> Buffer<E> {
    fn new(capacity: usize, class: usize) -> Result<Self, Refused> {
        Ok(Buffer { data: Storage::zeros(capacity)?, class, home: None, deferred: None })
    }

    #[inline]
    fn as_slice(&self) -> &[E] {
        match &self.deferred {
            None => &self.data,
            Some(deferred) => computed(&**deferred),
        }
    }
}

/// The elements of a computation.
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
            home.lock().memory.live -= self.data.len() * size_of::<E>();
        }
    }
}

/// Where a tensor's elements are.
///
/// A single element lies in the handle itself: for chains of operations on single numbers a buffer
/// with an owner count and a pool with a lock would cost more than all else. Otherwise it is a
/// counted reference to a buffer, and dropping the last one returns the buffer to its pool.
#[derive(Clone, Debug)]
pub(crate) struct Handle<E: Element> {
    /// The element, where there is no buffer.
    single: Single<E>,
    buffer: Option<Arc<Buffer<E>>>,
}

/// An element that fills a word: in half of one, what lies beside it would be moved in pieces that
/// do not fit those it was written in, and wait for them.
#[derive(Clone, Debug)]
#[repr(align(8))]
struct Single<E>([E; 1]);

impl<E: Element> Handle<E> {
    /// Room for `len` elements with unspecified contents, from `pool` if there is one.
    #[inline]
    pub(crate) fn new(len: usize, pool: Option<&Pool<E>>) -> Result<Self, Refused> {
        match pool {
            _ if len <= 1 => Ok(Self::stale_single()),
            Some(pool) => pool.take(len),
            None => Handle::unpooled(len),
        }
    }

    /// Room for a number of elements that does not grow with the operands, from `pool` if there is
    /// one. The pool's limit does not apply.
    ///
    /// # Panics
    /// If the system has no memory even for that.
    pub(crate) fn scratch(len: usize, pool: Option<&Pool<E>>) -> Self {
        let handle = match pool {
            Some(pool) if len > 1 => Self::unlimited(len, pool),
            _ => Handle::new(len, None),
        };
        handle.unwrap_or_else(|refused| refused.panic(len))
    }

    /// Room for `len` elements that the pool has promised: its limit does not apply.
    pub(crate) fn unlimited(len: usize, pool: &Pool<E>) -> Result<Self, Refused> {
        Ok(pool.written(pool.free_buffer(len, false)?, len, |_| ()))
    }

    /// Room for `len` elements that `f` has written, from `pool` if there is one.
    #[inline]
    pub(crate) fn written_by(
        len: usize,
        pool: Option<&Pool<E>>,
        f: impl FnOnce(&mut [E]),
    ) -> Result<Self, Refused> {
        match pool {
            Some(pool) if len > 1 => pool.take_written(len, f),
            _ => {
                let mut handle = Handle::new(len, None)?;
                f(&mut handle.get_mut().expect("a new buffer has one owner")[..len]);
                Ok(handle)
            }
        }
    }

    /// A single element with unspecified contents.
    #[inline]
    pub(crate) fn stale_single() -> Self {
        let stale = if cfg!(debug_assertions) { E::NAN } else { E::ZERO };
        Handle { single: Single([stale]), buffer: None }
    }

    /// A buffer that belongs to no pool, with unspecified contents.
    fn unpooled(len: usize) -> Result<Self, Refused> {
        let mut buffer = Buffer::new(len, 0)?;
        if cfg!(debug_assertions) {
            buffer.data.fill(E::NAN);
        }
        Ok(Handle::of(Arc::new(buffer)))
    }

    #[inline]
    fn of(buffer: Arc<Buffer<E>>) -> Self {
        Handle { single: Single([E::ZERO]), buffer: Some(buffer) }
    }

    /// The elements of a vector, which is not copied.
    pub(crate) fn adopt(data: Vec<E>) -> Self {
        match data[..] {
            [] => Self::stale_single(),
            [element] => Handle { single: Single([element]), buffer: None },
            _ => {
                let data = Storage::Adopted(data);
                Handle::of(Arc::new(Buffer { data, class: 0, home: None, deferred: None }))
            }
        }
    }

    /// The adopted vector, if it is not shared; otherwise the handle again.
    pub(crate) fn into_adopted(mut self) -> Result<Vec<E>, Self> {
        if let Some(buffer) = self.buffer.as_mut().and_then(Arc::get_mut)
            && let Storage::Adopted(data) = &mut buffer.data
        {
            return Ok(std::mem::take(data));
        }
        Err(self)
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[E] {
        match &self.buffer {
            None => &self.single.0,
            Some(buffer) => buffer.as_slice(),
        }
    }

    /// Elements that a computation gives when they are first read.
    pub(crate) fn deferred_by(computation: Box<dyn Deferred<E>>) -> Self {
        let (data, deferred) = (Storage::empty(), Some(computation));
        let buffer = Buffer { data, class: 0, home: None, deferred };
        Handle::of(Arc::new(buffer))
    }

    /// The computation of the elements, if they were not computed when the handle was made.
    #[inline]
    pub(crate) fn deferred(&self) -> Option<&dyn Deferred<E>> {
        self.buffer.as_ref()?.deferred.as_deref()
    }

    /// A reference that does not keep the buffer in memory; `None` for a single element.
    pub(crate) fn downgrade(&self) -> Option<WeakHandle<E>> {
        self.buffer.as_ref().map(|buffer| WeakHandle(Arc::downgrade(buffer)))
    }

    /// The elements, if they are computed already.
    #[inline]
    pub(crate) fn computed(&self) -> Option<&[E]> {
        match &self.buffer {
            None => Some(&self.single.0),
            Some(buffer) if buffer.deferred.is_none() => Some(&buffer.data),
            Some(_) => None,
        }
    }

    /// Whether it refers to the same buffer as another.
    pub(crate) fn is_on(&self, other: &Self) -> bool {
        let buffers = self.buffer.as_ref().zip(other.buffer.as_ref());
        buffers.is_some_and(|(own, other)| Arc::ptr_eq(own, other))
    }

    /// Computes the elements if they are not computed yet.
    #[inline]
    pub(crate) fn compute(&self) -> Result<(), Refused> {
        match self.deferred() {
            Some(deferred) if deferred.is_pending() => deferred.value().map(|_| ()),
            _ => Ok(()),
        }
    }

    /// Holds the elements themselves, and not what computes them.
    pub(crate) fn settle(&mut self) -> Result<(), Refused> {
        if let Some(deferred) = self.deferred() {
            *self = deferred.value()?.clone();
        }
        Ok(())
    }

    /// The elements, if no other tensor shares them.
    #[inline]
    pub(crate) fn get_mut(&mut self) -> Option<&mut [E]> {
        match &mut self.buffer {
            None => Some(&mut self.single.0),
            Some(buffer) => Arc::get_mut(buffer)
                .filter(|buffer| buffer.deferred.is_none())
                .map(|buffer| &mut buffer.data[..]),
        }
    }

    #[inline]
    pub(crate) fn is_unique(&self) -> bool {
        self.buffer
            .as_ref()
            .is_none_or(|buffer| buffer.deferred.is_none() && Arc::strong_count(buffer) == 1)
    }

    /// The element, if it lies here.
    #[inline]
    pub(crate) fn single(&self) -> Option<E> {
        self.buffer.is_none().then_some(self.single.0[0])
    }

    /// The pool the buffer came from.
    pub(crate) fn pool(&self) -> Option<&Pool<E>> {
        let buffer = self.buffer.as_ref()?;
        match &buffer.deferred {
            None => buffer.home.as_ref(),
            Some(deferred) => deferred.pool(),
        }
    }
}

impl<E: Element> Drop for Handle<E> {
    #[inline]
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            let_go(buffer);
        }
    }
}

/// A reference to a buffer that does not keep it in memory.
#[derive(Clone, Debug)]
pub(crate) struct WeakHandle<E: Element>(Weak<Buffer<E>>);

impl<E: Element> WeakHandle<E> {
    /// The buffer, if a handle still keeps it in memory.
    pub(crate) fn upgrade(&self) -> Option<Handle<E>> {
        self.0.upgrade().map(Handle::of)
    }

    /// Whether a handle keeps the buffer in memory.
    pub(crate) fn is_alive(&self) -> bool {
        self.0.strong_count() > 0
    }

    /// Whether it refers to the buffer of a handle.
    pub(crate) fn is_of(&self, handle: &Handle<E>) -> bool {
        let buffer = handle.buffer.as_ref();
        buffer.is_some_and(|buffer| std::ptr::eq(self.0.as_ptr(), Arc::as_ptr(buffer)))
    }
}

/// Drops a reference to a buffer; the last one returns the buffer to its pool.
fn let_go<E: Element>(mut buffer: Arc<Buffer<E>>) {
    // With another owner left this is not the last reference. If two are dropped at the same moment
    // on two threads, neither may see itself as last; the buffer is then freed and not pooled.
    if Arc::strong_count(&buffer) == 1
        && let Some(unique) = Arc::get_mut(&mut buffer)
        && let Some(home) = unique.home.take()
    {
        home.give_back(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::ALIGN;

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
        let pool = Pool::<f32>::default();
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
        let pool = Pool::<f64>::default();
        let buffer = pool.take(10).unwrap();
        drop(pool);
        std::thread::spawn(move || assert_eq!(buffer.as_slice().len(), 16)).join().unwrap();
    }
}
