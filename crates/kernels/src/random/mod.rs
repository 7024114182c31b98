//! Random fills that give the same numbers on every SIMD level and any number of threads.
//!
//! The generator is counter-based (Philox 4x32-10, see [`Stream`]): an element's number depends on
//! the stream and on the element's position alone, so threads need no state. What follows uses
//! nothing but operations that are rounded the same everywhere, and no fused multiply-add; so the
//! bits are the same, not only the distribution.
//!
//! Not for cryptography.

pub(crate) mod kernels;
mod philox;
mod stream;
mod transform;

use crate::Element;
pub use stream::Stream;

/// Fills `out` with numbers uniform in `[low, high)`.
///
/// `low + (high - low) u` with `u` a multiple of `2^-24` (`f32`) or `2^-52` (`f64`); a sum that
/// rounds to `high` gives the number before it.
///
/// # Panics
/// Unless `low < high` and `high - low` is finite.
#[track_caller]
pub fn fill_uniform<E: Element>(stream: Stream, low: E, high: E, out: &mut [E]) {
    E::uniform_kernel(stream, low, high, out);
}
