//! Scaled dot-product attention: a composition of products, a choice by the mask on either side of
//! a softmax, and scaling.
//!
//! What is masked is set to a very low finite number before the softmax and to zero behind it. A row
//! that is masked as a whole is then finite on the way and zero in the end, and so are all its
//! derivatives: the choice lets nothing through in either direction.

use wengert_kernels::Element;

use crate::error::{Error, Result};
use crate::mask::Mask;
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;

/// Who may look at whom, and how scores are scaled, in
/// [`scaled_dot_product_attention`].
///
/// ```
/// use wengert_autodiff::{Mask, ops::Attention};
/// let padded = Mask::from_slice(&[true, true, false], [3])?;
/// let options = Attention::new().mask(&padded).causal();
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attention {
    mask: Option<Mask>,
    causal: bool,
    scale: Option<f64>,
}

impl Attention {
    /// Every query sees every key; scores are divided by the root of the number of features.
    pub fn new() -> Self {
        Self::default()
    }

    /// A query sees a key where the mask is true. It broadcasts to the scores, `[.., queries,
    /// keys]`.
    pub fn mask(self, mask: &Mask) -> Self {
        Attention { mask: Some(mask.clone()), ..self }
    }

    /// A query sees the keys up to its own position, the last query's being the last key's: see
    /// [`Mask::causal`]. With a mask both must allow it.
    pub fn causal(self) -> Self {
        Attention { causal: true, ..self }
    }

    /// The factor of the scores, in place of one over the root of the number of features.
    pub fn scale(self, scale: f64) -> Self {
        Attention { scale: Some(scale), ..self }
    }

    /// The mask of scores of so many queries and keys.
    fn resolve(&self, queries: usize, keys: usize) -> Result<Option<Mask>> {
        let causal = self.causal.then(|| Mask::try_causal(queries, keys)).transpose()?;
        match (&self.mask, causal) {
            (Some(mask), Some(causal)) => {
                // A mask of other queries or keys is refused here, and not by a panic.
                if mask.shape().broadcast(causal.shape()).is_none() {
                    return Err(Error::Shapes {
                        op: OP,
                        expected: format!("a mask that broadcasts to [.., {queries}, {keys}]"),
                        got: vec![mask.shape().clone()],
                    });
                }
                mask.try_and(&causal).map(Some)
            }
            (Some(mask), None) => Ok(Some(mask.clone())),
            (None, causal) => Ok(causal),
        }
    }
}

/// The lowest finite number: no score that counts is below it.
fn lowest<E: Element>() -> E {
    let lowest = E::from_f64(f64::MIN);
    if lowest.is_finite() { lowest } else { E::from_f64(f64::from(f32::MIN)) }
}

const OP: &str = "scaled_dot_product_attention";

/// Scaled dot-product attention: `softmax(scale query key^T) value`, the softmax over the keys a
/// query may see.
///
/// A query that may see no key gives zeros, and its derivatives are zero; the other rows' are what
/// they would be without it.
///
/// Source: A. Vaswani et al., "Attention is all you need", arXiv:1706.03762, 2017.
///
/// ```
/// use wengert_autodiff::{Tensor, ops::Attention};
/// let (query, key) = (Tensor::<f32>::zeros([2, 4]), Tensor::zeros([2, 4]));
/// let value = Tensor::from_slice(&[1.0, 3.0], [2, 1])?;
/// let y = query.scaled_dot_product_attention(&key, &value, &Attention::new().causal());
/// assert_eq!(y.to_vec(), [1.0, 2.0]);
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
///
/// # Shapes
/// `query` is `[.., queries, features]`, `key` `[.., keys, features]`, `value` `[.., keys, out]`; the
/// axes in front (batch, heads) broadcast, and the result is `[.., queries, out]`.
///
/// # Errors
/// If the shapes do not fit; the message names them and says what would.
#[track_caller]
pub fn scaled_dot_product_attention<'t, E: Element>(
    query: Var<'t, E>,
    key: Var<'t, E>,
    value: Var<'t, E>,
    options: &Attention,
) -> Result<Var<'t, E>> {
    let shapes = [query.shape(), key.shape(), value.shape()];
    let ([.., queries, features], [.., keys, key_features], [.., value_keys, _]) =
        (shapes[0].dims(), shapes[1].dims(), shapes[2].dims())
    else {
        let expected = "query [.., queries, features], key [.., keys, features] and value \
                        [.., keys, out]";
        return Err(Error::Shapes { op: OP, expected: expected.into(), got: shapes.into() });
    };
    if features != key_features || keys != value_keys {
        let expected = "a query and a key of as many features, and a key and a value of as many \
                        keys";
        return Err(Error::Shapes { op: OP, expected: expected.into(), got: shapes.into() });
    }
    let front = |shape: &Shape| Shape::from(&shape[..shape.rank() - 2]);
    let [query_front, key_front, value_front] = shapes.each_ref().map(front);
    let scores = query_front.broadcast(&key_front);
    if scores.and_then(|scores| scores.broadcast(&value_front)).is_none() {
        let expected = "a query, a key and a value whose axes in front of the last two broadcast";
        return Err(Error::Shapes { op: OP, expected: expected.into(), got: shapes.into() });
    }
    let mask = options.resolve(*queries, *keys)?;
    let scale = options.scale.unwrap_or(1.0 / (*features as f64).sqrt());
    // Scaling the query costs least, and keeps the scores in range.
    let query = super::mul_scalar(query, E::from_f64(scale))?;
    let scores = super::matmul(query, super::transpose(key, -2, -1)?)?;
    let Some(mask) = mask else {
        return super::matmul(super::softmax(scores, -1)?, value);
    };
    if !mask.shape().broadcasts_to(&scores.shape()) {
        let expected = format!("a mask that broadcasts to the scores, {}", scores.shape());
        return Err(Error::Shapes { op: OP, expected, got: vec![mask.shape().clone()] });
    }
    let constant = |value| query.tape().constant(&Tensor::scalar(value));
    let masked = super::where_(&mask, scores, constant(lowest()))?;
    let weights = super::where_(&mask, super::softmax(masked, -1)?, constant(E::ZERO))?;
    super::matmul(weights, value)
}

methods! {
    /// Scaled dot-product attention.
    scaled_dot_product_attention / try_scaled_dot_product_attention(key, value; options: &Attention)
}
