//! Transformer blocks: [`TransformerEncoderLayer`], [`TransformerDecoderLayer`], and stacks of
//! them.

mod block;
mod decoder;
mod encoder;
mod stack;

pub use block::TransformerLayerConfig;
pub use decoder::TransformerDecoderLayer;
pub use encoder::TransformerEncoderLayer;
pub use stack::{
    TransformerDecoder, TransformerDecoderConfig, TransformerEncoder, TransformerEncoderConfig,
};
