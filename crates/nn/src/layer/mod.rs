//! Layers: one a file.

mod activation;
mod builder;
mod conv;
mod custom;
mod error;
mod flatten;
mod linear;
mod pool;
mod sample;
mod sequential;

pub use activation::ActivationLayer;
pub use builder::SequentialBuilder;
pub use conv::{Conv, Conv1d, Conv2d};
pub use custom::CustomActivation;
pub use error::{BuildError, LayerError};
pub use flatten::Flatten;
pub use linear::Linear;
pub use pool::{AdaptiveAvgPool2d, AvgPool2d, MaxPool2d};
pub use sequential::Sequential;
