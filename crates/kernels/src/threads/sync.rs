//! What [`crew`](super::crew) is built from. `tests/crew.rs` has loom's types in its place.

pub(super) use std::hint::spin_loop;
pub(super) use std::sync::atomic::{AtomicUsize, Ordering};
pub(super) use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

pub(super) use super::calls::call;

/// The turns of waiting for the last pieces before the caller sleeps: some 100 microseconds.
pub(super) const PATIENCE: u32 = 2_000;
