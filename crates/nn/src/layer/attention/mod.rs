//! [`MultiHeadAttention`]: attention with learned projections, and what belongs to it.

mod cache;
mod config;
mod mask;
mod rotary;

use wengert_autodiff::ops::{self, Attention};
use wengert_autodiff::{Activation, Element, Error, Mask, Parameter, Result, Shape, Var};

use super::{Dropout, Linear};
use crate::forward::Layer;
use crate::module::Module;
pub use cache::KeyValueCache;
pub use config::MultiHeadAttentionConfig;
pub use mask::AttentionMask;
pub use rotary::Rotary;

const OP: &str = "multi_head_attention";

/// Multi-head attention, each head with its own projections:
/// `out_proj(concat of softmax(q k^T / sqrt(head)) v)`.
///
/// [`self_attend`](Self::self_attend) is attention among the elements of one sequence, with one
/// matrix product for all projections. [`attend`](Self::attend) reads from another sequence.
/// [`attend_cached`](Self::attend_cached) continues a sequence in inference. As a [`Layer`] it is
/// self-attention without a mask, or causal self-attention with
/// [`causal`](MultiHeadAttentionConfig::causal).
///
/// With [`kv_heads`](MultiHeadAttentionConfig::kv_heads) several heads share a key and a value: J.
/// Ainslie et al., "GQA: training generalized multi-query transformer models from multi-head
/// checkpoints", EMNLP 2023. Source: A. Vaswani et al., "Attention is all you need",
/// arXiv:1706.03762, 2017.
///
/// ```
/// use wengert_autodiff::{Tape, Tensor};
/// use wengert_nn::{AttentionMask, MultiHeadAttention};
/// # use rand::SeedableRng;
/// # let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
/// let attention = MultiHeadAttention::config(8, 2).build(&mut rng)?;
/// let tape = Tape::new();
/// let [x, memory] = [5, 7].map(|time| tape.constant(&Tensor::<f32>::ones([3, time, 8])));
/// assert_eq!(attention.self_attend(x, &AttentionMask::new().causal())?.shape(), [3, 5, 8]);
/// assert_eq!(attention.attend(x, memory, memory, &AttentionMask::new())?.shape(), [3, 5, 8]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Shapes
/// The query is `[batch, queries, embed]`, the key `[batch, keys, key features]` and the value
/// `[batch, keys, value features]` (PyTorch's `batch_first`); the output is
/// `[batch, queries, embed]`. With `head = embed / heads`, `in_proj_weight` is
/// `[embed + 2 kv_heads head, embed]`, with rows for the queries, keys and values in this order. If
/// keys or values have another number of features, the layer has `q_proj_weight`, `k_proj_weight`
/// and `v_proj_weight` instead. `in_proj_bias` has one entry for each row.
#[derive(Clone, Debug, Module)]
pub struct MultiHeadAttention<E: Element = f32> {
    #[module(flatten)]
    projection: Projection<E>,
    in_proj_bias: Option<Parameter<E>>,
    out_proj: Linear<E>,
    dropout: Option<Dropout>,
    heads: usize,
    kv_heads: usize,
    head: usize,
    causal: bool,
    #[module(skip)]
    rotary: Option<Rotary>,
}

/// The weights of the projections of queries, keys and values.
#[derive(Clone, Debug, Module)]
#[allow(clippy::large_enum_variant, reason = "there is one a layer, and most are packed")]
enum Projection<E: Element> {
    /// One weight for all, if keys and values have as many features as the queries.
    Packed { in_proj_weight: Parameter<E> },
    Separate {
        q_proj_weight: Parameter<E>,
        k_proj_weight: Parameter<E>,
        v_proj_weight: Parameter<E>,
    },
}

impl MultiHeadAttention {
    /// The config of a layer of `heads` heads over `embed` features.
    pub fn config(embed: usize, heads: usize) -> MultiHeadAttentionConfig {
        MultiHeadAttentionConfig::new(embed, heads)
    }
}

impl<E: Element> MultiHeadAttention<E> {
    /// The last projection.
    pub fn out_proj(&self) -> &Linear<E> {
        &self.out_proj
    }

    /// The numbers of rows of the projections of queries, keys and values.
    fn rows(&self) -> [usize; 3] {
        let shared = self.kv_heads * self.head;
        [self.heads * self.head, shared, shared]
    }

