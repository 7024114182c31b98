//! What [`crew`](super::crew) is built from. `tests/crew.rs` has loom's types in its place.

use std::hint;
pub(super) use std::sync::atomic::{AtomicUsize, Ordering};
pub(super) use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

pub(super) use super::calls::call;

/// The turns of waiting for the last pieces before the caller sleeps: some 100 microseconds.
const PATIENCE: u32 = 2_000;

/// Waits for the condition for a moment.
pub(super) fn spin_until(condition: impl Fn() -> bool) {
    let mut turns = 0;
    while turns < PATIENCE && !condition() {
        turns += 1;
        hint::spin_loop();
    }
}
