//! Layers, one per file, each with its config (its description for a builder) and its shape rule.

mod accessors;
mod activation;
mod affine;
mod attention;
mod batch_norm;
mod buffer;
mod builder;
mod config;
mod conv;
mod conv_transpose;
mod custom;
mod dropout;
mod embedding;
mod error;
mod flatten;
mod group_norm;
mod layer_norm;
mod linear;
mod pool;
mod positional;
mod random_stream;
mod recurrent;
mod rms_norm;
mod sequential;
mod shape;
mod transformer;

pub use activation::ActivationLayer;
pub use attention::{
    AttentionMask, KeyValueCache, MultiHeadAttention, MultiHeadAttentionConfig, Rotary,
};
pub use batch_norm::{BatchNorm, BatchNorm1d, BatchNorm2d, BatchNormConfig};
pub use buffer::Buffer;
pub use builder::SequentialBuilder;
pub use config::LayerConfig;
pub use conv::{Conv, Conv1d, Conv2d, ConvConfig};
pub use conv_transpose::{ConvTranspose, ConvTranspose1d, ConvTranspose2d, ConvTransposeConfig};
pub use custom::CustomActivation;
pub use dropout::{Dropout, DropoutConfig};
pub use embedding::{Embedding, EmbeddingConfig};
pub use error::{BuildError, LayerError, LayerFault};
pub use flatten::Flatten;
pub use group_norm::{GroupNorm, GroupNormConfig};
pub use layer_norm::{LayerNorm, LayerNormConfig};
pub use linear::{Linear, LinearConfig};
pub use pool::{AdaptiveAvgPool2d, AvgPool2d, MaxPool2d};
pub use positional::{
    LearnedEncoding, LearnedEncodingConfig, SinusoidalEncoding, SinusoidalEncodingConfig,
};
pub use random_stream::RandomStream;
pub use recurrent::{
    Gates, Gru, GruCell, GruGates, Lstm, LstmCell, LstmGates, Recurrent, RecurrentCell,
    RecurrentCellConfig, RecurrentConfig, Rnn, RnnCell, SimpleGates,
};
pub use rms_norm::{RmsNorm, RmsNormConfig};
pub use sequential::Sequential;
pub use shape::SampleShape;
pub use transformer::{
    TransformerDecoder, TransformerDecoderConfig, TransformerDecoderLayer, TransformerEncoder,
    TransformerEncoderConfig, TransformerEncoderLayer, TransformerLayerConfig,
};
