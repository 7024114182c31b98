//! SIMD kernels on slices: slices in, slices out. No tensors, no tape.

pub mod activation;
mod element;
pub mod gemm;
pub mod math;
pub mod simd;
pub mod slices;
pub mod threads;

pub use element::Element;

#[cfg(feature = "count-allocations")]
mod allocations;
#[cfg(feature = "count-allocations")]
pub use allocations::CountingAllocator;
