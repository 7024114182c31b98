//! Lanes, tokens and levels: the one place that knows about instruction sets.
//!
//! A kernel is written once, generic over a [`Simd`] token, as a [`Kernel`], and handed to
//! [`dispatch`], which runs it on the current [`Level`]. A token is a zero-sized *witness*: it can
//! only be constructed where the CPU has the level's features, so holding one (or a vector made
//! from one) proves that the CPU has the instructions of the lane operations.
//!
//! What does not belong here: any mathematics. Functions live in the module of their family.
//!
//! # How the instructions get in
//!
//! Lane operations are `#[inline(always)]` and call `core::arch` intrinsics. They become single
//! instructions once inlined into a function that carries the matching `#[target_feature]`; that
//! function is [`Simd::vectorize`]'s inner one. A kernel's `run` and all it calls on vectors must
//! therefore be `#[inline(always)]` too, and must not pass vectors through closures.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod lanes;
mod level;
mod portable;
mod run;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::Avx512;
pub use lanes::{Kernel, Lanes, Lookup, MAX_LANES, Mask, Simd};
pub use level::{Level, LevelError, with_level};
pub use portable::Portable;
pub use run::dispatch;
pub(crate) use run::run_on;
