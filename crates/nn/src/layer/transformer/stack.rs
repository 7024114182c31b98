//! [`TransformerEncoder`] and [`TransformerDecoder`]: stacks of blocks.

use rand::Rng;
use wengert_autodiff::{Element, Error, Result, Var};

use super::{TransformerDecoderLayer, TransformerEncoderLayer, TransformerLayerConfig};
use crate::forward::Layer;
use crate::layer::{AttentionMask, KeyValueCache, LayerConfig, LayerError, LayerNorm, SampleShape};
use crate::module::Module;

/// A stack of [`TransformerEncoderLayer`]s, with layer normalization after the last block if the
/// config has [`norm`](TransformerEncoderConfig::norm).
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::{Layer, TransformerEncoder, TransformerEncoderLayer};
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let block = TransformerEncoderLayer::config(8, 2).feedforward(32).norm_first();
/// let encoder = TransformerEncoder::config(block, 2).norm().build(&mut rng)?;
/// assert_eq!(encoder.predict(&Tensor::<f32>::ones([3, 5, 8])).shape().dims(), [3, 5, 8]);
/// # Ok::<(), wengert_nn::LayerError>(())
/// ```
///
/// # Shapes
/// `[batch, time, embed]`; the output has the input's shape.
#[derive(Clone, Debug, Module)]
pub struct TransformerEncoder<E: Element = f32> {
    layers: Vec<TransformerEncoderLayer<E>>,
    norm: Option<LayerNorm<E>>,
}

/// A stack of [`TransformerDecoderLayer`]s, with layer normalization after the last block if the
/// config has [`norm`](TransformerDecoderConfig::norm).
///
/// # Shapes
/// `x` is `[batch, time, embed]`, the memory `[batch, keys, embed]`; the output has the shape of
/// `x`.
#[derive(Clone, Debug, Module)]
pub struct TransformerDecoder<E: Element = f32> {
    layers: Vec<TransformerDecoderLayer<E>>,
    norm: Option<LayerNorm<E>>,
}

/// Returns an error unless there is one cache for each layer.
fn check_caches<E: Element>(layers: usize, caches: &[KeyValueCache<E>]) -> Result<()> {
    if caches.len() == layers {
        return Ok(());
    }
    let message = format!("needs one cache for each of the {layers} layers, got {}", caches.len());
    Err(Error::Argument { op: "transformer", message })
}

fn normed<'t, E: Element>(norm: Option<&LayerNorm<E>>, x: Var<'t, E>) -> Result<Var<'t, E>> {
    norm.map_or(Ok(x), |norm| norm.try_forward(x))
}

impl TransformerEncoder {
    /// The config of `layers` blocks with separate weights.
    pub fn config(
        layer: TransformerLayerConfig<TransformerEncoderLayer>,
        layers: usize,
    ) -> TransformerEncoderConfig {
        TransformerEncoderConfig { layer, layers, norm: false }
    }
}

impl<E: Element> TransformerEncoder<E> {
    /// Computes the outputs with a mask that all blocks use.
    ///
    /// # Errors
    /// If `x` is not `[batch, time, embed]`, or a mask has another shape.
    pub fn run<'t>(&self, x: Var<'t, E>, mask: &AttentionMask) -> Result<Var<'t, E>> {
        let y = self.layers.iter().try_fold(x, |x, layer| layer.run(x, mask))?;
        normed(self.norm.as_ref(), y)
    }

    /// Creates empty caches for [`run_cached`](Self::run_cached), one for each layer.
    pub fn caches(&self) -> Vec<KeyValueCache<E>> {
        vec![KeyValueCache::new(); self.layers.len()]
    }

    /// Computes the outputs for further elements of a sequence, causally: incremental inference.
    /// See [`MultiHeadAttention::attend_cached`](crate::MultiHeadAttention::attend_cached).
    ///
    /// # Errors
    /// If `x` is not `[batch, new, embed]` with the caches' batch, or the number of caches is not
    /// that of the layers.
    pub fn run_cached<'t>(
        &self,
        x: Var<'t, E>,
        caches: &mut [KeyValueCache<E>],
    ) -> Result<Var<'t, E>> {
        check_caches(self.layers.len(), caches)?;
        let mut layers = self.layers.iter().zip(caches);
        let y = layers.try_fold(x, |x, (layer, cache)| layer.run_cached(x, cache))?;
        normed(self.norm.as_ref(), y)
    }
}

impl<E: Element> Layer<E> for TransformerEncoder<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let y = self.layers.iter().enumerate().try_fold(x, |x, (i, layer)| {
            layer.try_forward(x).map_err(|error| error.in_layer(&format!("layers.{i}")))
        })?;
        normed(self.norm.as_ref(), y)
    }
}