    /// Computes self-attention among the elements of one sequence.
    ///
    /// # Errors
    /// If `x` is not `[batch, time, embed]`, or a mask has another shape.
    pub fn self_attend<'t>(&self, x: Var<'t, E>, mask: &AttentionMask) -> Result<Var<'t, E>> {
        let projected = self.project_self(x)?;
        self.combine(self.rotated(projected, 0)?, mask)
    }

    /// Computes cross-attention: each query attends to the keys, and gets a weighted mean of the
    /// values.
    ///
    /// # Errors
    /// If the shapes are not those of the layer, or a mask has another shape.
    pub fn attend<'t>(
        &self,
        query: Var<'t, E>,
        key: Var<'t, E>,
        value: Var<'t, E>,
        mask: &AttentionMask,
    ) -> Result<Var<'t, E>> {
        let inputs = [query, key, value];
        let takes = self.takes();
        let shapes = inputs.map(Var::shape);
        let fits = shapes.iter().zip(takes).all(|(shape, features)| {
            shape.rank() == 3 && shape[2] == features && shape[0] == shapes[0][0]
        });
        if !fits || shapes[1][1] != shapes[2][1] {
            let [q, k, v] = takes;
            let expected = format!(
                "a query [batch, queries, {q}], a key [batch, keys, {k}] and a value [batch, keys, \
                 {v}]"
            );
            return Err(Error::Shapes { op: OP, expected, got: shapes.into() });
        }
        let tape = query.tape();
        let bias = self.in_proj_bias.as_ref().map(|bias| tape.parameter(bias));
        let mut projected = inputs;
        let mut start = 0;
        for (i, rows) in self.rows().into_iter().enumerate() {
            let range = start as isize..(start + rows) as isize;
            let weight = match &self.projection {
                Projection::Packed { in_proj_weight } => {
                    ops::slice(tape.parameter(in_proj_weight), 0, range.clone())?
                }
                Projection::Separate { q_proj_weight, k_proj_weight, v_proj_weight } => {
                    tape.parameter([q_proj_weight, k_proj_weight, v_proj_weight][i])
                }
            };
            let bias = bias.map(|bias| ops::slice(bias, 0, range)).transpose()?;
            let sums = ops::linear(inputs[i], weight, bias, Activation::Identity)?;
            projected[i] = self.split_heads(sums)?;
            start += rows;
        }
        self.combine(self.rotated(projected, 0)?, mask)
    }

    /// Computes causal self-attention for further elements of a sequence, which attend to each
    /// other and to all elements in the cache: incremental inference. No gradient reaches keys and
    /// values. A key padding mask in `mask` covers all keys, including those in the cache.
    ///
    /// # Errors
    /// If `x` is not `[batch, new, embed]` with the cache's batch, or a mask has another shape.
    pub fn attend_cached<'t>(
        &self,
        x: Var<'t, E>,
        cache: &mut KeyValueCache<E>,
        mask: &AttentionMask,
    ) -> Result<Var<'t, E>> {
        let projected = self.project_self(x)?;
        let [query, key, value] = self.rotated(projected, cache.len())?;
        let [key, value] = cache.extend([&key.try_value()?, &value.try_value()?])?;
        let tape = x.tape();
        let all = [query, tape.constant(&key), tape.constant(&value)];
        self.combine(all, &mask.clone().causal())
    }

    /// The numbers of features of queries, keys and values.
    fn takes(&self) -> [usize; 3] {
        match &self.projection {
            Projection::Packed { in_proj_weight } => [in_proj_weight.value().shape()[1]; 3],
            Projection::Separate { q_proj_weight, k_proj_weight, v_proj_weight } => {
                [q_proj_weight, k_proj_weight, v_proj_weight].map(|w| w.value().shape()[1])
            }
        }
    }

    /// Queries, keys and values of one sequence, from one product, with an axis for the heads.
    fn project_self<'t>(&self, x: Var<'t, E>) -> Result<[Var<'t, E>; 3]> {
        let (shape, tape, takes) = (x.shape(), x.tape(), self.takes());
        let Projection::Packed { in_proj_weight } = &self.projection else {
            let [q, k, v] = takes;
            let message = format!(
                "attention among the elements of one sequence takes queries, keys and values of as \
                 many features, this layer takes {q}, {k} and {v}; give it all three with `attend`"
            );
            return Err(Error::Argument { op: OP, message });
        };
        if shape.rank() != 3 || shape[2] != takes[0] {
            let expected = format!("x [batch, time, {}]", takes[0]);
            return Err(Error::Shapes { op: OP, expected, got: vec![shape] });
        }
        let bias = self.in_proj_bias.as_ref().map(|bias| tape.parameter(bias));
        let all = ops::linear(x, tape.parameter(in_proj_weight), bias, Activation::Identity)?;
        let mut projected = [x; 3];
        for (projected, part) in projected.iter_mut().zip(ops::split(all, &self.rows(), 2)?) {
            *projected = self.split_heads(part)?;
        }
        Ok(projected)
    }

    /// `[batch, time, heads head]` to `[batch, heads, time, head]`.
    fn split_heads<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let &[batch, time, features] = x.shape().dims() else { unreachable!("checked above") };
        let heads = ops::reshape(x, [batch, time, features / self.head, self.head])?;
        ops::transpose(heads, 1, 2)
    }

    fn rotated<'t>(
        &self,
        [query, key, value]: [Var<'t, E>; 3],
        offset: usize,
    ) -> Result<[Var<'t, E>; 3]> {
        let Some(rotary) = &self.rotary else { return Ok([query, key, value]) };
        Ok([rotary.rotate(query, offset)?, rotary.rotate(key, offset)?, value])
    }

    /// Attention of all heads, and the last projection.
    fn combine<'t>(
        &self,
        [mut query, mut key, mut value]: [Var<'t, E>; 3],
        mask: &AttentionMask,
    ) -> Result<Var<'t, E>> {
        let (shape, keys) = (query.shape(), key.shape()[2]);
        let &[batch, heads, queries, head] = shape.dims() else { unreachable!("four axes") };
        let mut allowed = mask.resolve(OP, [batch, heads, queries, keys])?;
        if self.kv_heads != heads {
            // The heads that share a key lie on a separate axis, along which the key is broadcast.
            let shared = heads / self.kv_heads;
            query = ops::reshape(query, [batch, self.kv_heads, shared, queries, head])?;
            key = ops::unsqueeze(key, 2)?;
            value = ops::unsqueeze(value, 2)?;
            allowed = allowed.map(|mask| match *mask.shape().dims() {
                [batch, 1, queries, keys] => mask.reshape([batch, 1, 1, queries, keys]),
                [batch, _, queries, keys] => {
                    mask.reshape([batch, self.kv_heads, shared, queries, keys])
                }
                _ => mask,
            });
        }
        let y = if let Some(dropout) = &self.dropout {
            dropped([query, key, value], allowed, mask.is_causal(), dropout)?
        } else {
            let mut options = Attention::new();
            if let Some(allowed) = &allowed {
                options = options.mask(allowed);
            }
            if mask.is_causal() {
                options = options.causal();
            }
            ops::scaled_dot_product_attention(query, key, value, &options)?
        };
        let y = ops::reshape(y, [batch, heads, queries, head])?;
        let together = [batch, queries, heads * head];
        self.out_proj.try_forward(ops::reshape(ops::transpose(y, 1, 2)?, together)?)
    }
}

