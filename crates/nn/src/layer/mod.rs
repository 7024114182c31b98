//! Layers: one a file.

mod activation;
mod linear;
mod sequential;

pub use activation::ActivationLayer;
pub use linear::Linear;
pub use sequential::{BuildError, Sequential, SequentialBuilder};
