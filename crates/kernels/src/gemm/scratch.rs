//! Packing scratch: one aligned buffer a thread, grown as needed and used again.

use std::cell::Cell;

use aligned_vec::{AVec, ConstAlign};

use crate::Element;

/// The alignment of scratch: a cache line, and the widest vector.
pub(super) const ALIGN: usize = 64;

type Buffer = AVec<f64, ConstAlign<ALIGN>>;

thread_local! {
    static BUFFER: Cell<Option<Buffer>> = const { Cell::new(None) };
}

/// A buffer lent by the thread. A second loan while the first is out (a waiting worker may be
/// given another product) makes its own buffer; the larger of two returned ones is kept.
pub(super) struct Scratch {
    buffer: Buffer,
}

impl Scratch {
    /// Borrows the thread's buffer.
    pub(super) fn take() -> Self {
        let buffer = BUFFER.take().unwrap_or_else(|| AVec::new(ALIGN));
        Scratch { buffer }
    }

    /// `len` initialised elements of unspecified value, aligned to [`ALIGN`].
    pub(super) fn get<E: Element>(&mut self, len: usize) -> *mut E {
        const { assert!(size_of::<f64>().is_multiple_of(size_of::<E>())) };
        let needed = len.div_ceil(size_of::<f64>() / size_of::<E>());
        if self.buffer.len() < needed {
            self.buffer.resize(needed, 0.0);
        }
        self.buffer.as_mut_ptr().cast()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mine = std::mem::replace(&mut self.buffer, AVec::new(ALIGN));
        // The thread may be winding down; then there is nowhere to keep the buffer.
        let _ = BUFFER.try_with(|slot| match slot.take() {
            Some(other) if other.len() > mine.len() => slot.set(Some(other)),
            _ => slot.set(Some(mine)),
        });
    }
}
