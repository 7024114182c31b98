//! The memory of tensors: buffers, the handles that tensors hold on them, and the pool that a tape
//! keeps free buffers in.

mod buffer;
mod free;
mod handle;
mod pool;
mod refused;
mod storage;

pub(crate) use buffer::Deferred;
pub(crate) use handle::{Handle, WeakHandle};
pub(crate) use pool::BufferPool;
pub use pool::Memory;
pub(crate) use refused::{Refused, try_vec};
