//! Packing scratch: a few aligned buffers a thread, grown as needed and used again.

use std::cell::Cell;

use aligned_vec::{AVec, ConstAlign};

use crate::Float;

/// The alignment of scratch: a cache line, and the widest vector.
pub(crate) const ALIGN: usize = 64;

type Buffer = AVec<f64, ConstAlign<ALIGN>>;

/// So many loans that are out at once keep their buffers.
const SLOTS: usize = 4;

thread_local! {
    static LOANS: Cell<usize> = const { Cell::new(0) };
    static BUFFERS: [Cell<Option<Buffer>>; SLOTS] = const { [const { Cell::new(None) }; SLOTS] };
}

/// A buffer lent by the thread. Loans nest: one made while another is out gets the buffer its
/// predecessors at that depth had, so that a kernel called again finds every buffer grown.
pub(crate) struct Scratch {
    buffer: Buffer,
    depth: usize,
}

impl Scratch {
    /// Borrows a buffer of the thread.
    pub(crate) fn take() -> Self {
        let depth = LOANS.replace(LOANS.get() + 1);
        let buffer = BUFFERS.with(|slots| slots.get(depth).and_then(Cell::take));
        Scratch { buffer: buffer.unwrap_or_else(|| AVec::new(ALIGN)), depth }
    }

    /// `len` initialised elements of unspecified value, aligned to [`ALIGN`].
    ///
    /// # Panics
    /// If the system has no memory for them.
    #[inline]
    pub(crate) fn get<E: Float>(&mut self, len: usize) -> *mut E {
        const { assert!(size_of::<f64>().is_multiple_of(size_of::<E>())) };
        let needed = len.div_ceil(size_of::<f64>() / size_of::<E>());
        if self.buffer.len() < needed {
            self.grow(needed);
        }
        self.buffer.as_mut_ptr().cast()
    }

    #[cold]
    fn grow(&mut self, needed: usize) {
        if self.buffer.try_reserve(needed - self.buffer.len()).is_err() {
            let bytes = needed.saturating_mul(size_of::<f64>());
            panic!("a kernel's scratch needs {bytes} bytes, more than the system gives");
        }
        self.buffer.resize(needed, 0.0);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mine = std::mem::replace(&mut self.buffer, AVec::new(ALIGN));
        LOANS.set(self.depth);
        // The thread may be winding down; then there is nowhere to keep the buffer.
        let _ = BUFFERS.try_with(|slots| slots.get(self.depth).map(|slot| slot.set(Some(mine))));
    }
}
