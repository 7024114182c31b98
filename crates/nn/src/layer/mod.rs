//! Layers: one a file.

mod activation;
mod custom;
mod linear;
mod sequential;

pub use activation::ActivationLayer;
pub use custom::CustomActivation;
pub use linear::Linear;
pub use sequential::{BuildError, Sequential, SequentialBuilder};
