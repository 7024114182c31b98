//! SIMD kernels on slices: slices in, slices out. No tensors, no tape.
//!
//! # Determinism
//!
//! Within one SIMD level a kernel's results have the same bits on every run, for any number of
//! threads and wherever the operands lie in memory. Sign and payload of a NaN are not part of that:
//! where a result is NaN it is NaN always, but which NaN the compiler and the processor choose.
//!
//! # Sizes
//!
//! Any sizes, strides and slices may be given, in release builds too: a kernel computes the right
//! result or refuses with a panic or an error that names what was given.
//!
//! [`accuracy`] is the table of the worst errors of the elementary functions.

#[doc = include_str!("../ACCURACY.md")]
pub mod accuracy {}
pub mod activation;
pub mod chain;
pub mod conv;
mod element;
pub mod elementwise;
mod extended;
mod family;
mod float;
pub mod gemm;
pub mod layout;
mod line;
pub mod math;
pub mod norm;
pub mod optim;
pub mod pool;
pub mod random;
pub mod reduce;
pub mod scan;
mod shared;
pub mod simd;
pub mod slices;
pub mod softmax;
#[doc(hidden)]
pub mod testing;
pub mod threads;
mod vectors;
pub mod window;

pub use element::Element;
#[doc(hidden)]
pub use extended::Extended;
pub use float::Float;

#[cfg(feature = "count-allocations")]
mod allocations;
#[cfg(feature = "count-allocations")]
pub use allocations::CountingAllocator;