/// Attention whose weights are dropped at random in training.
fn dropped<'t, E: Element>(
    [query, key, value]: [Var<'t, E>; 3],
    mask: Option<Mask>,
    causal: bool,
    dropout: &Dropout,
) -> Result<Var<'t, E>> {
    let size = |x: Var<'t, E>, axis_from_end: usize| {
        let shape: Shape = x.shape();
        shape[shape.rank() - axis_from_end]
    };
    let (queries, keys, head) = (size(query, 2), size(key, 2), size(query, 1));
    let query = ops::mul_scalar(query, E::from_f64(1.0 / (head as f64).sqrt()))?;
    let mut weights = ops::matmul(query, ops::transpose(key, -2, -1)?)?;
    let causal = causal.then(|| Mask::causal(queries, keys));
    let mask = match (mask, causal) {
        (Some(mask), Some(causal)) => Some(mask.and(&causal)),
        (mask, causal) => mask.or(causal),
    };
    match mask {
        Some(seen) => {
            let hidden = !&seen;
            let lowest = E::from_f64(f64::from(f32::MIN));
            weights = ops::softmax(ops::masked_fill(weights, &hidden, lowest)?, -1)?;
            weights = ops::masked_fill(weights, &hidden, E::ZERO)?;
        }
        None => weights = ops::softmax(weights, -1)?,
    }
    ops::matmul(dropout.try_forward(weights)?, value)
}

impl<E: Element> Layer<E> for MultiHeadAttention<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        let mask = AttentionMask::new();
        self.self_attend(x, &if self.causal { mask.causal() } else { mask })
    }
}
