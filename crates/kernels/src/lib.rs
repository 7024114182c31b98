//! SIMD kernels on slices: slices in, slices out. No tensors, no tape.

mod element;
pub mod simd;

pub use element::Element;

#[cfg(feature = "count-allocations")]
mod allocations;
#[cfg(feature = "count-allocations")]
pub use allocations::CountingAllocator;
