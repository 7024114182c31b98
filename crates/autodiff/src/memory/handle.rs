//! [`Handle`]: the reference of a tensor to its elements.

use std::sync::{Arc, Weak};

use wengert_kernels::Element;

use super::buffer::{Buffer, Deferred, release};
use super::pool::BufferPool;
use super::refused::Refused;
use super::storage::Storage;

/// The reference of a tensor to its elements.
///
/// A single element is stored in the handle itself: for chains of operations on single numbers, a
/// buffer with a reference count and a pool with a lock would dominate the cost. Otherwise the
/// handle is a counted reference to a buffer, and dropping the last one returns the buffer to its
/// pool.
#[derive(Clone, Debug)]
pub(crate) struct Handle<E: Element> {
    /// The element, if there is no buffer.
    single: Single<E>,
    buffer: Option<Arc<Buffer<E>>>,
}

/// An element that fills a word. In half a word, the element and its neighbour would be read in
/// pieces of other sizes than they were written in: a store-forwarding stall.
#[derive(Clone, Debug)]
#[repr(align(8))]
struct Single<E>([E; 1]);

impl<E: Element> Handle<E> {
    /// A buffer for `len` elements with unspecified contents, from `pool` if there is one.
    #[inline]
    pub(crate) fn new(len: usize, pool: Option<&BufferPool<E>>) -> Result<Self, Refused> {
        match pool {
            _ if len <= 1 => Ok(Self::stale_single()),
            Some(pool) => pool.take(len),
            None => Handle::unpooled(len),
        }
    }

    /// A buffer whose length does not depend on the size of the operands, from `pool` if there is
    /// one. The limit of the pool does not apply.
    ///
    /// # Panics
    /// If the system has no memory for it.
    pub(crate) fn scratch(len: usize, pool: Option<&BufferPool<E>>) -> Self {
        let handle = match pool {
            Some(pool) if len > 1 => Self::unlimited(len, pool),
            _ => Handle::new(len, None),
        };
        handle.unwrap_or_else(|refused| refused.panic(len))
    }

    /// A buffer for `len` elements that the pool has promised, to which its limit does not apply.
    pub(crate) fn unlimited(len: usize, pool: &BufferPool<E>) -> Result<Self, Refused> {
        pool.take_unlimited(len)
    }

    /// A buffer whose first `len` elements `f` has written, from `pool` if there is one.
    #[inline]
    pub(crate) fn written_by(
        len: usize,
        pool: Option<&BufferPool<E>>,
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
        Self::of_single(if cfg!(debug_assertions) { E::NAN } else { E::ZERO })
    }

    /// A buffer without a pool, with unspecified contents.
    fn unpooled(len: usize) -> Result<Self, Refused> {
        let mut buffer = Buffer::new(len, 0)?;
        if cfg!(debug_assertions) {
            buffer.data.fill(E::NAN);
        }
        Ok(Handle::of(Arc::new(buffer)))
    }

    #[inline]
    pub(super) fn of(buffer: Arc<Buffer<E>>) -> Self {
        Handle { single: Single([E::ZERO]), buffer: Some(buffer) }
    }

    /// A single element.
    #[inline]
    pub(crate) fn of_single(element: E) -> Self {
        Handle { single: Single([element]), buffer: None }
    }

    /// A handle for the elements of a vector, without a copy.
    pub(crate) fn adopt(data: Vec<E>) -> Self {
        match data[..] {
            [] => Self::stale_single(),
            [element] => Self::of_single(element),
            _ => {
                let data = Storage::Adopted(data);
                Handle::of(Arc::new(Buffer { data, class: 0, home: None, deferred: None }))
            }
        }
    }

    /// The adopted vector, if no other handle shares it; otherwise the handle.
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

    /// A handle for elements that a computation gives when they are first read.
    pub(crate) fn deferred_by(computation: Box<dyn Deferred<E>>) -> Self {
        let (data, deferred) = (Storage::empty(), Some(computation));
        let buffer = Buffer { data, class: 0, home: None, deferred };
        Handle::of(Arc::new(buffer))
    }

    /// The computation of the elements, if the handle was created for one.
    #[inline]
    pub(crate) fn deferred(&self) -> Option<&dyn Deferred<E>> {
        self.buffer.as_ref()?.deferred.as_deref()
    }

    /// A reference that does not keep the buffer in memory; `None` for a single element.
    pub(crate) fn downgrade(&self) -> Option<WeakHandle<E>> {
        self.buffer.as_ref().map(|buffer| WeakHandle(Arc::downgrade(buffer)))
    }

    /// The elements, unless they are pending.
    #[inline]
    pub(crate) fn computed(&self) -> Option<&[E]> {
        match &self.buffer {
            None => Some(&self.single.0),
            Some(buffer) if buffer.deferred.is_none() => Some(&buffer.data),
            Some(_) => None,
        }
    }

    /// Whether both handles refer to the same buffer.
    pub(crate) fn is_on(&self, other: &Self) -> bool {
        let buffers = self.buffer.as_ref().zip(other.buffer.as_ref());
        buffers.is_some_and(|(own, other)| Arc::ptr_eq(own, other))
    }

    /// Computes the elements if they are pending.
    #[inline]
    pub(crate) fn compute(&self) -> Result<(), Refused> {
        match self.deferred() {
            Some(deferred) if deferred.is_pending() => deferred.value().map(|_| ()),
            _ => Ok(()),
        }
    }

    /// Replaces a reference to a computation by one to its elements.
    pub(crate) fn settle(&mut self) -> Result<(), Refused> {
        if let Some(deferred) = self.deferred() {
            *self = deferred.value()?.clone();
        }
        Ok(())
    }

    /// The elements, if no other handle shares them.
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

    /// The element, if it is stored in the handle.
    #[inline]
    pub(crate) fn single(&self) -> Option<E> {
        self.buffer.is_none().then_some(self.single.0[0])
    }

    /// The pool the buffer came from.
    pub(crate) fn pool(&self) -> Option<&BufferPool<E>> {
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
            release(buffer);
        }
    }
}

/// A reference to a buffer that does not keep it in memory.
#[derive(Clone, Debug)]
pub(crate) struct WeakHandle<E: Element>(Weak<Buffer<E>>);

impl<E: Element> WeakHandle<E> {
    /// A handle of the buffer, if another handle still keeps the buffer in memory.
    pub(crate) fn upgrade(&self) -> Option<Handle<E>> {
        self.0.upgrade().map(Handle::of)
    }

    /// Whether a handle keeps the buffer in memory.
    pub(crate) fn is_alive(&self) -> bool {
        self.0.strong_count() > 0
    }

    /// Whether the reference is to the buffer of a handle.
    pub(crate) fn is_of(&self, handle: &Handle<E>) -> bool {
        let buffer = handle.buffer.as_ref();
        buffer.is_some_and(|buffer| std::ptr::eq(self.0.as_ptr(), Arc::as_ptr(buffer)))
    }
}
