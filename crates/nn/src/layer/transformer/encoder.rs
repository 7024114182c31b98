//! [`TransformerEncoderLayer`]: self-attention and two linear layers, each with a residual branch.

use rand::Rng;
use wengert_autodiff::{Element, Result, Var};

use super::TransformerLayerConfig;
use super::block::{FeedForward, residual};
use crate::forward::Layer;
use crate::layer::{
    AttentionMask, Dropout, KeyValueCache, LayerError, LayerNorm, MultiHeadAttention,
};
use crate::module::Module;

/// A block of a transformer encoder, or with a causal mask of a language model: self-attention,
/// then two linear layers on each element, each added to its input, with layer normalization after
/// the sum, or first.
///
/// Source: A. Vaswani et al., "Attention is all you need", arXiv:1706.03762, 2017.
///
/// ```
/// use wengert_autodiff::{Activation, Tensor};
/// use wengert_nn::{Layer, TransformerEncoderLayer};
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let block = TransformerEncoderLayer::config(8, 2)
///     .feedforward(32)
///     .activation(Activation::Gelu)
///     .norm_first()
///     .causal()
///     .build(&mut rng)?;
/// assert_eq!(block.predict(&Tensor::<f32>::ones([3, 5, 8])).shape().dims(), [3, 5, 8]);
/// # Ok::<(), wengert_nn::LayerError>(())
/// ```
///
/// # Shapes
/// `[batch, time, embed]`; the output has the input's shape.
#[derive(Clone, Debug, Module)]
pub struct TransformerEncoderLayer<E: Element = f32> {
    self_attn: MultiHeadAttention<E>,
    #[module(flatten)]
    feed_forward: FeedForward<E>,
    norm1: LayerNorm<E>,
    norm2: LayerNorm<E>,
    dropout1: Dropout,
    dropout2: Dropout,
    norm_first: bool,
    causal: bool,
}

impl TransformerEncoderLayer {
    /// The config of a block of `heads` heads over `embed` features.
    pub fn config(embed: usize, heads: usize) -> TransformerLayerConfig<Self> {
        TransformerLayerConfig::new(embed, heads)
    }
}

impl<E: Element> TransformerEncoderLayer<E> {
    pub(super) fn new<L>(
        config: &TransformerLayerConfig<L>,
        rng: &mut impl Rng,
    ) -> Result<Self, LayerError> {
        Ok(Self {
            self_attn: config.attention().build(rng)?,
            feed_forward: config.feed_forward(rng)?,
            norm1: config.norm()?,
            norm2: config.norm()?,
            dropout1: config.drop(rng)?,
            dropout2: config.drop(rng)?,
            norm_first: config.is_norm_first(),
            causal: config.is_causal(),
        })
    }

    /// The mask that the block uses as a [`Layer`].
    pub(super) fn mask(&self) -> AttentionMask {
        let mask = AttentionMask::new();
        if self.causal { mask.causal() } else { mask }
    }

    /// Computes the block with a mask for self-attention.
    ///
    /// # Errors
    /// If `x` is not `[batch, time, embed]`, or a mask has another shape.
    pub fn run<'t>(&self, x: Var<'t, E>, mask: &AttentionMask) -> Result<Var<'t, E>> {
        self.with(x, |x| self.self_attn.self_attend(x, mask))
    }

    /// Computes the block for further elements of a sequence, causally: incremental inference. See
    /// [`MultiHeadAttention::attend_cached`].
    ///
    /// # Errors
    /// If `x` is not `[batch, new, embed]` with the cache's batch.
    pub fn run_cached<'t>(
        &self,
        x: Var<'t, E>,
        cache: &mut KeyValueCache<E>,
    ) -> Result<Var<'t, E>> {
        self.with(x, |x| self.self_attn.attend_cached(x, cache, &AttentionMask::new()))
    }

    fn with<'t>(
        &self,
        x: Var<'t, E>,
        attend: impl FnOnce(Var<'t, E>) -> Result<Var<'t, E>>,
    ) -> Result<Var<'t, E>> {
        let x = residual(x, &self.norm1, &self.dropout1, self.norm_first, attend)?;
        let linear = |x| self.feed_forward.run(x);
        residual(x, &self.norm2, &self.dropout2, self.norm_first, linear)
    }
}

impl<E: Element> Layer<E> for TransformerEncoderLayer<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        self.run(x, &self.mask())
    }
}
