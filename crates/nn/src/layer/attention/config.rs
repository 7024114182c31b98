//! [`MultiHeadAttentionConfig`]: describes an attention layer.

use rand::Rng;
use wengert_autodiff::{Element, Error, Kind, Parameter, Tensor};

use super::{MultiHeadAttention, OP, Projection, Rotary};
use crate::init::Init;
use crate::layer::{Dropout, LayerConfig, LayerError, Linear, SampleShape};

/// Describes a [`MultiHeadAttention`] layer.
#[derive(Clone, Debug, PartialEq)]
pub struct MultiHeadAttentionConfig {
    embed: usize,
    heads: usize,
    kv_heads: usize,
    key_features: usize,
    value_features: usize,
    dropout: f64,
    bias: bool,
    causal: bool,
    rotary: bool,
    init: Init,
}

impl MultiHeadAttentionConfig {
    pub(super) fn new(embed: usize, heads: usize) -> Self {
        Self {
            embed,
            heads,
            kv_heads: heads,
            key_features: embed,
            value_features: embed,
            dropout: 0.0,
            bias: true,
            causal: false,
            rotary: false,
            init: Init::xavier_uniform(),
        }
    }

    /// Sets the number of heads of keys and values, which must divide the number of heads:
    /// grouped-query attention. By default it is the number of heads.
    pub fn kv_heads(self, kv_heads: usize) -> Self {
        Self { kv_heads, ..self }
    }

    /// Sets the number of features of keys, PyTorch's `kdim`; `embed` by default.
    pub fn key_features(self, key_features: usize) -> Self {
        Self { key_features, ..self }
    }

    /// Sets the number of features of values, PyTorch's `vdim`; `embed` by default.
    pub fn value_features(self, value_features: usize) -> Self {
        Self { value_features, ..self }
    }

    /// Sets the probability to drop an attention weight in training; 0 by default.
    pub fn dropout(self, p: f64) -> Self {
        Self { dropout: p, ..self }
    }

    /// Omits the biases.
    pub fn without_bias(self) -> Self {
        Self { bias: false, ..self }
    }

    /// Makes the layer causal when it is used as a [`Layer`](crate::Layer).
    pub fn causal(self) -> Self {
        Self { causal: true, ..self }
    }

    /// Rotates queries and keys by their positions: see [`Rotary`].
    pub fn rotary(self) -> Self {
        Self { rotary: true, ..self }
    }

    pub(crate) fn without_rotary(self) -> Self {
        Self { rotary: false, ..self }
    }

    /// Sets the initializer of the weights; [`Init::xavier_uniform`] by default. Biases begin at
    /// zero.
    pub fn init(self, init: Init) -> Self {
        Self { init, ..self }
    }

    /// The number of features of queries and outputs.
    pub(crate) fn embed(&self) -> usize {
        self.embed
    }

    /// The number of features of a head, if the heads divide the features.
    fn head(&self) -> Result<usize, Error> {
        let &Self { embed, heads, kv_heads, .. } = self;
        let refused = |message| Err(Error::Argument { op: OP, message });
        if embed == 0 || heads == 0 || embed % heads != 0 {
            return refused(format!(
                "the number of heads must divide the number of features, and both must be \
                 positive, got {embed} features and {heads} heads"
            ));
        }
        if kv_heads == 0 || heads % kv_heads != 0 {
            return refused(format!(
                "the number of heads of keys and values must be positive and divide the number of \
                 heads, got {heads} heads and {kv_heads} of keys and values"
            ));
        }
        Ok(embed / heads)
    }

    /// Builds the layer, with weights drawn from `rng`.
    ///
    /// # Errors
    /// If the heads do not divide the features or the heads of keys and values do not divide the
    /// heads, one of these numbers is zero, the probability of dropout is not in 0..=1, or the
    /// initializer cannot be applied; with rotary positions, if a head has an odd number of
    /// features.
    pub fn build<E: Element>(
        &self,
        rng: &mut impl Rng,
    ) -> Result<MultiHeadAttention<E>, LayerError> {
        let &Self { embed, heads, kv_heads, key_features, value_features, bias, causal, .. } = self;
        let head = self.head()?;
        let shared = kv_heads * head;
        let rows = embed.saturating_add(shared.saturating_mul(2));
        let mut weight = |rows: usize, columns: usize| {
            let kind = Kind::weight(columns, rows);
            let value = self.init.sample_for([rows, columns], kind, rng);
            let value = value.map_err(|error| error.of_layer("multi_head_attention"))?;
            Ok::<_, LayerError>(Parameter::of_kind(value, kind))
        };
        let projection = if key_features == embed && value_features == embed {
            Projection::Packed { in_proj_weight: weight(rows, embed)? }
        } else {
            Projection::Separate {
                q_proj_weight: weight(embed, embed)?,
                k_proj_weight: weight(shared, key_features)?,
                v_proj_weight: weight(shared, value_features)?,
            }
        };
        let zeros = || Tensor::try_full([rows], E::ZERO).map(Parameter::bias);
        let in_proj_bias = bias.then(zeros).transpose()?;
        let out = Linear::config(embed, embed).init(self.init.clone());
        let out_proj = if bias { out } else { out.without_bias() }.build(rng)?;
        let dropout = match Dropout::new(self.dropout, rng)? {
            dropout if self.dropout > 0.0 => Some(dropout),
            _ => None,
        };
        let rotary = self.rotary.then(|| Rotary::new(head)).transpose()?;
        Ok(MultiHeadAttention {
            projection,
            in_proj_bias,
            out_proj,
            dropout,
            heads,
            kv_heads,
            head,
            causal,
            rotary,
        })
    }
}

impl<E: Element> LayerConfig<E> for MultiHeadAttentionConfig {
    type Layer = MultiHeadAttention<E>;

    fn output_shape(&self, input: &SampleShape) -> Result<SampleShape, LayerError> {
        input.sequence(self.embed, self.embed)
    }

    fn build(&self, mut rng: &mut dyn Rng) -> Result<MultiHeadAttention<E>, LayerError> {
        self.build(&mut rng)
    }
}
