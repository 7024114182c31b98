//! SIMD kernels on slices: slices in, slices out. No tensors, no tape.

pub mod activation;
mod element;
pub mod elementwise;
pub mod gemm;
pub mod layout;
pub mod math;
pub mod optim;
pub mod reduce;
pub mod simd;
pub mod slices;
pub mod softmax;
#[doc(hidden)]
pub mod testing;
pub mod threads;

pub use element::Element;

#[cfg(feature = "count-allocations")]
mod allocations;
#[cfg(feature = "count-allocations")]
pub use allocations::CountingAllocator;
