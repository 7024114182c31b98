//! SIMD kernels on slices: slices in, slices out. No tensors, no tape.

mod element;
pub mod simd;

pub use element::Element;
