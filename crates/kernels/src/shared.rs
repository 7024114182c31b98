//! Pointers to slices that threads share.

use std::ops::Range;

/// A pointer to the output's elements that threads share; they write disjoint parts.
pub(crate) struct Shared<E>(*mut E);

impl<E> Clone for Shared<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Shared<E> {}

// SAFETY: `at` and `part` require that no two parts in use at once overlap, so that an element is
// used by one thread at a time, as if it had been sent there.
unsafe impl<E: Send> Send for Shared<E> {}

// SAFETY: the methods only compute pointers and disjoint parts; see `Send`.
unsafe impl<E: Send> Sync for Shared<E> {}

impl<E> Shared<E> {
    pub(crate) fn new(slice: &mut [E]) -> Self {
        Self(slice.as_mut_ptr())
    }

    /// The same memory, to be read.
    pub(crate) fn source(self) -> Source<E> {
        Source(self.0.cast_const())
    }

    /// The element at `index`.
    ///
    /// # Safety
    /// `index` must not be beyond the end of the slice this was made from, which must still be
    /// borrowed.
    pub(crate) unsafe fn at(self, index: usize) -> *mut E {
        // SAFETY: `index` is not beyond the end of the slice, by this function's contract.
        unsafe { self.0.add(index) }
    }

    /// The part of the slice in `range`.
    ///
    /// # Safety
    /// `range` must be within the slice this was made from, which must still be borrowed, and no
    /// two parts in use at once may overlap.
    pub(crate) unsafe fn part<'a>(self, range: Range<usize>) -> &'a mut [E] {
        // SAFETY: `range` lies within a slice that is still borrowed mutably, and no part in use
        // overlaps it, by this function's contract.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(range.start), range.len()) }
    }
}

/// An operand in memory.
pub(crate) struct Source<E>(*const E);

impl<E> Source<E> {
    pub(crate) fn new(slice: &[E]) -> Self {
        Self(slice.as_ptr())
    }

    /// An operand that begins at `ptr`; the functions that read it state what must be readable.
    pub(crate) fn at_ptr(ptr: *const E) -> Self {
        Self(ptr)
    }

    pub(crate) fn as_ptr(self) -> *const E {
        self.0
    }

    /// The slice from element `index` on.
    ///
    /// # Safety
    /// `index` must not be beyond the slice's end.
    pub(crate) unsafe fn from(self, index: usize) -> Self {
        // SAFETY: `index` is not beyond the slice's end, by this function's contract.
        Self(unsafe { self.0.add(index) })
    }
}

impl<E> Clone for Source<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Source<E> {}

// SAFETY: it is only read through, as a `&[E]` or, in place, as the part of the output the same
// thread writes.
unsafe impl<E: Sync> Send for Source<E> {}

// SAFETY: reading through copies on several threads is reading a `&[E]` on several threads.
unsafe impl<E: Sync> Sync for Source<E> {}