/// Describes a [`TransformerEncoder`].
#[derive(Clone, Debug)]
pub struct TransformerEncoderConfig {
    layer: TransformerLayerConfig<TransformerEncoderLayer>,
    layers: usize,
    norm: bool,
}

impl TransformerEncoderConfig {
    /// Adds layer normalization after the last block, which pre-norm blocks need.
    pub fn norm(self) -> Self {
        Self { norm: true, ..self }
    }

    /// Builds the stack, with weights drawn from `rng`.
    ///
    /// # Errors
    /// Those of [`TransformerLayerConfig::build`].
    pub fn build<E: Element>(
        &self,
        rng: &mut impl Rng,
    ) -> Result<TransformerEncoder<E>, LayerError> {
        let layers = (0..self.layers).map(|_| self.layer.build(rng)).collect::<Result<_, _>>()?;
        Ok(TransformerEncoder { layers, norm: norm_of(&self.layer, self.norm)? })
    }
}

fn norm_of<L, E: Element>(
    layer: &TransformerLayerConfig<L>,
    norm: bool,
) -> Result<Option<LayerNorm<E>>> {
    norm.then(|| layer.norm()).transpose()
}

impl<E: Element> LayerConfig<E> for TransformerEncoderConfig {
    type Layer = TransformerEncoder<E>;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        input.sequence(self.layer.embed(), self.layer.embed())
    }

    fn build(&self, mut rng: &mut dyn Rng) -> Result<TransformerEncoder<E>, LayerError> {
        self.build(&mut rng)
    }
}

impl TransformerDecoder {
    /// The config of `layers` blocks with separate weights.
    pub fn config(
        layer: TransformerLayerConfig<TransformerDecoderLayer>,
        layers: usize,
    ) -> TransformerDecoderConfig {
        TransformerDecoderConfig { layer, layers, norm: false }
    }
}

impl<E: Element> TransformerDecoder<E> {
    /// Computes the outputs with a mask for self-attention, usually a causal one, and one for the
    /// memory.
    ///
    /// # Errors
    /// If the shapes are not those of the layers, or a mask has another shape.
    pub fn run<'t>(
        &self,
        x: Var<'t, E>,
        memory: Var<'t, E>,
        mask: &AttentionMask,
        memory_mask: &AttentionMask,
    ) -> Result<Var<'t, E>> {
        let step = |x, layer: &TransformerDecoderLayer<E>| layer.run(x, memory, mask, memory_mask);
        normed(self.norm.as_ref(), self.layers.iter().try_fold(x, step)?)
    }

    /// Creates empty caches for [`run_cached`](Self::run_cached), one for each layer.
    pub fn caches(&self) -> Vec<KeyValueCache<E>> {
        vec![KeyValueCache::new(); self.layers.len()]
    }

    /// Computes the outputs for further elements of a sequence, causally: incremental inference.
    ///
    /// # Errors
    /// If the shapes are not those of the layers and the caches, the mask has another shape, or the
    /// number of caches is not that of the layers.
    pub fn run_cached<'t>(
        &self,
        x: Var<'t, E>,
        memory: Var<'t, E>,
        caches: &mut [KeyValueCache<E>],
        memory_mask: &AttentionMask,
    ) -> Result<Var<'t, E>> {
        check_caches(self.layers.len(), caches)?;
        let mut layers = self.layers.iter().zip(caches);
        let y = layers
            .try_fold(x, |x, (layer, cache)| layer.run_cached(x, memory, cache, memory_mask))?;
        normed(self.norm.as_ref(), y)
    }
}

/// Describes a [`TransformerDecoder`].
#[derive(Clone, Debug)]
pub struct TransformerDecoderConfig {
    layer: TransformerLayerConfig<TransformerDecoderLayer>,
    layers: usize,
    norm: bool,
}

impl TransformerDecoderConfig {
    /// Adds layer normalization after the last block, which pre-norm blocks need.
    pub fn norm(self) -> Self {
        Self { norm: true, ..self }
    }

    /// Builds the stack, with weights drawn from `rng`.
    ///
    /// # Errors
    /// Those of [`TransformerLayerConfig::build`].
    pub fn build<E: Element>(
        &self,
        rng: &mut impl Rng,
    ) -> Result<TransformerDecoder<E>, LayerError> {
        let layers = (0..self.layers).map(|_| self.layer.build(rng)).collect::<Result<_, _>>()?;
        Ok(TransformerDecoder { layers, norm: norm_of(&self.layer, self.norm)? })
    }
}
