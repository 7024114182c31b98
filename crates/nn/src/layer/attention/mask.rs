//! [`AttentionMask`]: which queries see which keys.

use wengert_autodiff::{Error, Mask, Result, Shape};

/// Defines which queries see which keys in [`MultiHeadAttention`](crate::MultiHeadAttention). A key
/// is seen if every given restriction allows it. The output of a query that sees no key is zero
/// before the last projection.
///
/// True means seen, as everywhere in this crate; PyTorch's boolean masks of its attention modules
/// mean the opposite.
///
/// ```
/// use wengert_autodiff::Mask;
/// use wengert_nn::AttentionMask;
/// let padding = Mask::from_fn([2, 5], |i| i[1] < [5, 3][i[0]]);
/// let mask = AttentionMask::new().causal().key_padding(&padding);
/// # let _ = mask;
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AttentionMask {
    causal: bool,
    keys: Option<Mask>,
    pairs: Option<Mask>,
}

impl AttentionMask {
    /// Creates a mask without restrictions: every query sees every key.
    pub fn new() -> Self {
        Self::default()
    }

    /// Restricts each query to the keys up to its own position. The last query has the position of
    /// the last key.
    pub fn causal(self) -> Self {
        Self { causal: true, ..self }
    }

    /// Restricts the keys to those where `mask`, `[batch, keys]`, is true. The other keys are
    /// padding of their sequence.
    pub fn key_padding(self, mask: &Mask) -> Self {
        Self { keys: Some(mask.clone()), ..self }
    }

    /// Restricts the pairs of a query and a key to those where `mask` is true. Its shape is
    /// `[queries, keys]`, `[batch, queries, keys]` or `[batch, heads, queries, keys]`; axes of size
    /// 1 are broadcast.
    pub fn mask(self, mask: &Mask) -> Self {
        Self { pairs: Some(mask.clone()), ..self }
    }

    pub(super) fn is_causal(&self) -> bool {
        self.causal
    }

    /// The mask without causality, of rank 2 or 4, for `[batch, heads, queries, keys]`.
    pub(super) fn resolve(
        &self,
        op: &'static str,
        [batch, heads, queries, keys]: [usize; 4],
    ) -> Result<Option<Mask>> {
        let refused = |expected: String, mask: &Mask| {
            Err(Error::Shapes { op, expected, got: vec![mask.shape().clone()] })
        };
        let of_keys = match &self.keys {
            Some(mask) if mask.shape().dims() != [batch, keys] => {
                let expected = format!("a key padding mask [batch, keys], [{batch}, {keys}]");
                return refused(expected, mask);
            }
            Some(mask) => Some(mask.reshape([batch, 1, 1, keys])),
            None => None,
        };
        let of_pairs = match &self.pairs {
            Some(mask) => {
                let mask = if mask.rank() == 3 { mask.unsqueeze(1) } else { mask.clone() };
                let all = Shape::from([batch, heads, queries, keys]);
                if ![2, 4].contains(&mask.rank()) || !mask.shape().broadcasts_to(&all) {
                    let expected = format!(
                        "a mask [queries, keys], [batch, queries, keys] or [batch, heads, queries, \
                         keys], here [{batch}, {heads}, {queries}, {keys}]"
                    );
                    return refused(expected, self.pairs.as_ref().unwrap_or(&mask));
                }
                Some(mask)
            }
            None => None,
        };
        Ok(match (of_keys, of_pairs) {
            (Some(keys), Some(pairs)) => Some(keys.and(&pairs)),
            (keys, pairs) => keys.or(pairs),
        })
    }
}
