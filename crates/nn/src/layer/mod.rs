//! Layers: one a file.

mod accessors;
mod activation;
mod affine;
mod batch_norm;
mod buffer;
mod builder;
mod conv;
mod conv_transpose;
mod custom;
mod dropout;
mod embedding;
mod error;
mod flatten;
mod linear;
mod norm;
mod pool;
mod sample;
mod sequential;

pub use activation::ActivationLayer;
pub use batch_norm::{BatchNorm, BatchNorm1d, BatchNorm2d};
pub use buffer::Buffer;
pub use builder::SequentialBuilder;
pub use conv::{Conv, Conv1d, Conv2d};
pub use conv_transpose::{ConvTranspose, ConvTranspose1d, ConvTranspose2d};
pub use custom::CustomActivation;
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use error::{BuildError, LayerError};
pub use flatten::Flatten;
pub use linear::Linear;
pub use norm::{GroupNorm, LayerNorm, RmsNorm};
pub use pool::{AdaptiveAvgPool2d, AvgPool2d, MaxPool2d};
pub use sequential::Sequential;
