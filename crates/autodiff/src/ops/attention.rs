//! Scaled dot-product attention: a composition of matrix products, a softmax, scaling, and the
//! selection by a mask before and after the softmax.
//!
//! Masked scores are set to the lowest finite number before the softmax, and masked weights to zero
//! after it. For a row that is masked entirely, all intermediate values are then finite, its result
//! is zero, and so are its derivatives: the selections let no gradient through.
//!
//! In a matrix product, a zero weight times a NaN is NaN. Where an operand has a NaN or an
//! infinity, its rows that the mask hides altogether are therefore replaced by zeros first.

use wengert_kernels::Element;

use super::attention_scores;
use crate::error::{Error, Result};
use crate::mask::Mask;
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::{Tensor, strided};

/// Which keys each query attends to, and how [`scaled_dot_product_attention`] scales the scores.
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
    /// Every query attends to every key; the scores are divided by the square root of the number of
    /// features.
    pub fn new() -> Self {
        Self::default()
    }

    /// A query attends to a key where the mask is true. The mask broadcasts to the scores,
    /// `[.., queries, keys]`.
    pub fn mask(self, mask: &Mask) -> Self {
        Attention { mask: Some(mask.clone()), ..self }
    }

    /// A query attends to the keys up to its own position, where the last query has the position of
    /// the last key: see [`Mask::causal`]. Combined with a mask, both must allow a key.
    pub fn causal(self) -> Self {
        Attention { causal: true, ..self }
    }

    /// The factor of the scores, instead of one over the square root of the number of features.
    pub fn scale(self, scale: f64) -> Self {
        Attention { scale: Some(scale), ..self }
    }

    /// The mask for `queries` by `keys` scores.
    fn resolve(&self, queries: usize, keys: usize) -> Result<Option<Mask>> {
        let causal = self.causal.then(|| Mask::try_causal(queries, keys)).transpose()?;
        match (&self.mask, causal) {
            (Some(mask), Some(causal)) => {
                // A mask of other sizes is returned as an error here; `and` would panic.
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

/// The lowest finite number: no score that is not masked is below it.
pub(super) fn lowest<E: Element>() -> E {
    let lowest = E::from_f64(f64::MIN);
    if lowest.is_finite() { lowest } else { E::from_f64(f64::from(f32::MIN)) }
}

pub(super) const OP: &str = "scaled_dot_product_attention";

/// The largest magnitude of a variable's elements, in f64.
pub(super) fn largest<E: Element>(x: Var<'_, E>) -> Result<f64> {
    Ok(strided::max_abs(&x.try_value()?)?.to_f64())
}

/// Which queries attend to a key, `[.., queries, 1]`, and which keys a query attends to,
/// `[.., keys, 1]`.
fn visible(mask: &Mask, queries: usize, keys: usize) -> Result<(Mask, Mask)> {
    let front = &mask.shape()[..mask.rank().saturating_sub(2)];
    let shape = |rows: usize, columns: usize| -> Shape {
        front.iter().copied().chain([rows, columns]).collect()
    };
    let all = mask.try_broadcast_to(shape(queries, keys))?;
    let all = all.try_to_contiguous()?;
    let batches: usize = front.iter().product();
    let (mut seeing, mut seen) = (vec![false; batches * queries], vec![false; batches * keys]);
    for (at, _) in all.iter().enumerate().filter(|(_, visible)| **visible) {
        seeing[at / keys] = true;
        seen[at / keys / queries * keys + at % keys] = true;
    }
    let [seeing, seen] =
        [Mask::from_slice(&seeing, shape(queries, 1)), Mask::from_slice(&seen, shape(keys, 1))];
    Ok((seeing?, seen?))
}

/// A variable with zeros in the rows that are not visible, if its largest magnitude is not finite.
fn cleared<'t, E: Element>(x: Var<'t, E>, largest: f64, visible: &Mask) -> Result<Var<'t, E>> {
    if largest.is_finite() {
        return Ok(x);
    }
    super::where_(visible, x, x.tape().constant(&Tensor::scalar(E::ZERO)))
}

/// Scaled dot-product attention: `softmax(scale query key^T) value`, where the softmax is over the
/// keys that a query attends to.
///
/// A query that attends to no key has the result 0 and the gradient 0, and does not affect the
/// other queries. A key that no query attends to does not affect any result, whatever its elements
/// and those of its value: padding may contain NaN. A NaN or an infinity in a key or a value that
/// some queries attend to makes the results or the gradients of other queries NaN too.
///
/// Where scores exceed the range of the element type, the weights are the limit of the softmax: the
/// largest scores of a query share it equally.
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
/// `query` is `[.., queries, features]`, `key` `[.., keys, features]`, `value` `[.., keys, out]`;
/// the leading axes (batch, heads) broadcast, and the result is `[.., queries, out]`.
///
/// # Errors
/// If the shapes do not fit; the message states the expected ones.
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
        let expected = "a query and a key with the same number of features, and a key and a value with \
            the same number of keys";
        return Err(Error::Shapes { op: OP, expected: expected.into(), got: shapes.into() });
    }
    let front = |shape: &Shape| Shape::from(&shape[..shape.rank() - 2]);
    let [query_front, key_front, value_front] = shapes.each_ref().map(front);
    let scores = query_front.broadcast(&key_front);
    let Some(scores) = scores.filter(|scores| scores.broadcast(&value_front).is_some()) else {
        let expected =
            "a query, a key and a value whose leading axes (all but the last two) broadcast";
        return Err(Error::Shapes { op: OP, expected: expected.into(), got: shapes.into() });
    };
    let mask = options.resolve(*queries, *keys)?;
    let scale = options.scale.unwrap_or(1.0 / (*features as f64).sqrt());
    // Scaling the query takes fewer multiplications than scaling the scores, and keeps them in
    // range.
    let mut query = super::mul_scalar(query, E::from_f64(scale))?;
    let (mut key, mut value) = (key, value);
    if let Some(mask) = &mask {
        let scores = scores.iter().chain([queries, keys]).copied().collect();
        if !mask.shape().broadcasts_to(&scores) {
            let expected = format!("a mask that broadcasts to the scores, {scores}");
            return Err(Error::Shapes { op: OP, expected, got: vec![mask.shape().clone()] });
        }
        let [of_query, of_key, of_value] = [largest(query)?, largest(key)?, largest(value)?];
        if ![of_query, of_key, of_value].into_iter().all(f64::is_finite) {
            let (seeing, seen) = visible(mask, *queries, *keys)?;
            query = cleared(query, of_query, &seeing)?;
            key = cleared(key, of_key, &seen)?;
            value = cleared(value, of_value, &seen)?;
        }
    }
    let scores = attention_scores::scores(query, key, mask.as_ref())?;
    let Some(mask) = mask else {
        return super::matmul(super::softmax(scores, -1)?, value);
    };
    let constant = |value| query.tape().constant(&Tensor::scalar(value));
    let masked = super::where_(&mask, scores, constant(lowest()))?;
    let weights = super::where_(&mask, super::softmax(masked, -1)?, constant(E::ZERO))?;
    super::matmul(weights, value)
}

methods! {
    /// Scaled dot-product attention.
    scaled_dot_product_attention / try_scaled_dot_product_attention(key, value; options: &Attention)
}
