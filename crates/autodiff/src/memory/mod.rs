//! The memory of tensors: buffers, the handles with which tensors refer to them, and the pool in
//! which a tape keeps free buffers.

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
