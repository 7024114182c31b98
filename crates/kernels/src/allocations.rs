//! A global allocator that notes large allocations, for tests that a training step makes none.
//! Behind the feature `count-allocations`, which no library turns on.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system allocator, counting the allocations of a size and above.
#[derive(Debug)]
pub struct CountingAllocator {
    threshold: usize,
    large: AtomicUsize,
    largest: AtomicUsize,
}

impl CountingAllocator {
    /// Counts allocations of `threshold` bytes or more.
    pub const fn new(threshold: usize) -> Self {
        Self { threshold, large: AtomicUsize::new(0), largest: AtomicUsize::new(0) }
    }

    /// How many there were since the last call, and the size of the largest.
    pub fn take(&self) -> (usize, usize) {
        (self.large.swap(0, Ordering::Relaxed), self.largest.swap(0, Ordering::Relaxed))
    }

    fn note(&self, bytes: usize) {
        if bytes >= self.threshold {
            self.large.fetch_add(1, Ordering::Relaxed);
            self.largest.fetch_max(bytes, Ordering::Relaxed);
        }
    }
}

// SAFETY: every call is the system allocator's own, with the caller's arguments.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.note(layout.size());
        // SAFETY: the caller's promises are those the system allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.note(layout.size());
        // SAFETY: the caller's promises are those the system allocator asks for.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.note(size);
        // SAFETY: the caller's promises are those the system allocator asks for.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are those the system allocator asks for.
        unsafe { System.dealloc(block, layout) }
    }
}
