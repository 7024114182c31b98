//! Layers, one per file, each with its config (its description for a builder) and its shape rule.
//!
//! | | |
//! |---|---|
//! | dense | [`Linear`], [`Bilinear`], [`Maxout`], [`Highway`], gates [`Glu`] and [`GatedLinear`] (`SwiGLU`, `GeGLU`, `ReGLU`) |
//! | activations | [`ActivationLayer`], [`PRelu`], [`CustomActivation`] |
//! | convolution | [`Conv`], [`ConvTranspose`], [`PaddedConv`], [`SeparableConv`], depthwise ([`Conv::depthwise`]) |
//! | pools | [`MaxPool2d`], [`AvgPool2d`], [`LpPool`], [`AdaptiveAvgPool2d`], [`AdaptiveMaxPool`], [`GlobalAvgPool`], [`GlobalMaxPool`] |
//! | size of images | [`Upsample`], [`PixelShuffle`], [`PixelUnshuffle`] |
//! | normalization | [`BatchNorm`], [`LayerNorm`], [`GroupNorm`], [`InstanceNorm`], [`RmsNorm`]; of weights [`WeightNorm`], [`SpectralNorm`] |
//! | regularization | [`Dropout`], [`ChannelDropout`], [`AlphaDropout`], [`StochasticDepth`] |
//! | tables | [`Embedding`] (also tied to the last layer), [`EmbeddingBag`] |
//! | recurrent | [`Rnn`], [`Lstm`], [`Gru`], and their steps [`RnnCell`], [`LstmCell`], [`GruCell`] |
//! | attention | [`MultiHeadAttention`] with [`AttentionMask`] and [`KeyValueCache`] |
//! | positions | [`SinusoidalEncoding`], [`LearnedEncoding`], [`Rotary`] |
//! | transformer | [`TransformerEncoderLayer`], [`TransformerDecoderLayer`], [`TransformerEncoder`], [`TransformerDecoder`] |
//! | composition | [`Sequential`], [`Residual`], [`Parallel`], [`Lambda`], [`Flatten`], [`Unflatten`] |

mod accessors;
mod activation;
mod affine;
mod attention;
mod batch_norm;
mod bilinear;
mod buffer;
mod builder;
mod config;
mod conv;
mod conv_transpose;
mod custom;
mod dropout;
mod embedding;
mod embedding_bag;
mod error;
mod flatten;
mod gated;
mod group_norm;
mod highway;
mod instance_norm;
mod lambda;
mod layer_norm;
mod linear;
mod maxout;
mod more_pools;
mod noise;
mod padded_conv;
mod parallel;
mod pool;
mod positional;
mod prelu;
mod random_stream;
mod recurrent;
mod residual;
mod rms_norm;
mod separable_conv;
mod sequential;
mod shape;
mod transformer;
mod unflatten;
mod upsample;
mod weighted;

pub use activation::ActivationLayer;
pub use attention::{
    AttentionMask, KeyValueCache, MultiHeadAttention, MultiHeadAttentionConfig, Rotary,
};
pub use batch_norm::{BatchNorm, BatchNorm1d, BatchNorm2d, BatchNormConfig};
pub use bilinear::{Bilinear, BilinearConfig};
pub use buffer::Buffer;
pub use builder::SequentialBuilder;
pub use config::LayerConfig;
pub use conv::{Conv, Conv1d, Conv2d, ConvConfig};
pub use conv_transpose::{ConvTranspose, ConvTranspose1d, ConvTranspose2d, ConvTransposeConfig};
pub use custom::CustomActivation;
pub use dropout::{Dropout, DropoutConfig};
pub use embedding::{Embedding, EmbeddingConfig};
pub use embedding_bag::{BagMode, EmbeddingBag, EmbeddingBagConfig};
pub use error::{BuildError, LayerError, LayerFault};
pub use flatten::Flatten;
pub use gated::{GatedLinear, GatedLinearConfig, Glu};
pub use group_norm::{GroupNorm, GroupNormConfig};
pub use highway::{Highway, HighwayConfig};
pub use instance_norm::{InstanceNorm, InstanceNormConfig};
pub use lambda::Lambda;
pub use layer_norm::{LayerNorm, LayerNormConfig};
pub use linear::{Linear, LinearConfig};
pub use maxout::{Maxout, MaxoutConfig};
pub use more_pools::{
    AdaptiveMaxPool, AdaptiveMaxPool1d, AdaptiveMaxPool2d, GlobalAvgPool, GlobalMaxPool, LpPool,
    LpPool1d, LpPool2d,
};
pub use noise::{
    AlphaDropout, AlphaDropoutConfig, ChannelDropout, ChannelDropoutConfig, StochasticDepth,
    StochasticDepthConfig,
};
pub use padded_conv::{
    PaddedConv, PaddedConv1d, PaddedConv2d, PaddedConvConfig, Padding, PaddingMode,
};
pub use parallel::{Parallel, ParallelConfig};
pub use pool::{AdaptiveAvgPool2d, AvgPool2d, MaxPool2d};
pub use positional::{
    LearnedEncoding, LearnedEncodingConfig, SinusoidalEncoding, SinusoidalEncodingConfig,
};
pub use prelu::{PRelu, PReluConfig};
pub use random_stream::RandomStream;
pub use recurrent::{
    Gates, Gru, GruCell, GruGates, Lstm, LstmCell, LstmGates, Recurrent, RecurrentCell,
    RecurrentCellConfig, RecurrentConfig, Rnn, RnnCell, SimpleGates,
};
pub use residual::{Residual, ResidualConfig};
pub use rms_norm::{RmsNorm, RmsNormConfig};
pub use separable_conv::{SeparableConv, SeparableConv1d, SeparableConv2d, SeparableConvConfig};
pub use sequential::Sequential;
pub use shape::SampleShape;
pub use transformer::{
    TransformerDecoder, TransformerDecoderConfig, TransformerDecoderLayer, TransformerEncoder,
    TransformerEncoderConfig, TransformerEncoderLayer, TransformerLayerConfig,
};
pub use unflatten::Unflatten;
pub use upsample::{PixelShuffle, PixelUnshuffle, Upsample, Upsample1d, Upsample2d};
pub use weighted::{SpectralNorm, SpectralNormConfig, WeightNorm, WeightNormConfig, Weighted};
