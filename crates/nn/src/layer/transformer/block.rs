//! The config of encoder and decoder blocks, and the parts around attention that they share.

use std::marker::PhantomData;

use rand::Rng;
use wengert_autodiff::{Activation, Element, Error, Result, Var, ops};

use super::{TransformerDecoderLayer, TransformerEncoderLayer};
use crate::forward::Layer;
use crate::layer::{
    Dropout, LayerConfig, LayerError, LayerNorm, Linear, MultiHeadAttention,
    MultiHeadAttentionConfig, SampleShape,
};
use crate::module::Module;

/// Describes a block of a transformer; `L` is the type of the block: [`TransformerEncoderLayer`] or
/// [`TransformerDecoderLayer`].
#[derive(Debug)]
pub struct TransformerLayerConfig<L> {
    attention: MultiHeadAttentionConfig,
    feedforward: usize,
    dropout: f64,
    activation: Activation,
    eps: f64,
    norm_first: bool,
    causal: bool,
    bias: bool,
    block: PhantomData<fn() -> L>,
}

impl<L> Clone for TransformerLayerConfig<L> {
    fn clone(&self) -> Self {
        Self { attention: self.attention.clone(), ..*self }
    }
}

impl<L> TransformerLayerConfig<L> {
    pub(super) fn new(embed: usize, heads: usize) -> Self {
        Self {
            attention: MultiHeadAttention::config(embed, heads),
            feedforward: 2048,
            dropout: 0.1,
            activation: Activation::Relu,
            eps: 1e-5,
            norm_first: false,
            causal: false,
            bias: true,
            block: PhantomData,
        }
    }

    /// Sets the number of features between the two linear layers, PyTorch's `dim_feedforward`; 2048
    /// by default.
    pub fn feedforward(self, feedforward: usize) -> Self {
        Self { feedforward, ..self }
    }

    /// Sets the probability of dropout in training, for attention weights, for elements between the
    /// two linear layers, and for elements that are added to the input; 0.1 by default.
    pub fn dropout(self, p: f64) -> Self {
        Self { dropout: p, ..self }
    }

    /// Sets the activation between the two linear layers; relu by default.
    pub fn activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    /// Sets the number that layer normalization adds to the variance; 1e-5 by default.
    pub fn eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }

    /// Normalizes the inputs of attention and of the linear layers, instead of the sums (pre-norm).
    /// R. Xiong et al., "On layer normalization in the transformer architecture", ICML 2020.
    pub fn norm_first(self) -> Self {
        Self { norm_first: true, ..self }
    }

    /// Makes the block causal when it is used as a [`Layer`].
    pub fn causal(self) -> Self {
        Self { causal: true, ..self }
    }

    /// Sets the number of heads of keys and values: grouped-query attention; see
    /// [`MultiHeadAttentionConfig::kv_heads`].
    pub fn kv_heads(self, kv_heads: usize) -> Self {
        Self { attention: self.attention.kv_heads(kv_heads), ..self }
    }

    /// Uses rotary positions in self-attention; see [`Rotary`](crate::Rotary).
    pub fn rotary(self) -> Self {
        Self { attention: self.attention.rotary(), ..self }
    }

    /// Omits the biases of attention and of the linear layers; layer normalization keeps its
    /// biases.
    pub fn without_bias(self) -> Self {
        Self { attention: self.attention.without_bias(), bias: false, ..self }
    }

    pub(super) fn embed(&self) -> usize {
        self.attention.embed()
    }

    pub(super) fn is_norm_first(&self) -> bool {
        self.norm_first
    }

    pub(super) fn is_causal(&self) -> bool {
        self.causal
    }

    pub(super) fn attention(&self) -> MultiHeadAttentionConfig {
        self.attention.clone().dropout(self.dropout)
    }

    pub(super) fn norm<E: Element>(&self) -> Result<LayerNorm<E>> {
        Ok(LayerNorm::try_new([self.embed()])?.eps(self.eps))
    }

    pub(super) fn drop(&self, rng: &mut impl Rng) -> Result<Dropout, LayerError> {
        Dropout::new(self.dropout, rng)
    }

    pub(super) fn feed_forward<E: Element>(
        &self,
        rng: &mut impl Rng,
    ) -> Result<FeedForward<E>, LayerError> {
        if self.feedforward == 0 {
            let message = "the width of the linear layers must be positive, got 0".to_owned();
            return Err(Error::Argument { op: "transformer", message }.into());
        }
        let linear = |inputs, outputs| {
            let config = Linear::config(inputs, outputs);
            if self.bias { config } else { config.without_bias() }
        };
        Ok(FeedForward {
            linear1: linear(self.embed(), self.feedforward)
                .activation(self.activation)
                .build(rng)?,
            linear2: linear(self.feedforward, self.embed()).build(rng)?,
            dropout: self.drop(rng)?,
        })
    }
}

/// Two linear layers with an activation between them.
#[derive(Clone, Debug, Module)]
pub(super) struct FeedForward<E: Element> {
    linear1: Linear<E>,
    linear2: Linear<E>,
    dropout: Dropout,
}

impl<E: Element> FeedForward<E> {
    pub(super) fn run<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let hidden = self.dropout.try_forward(self.linear1.try_forward(x)?)?;
        self.linear2.try_forward(hidden)
    }
}

/// A residual branch: `norm(x + drop(f(x)))`, or `x + drop(f(norm(x)))` if the norm is first.
pub(super) fn residual<'t, E: Element>(
    x: Var<'t, E>,
    norm: &LayerNorm<E>,
    dropout: &Dropout,
    norm_first: bool,
    f: impl FnOnce(Var<'t, E>) -> Result<Var<'t, E>>,
) -> Result<Var<'t, E>> {
    let branch = f(if norm_first { norm.try_forward(x)? } else { x })?;
    let sum = ops::add(x, dropout.try_forward(branch)?)?;
    if norm_first { Ok(sum) } else { norm.try_forward(sum) }
}

impl<E: Element> LayerConfig<E> for TransformerLayerConfig<TransformerEncoderLayer> {
    type Layer = TransformerEncoderLayer<E>;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        input.sequence(self.embed(), self.embed())
    }

    fn build(&self, mut rng: &mut dyn Rng) -> Result<TransformerEncoderLayer<E>, LayerError> {
        self.build(&mut rng)
    }
}

impl TransformerLayerConfig<TransformerEncoderLayer> {
    /// Builds the block, with weights drawn from `rng`.
    ///
    /// # Errors
    /// Those of [`MultiHeadAttentionConfig::build`], and if the width of the linear layers is zero.
    pub fn build<E: Element>(
        &self,
        rng: &mut impl Rng,
    ) -> Result<TransformerEncoderLayer<E>, LayerError> {
        TransformerEncoderLayer::new(self, rng)
    }
}

impl TransformerLayerConfig<TransformerDecoderLayer> {
    /// Builds the block, with weights drawn from `rng`.
    ///
    /// # Errors
    /// Those of [`MultiHeadAttentionConfig::build`], and if the width of the linear layers is zero.
    pub fn build<E: Element>(
        &self,
        rng: &mut impl Rng,
    ) -> Result<TransformerDecoderLayer<E>, LayerError> {
        TransformerDecoderLayer::new(self, rng)
    }
}
