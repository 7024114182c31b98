//! [`TransformerDecoderLayer`]: a block that also reads from an encoder's outputs.

use rand::Rng;
use wengert_autodiff::{Element, Result, Var};

use super::TransformerLayerConfig;
use super::block::{FeedForward, residual};
use crate::layer::{
    AttentionMask, Dropout, KeyValueCache, LayerError, LayerNorm, MultiHeadAttention,
};
use crate::module::Module;

/// A block of a transformer decoder: self-attention, attention to the outputs of an encoder (the
/// memory), then two linear layers on each element, each added to its input, with layer
/// normalization after the sum, or first.
///
/// Source: A. Vaswani et al., "Attention is all you need", arXiv:1706.03762, 2017.
///
/// ```
/// use wengert_autodiff::{Tape, Tensor};
/// use wengert_nn::{AttentionMask, TransformerDecoderLayer};
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let block = TransformerDecoderLayer::config(8, 2).feedforward(32).build(&mut rng)?;
/// let tape = Tape::new();
/// let [x, memory] = [5, 7].map(|time| tape.constant(&Tensor::<f32>::ones([3, time, 8])));
/// let y = block.run(x, memory, &AttentionMask::new().causal(), &AttentionMask::new())?;
/// assert_eq!(y.shape(), [3, 5, 8]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Shapes
/// `x` is `[batch, time, embed]`, the memory `[batch, keys, embed]`; the output has the shape of
/// `x`.
#[derive(Clone, Debug, Module)]
pub struct TransformerDecoderLayer<E: Element = f32> {
    self_attn: MultiHeadAttention<E>,
    multihead_attn: MultiHeadAttention<E>,
    #[module(flatten)]
    feed_forward: FeedForward<E>,
    norm1: LayerNorm<E>,
    norm2: LayerNorm<E>,
    norm3: LayerNorm<E>,
    dropout1: Dropout,
    dropout2: Dropout,
    dropout3: Dropout,
    norm_first: bool,
}

impl TransformerDecoderLayer {
    /// The config of a block of `heads` heads over `embed` features.
    pub fn config(embed: usize, heads: usize) -> TransformerLayerConfig<Self> {
        TransformerLayerConfig::new(embed, heads)
    }
}

impl<E: Element> TransformerDecoderLayer<E> {
    pub(super) fn new<L>(
        config: &TransformerLayerConfig<L>,
        rng: &mut impl Rng,
    ) -> Result<Self, LayerError> {
        Ok(Self {
            self_attn: config.attention().build(rng)?,
            // Positions in different sequences cannot be compared, so this attention is not rotary.
            multihead_attn: config.attention().without_rotary().build(rng)?,
            feed_forward: config.feed_forward(rng)?,
            norm1: config.norm()?,
            norm2: config.norm()?,
            norm3: config.norm()?,
            dropout1: config.drop(rng)?,
            dropout2: config.drop(rng)?,
            dropout3: config.drop(rng)?,
            norm_first: config.is_norm_first(),
        })
    }

    /// Computes the block with a mask for self-attention, usually a causal one, and one for the
    /// memory.
    ///
    /// # Errors
    /// If the shapes are not those of the layer, or a mask has another shape.
    pub fn run<'t>(
        &self,
        x: Var<'t, E>,
        memory: Var<'t, E>,
        mask: &AttentionMask,
        memory_mask: &AttentionMask,
    ) -> Result<Var<'t, E>> {
        self.with(x, memory, memory_mask, |x| self.self_attn.self_attend(x, mask))
    }

    /// Computes the block for further elements of a sequence, causally: incremental inference. See
    /// [`MultiHeadAttention::attend_cached`].
    ///
    /// # Errors
    /// If the shapes are not those of the layer and the cache, or the mask has another shape.
    pub fn run_cached<'t>(
        &self,
        x: Var<'t, E>,
        memory: Var<'t, E>,
        cache: &mut KeyValueCache<E>,
        memory_mask: &AttentionMask,
    ) -> Result<Var<'t, E>> {
        let own = AttentionMask::new();
        self.with(x, memory, memory_mask, |x| self.self_attn.attend_cached(x, cache, &own))
    }

    fn with<'t>(
        &self,
        x: Var<'t, E>,
        memory: Var<'t, E>,
        memory_mask: &AttentionMask,
        attend: impl FnOnce(Var<'t, E>) -> Result<Var<'t, E>>,
    ) -> Result<Var<'t, E>> {
        let first = self.norm_first;
        let x = residual(x, &self.norm1, &self.dropout1, first, attend)?;
        let read = |x| self.multihead_attn.attend(x, memory, memory, memory_mask);
        let x = residual(x, &self.norm2, &self.dropout2, first, read)?;
        residual(x, &self.norm3, &self.dropout3, first, |x| self.feed_forward.run(x))
    }
}
