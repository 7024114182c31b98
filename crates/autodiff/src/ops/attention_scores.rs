//! The scores of attention, `Q K^T`, which may exceed the range of the element type. A row of
//! scores that does is computed again, scaled, and shifted by its largest visible score: a number
//! of each row that the softmax does not depend on. The cotangents are those of the product.

use wengert_kernels::Element;

use super::attention::{OP, largest, lowest};
use super::matmul::MatMul;
use super::support;
use crate::error::Result;
use crate::mask::Mask;
use crate::op::{Cotangents, Forward, Op, Vjp};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::{Tensor, strided};

#[derive(Clone, Debug)]
struct Scores {
    mask: Option<Mask>,
}

impl<E: Element> Op<E> for Scores {
    described!(OP, operands: 2);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        Op::<E>::shape(&MatMul, inputs)
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let mut scores = MatMul.forward(inputs, ctx)?;
        // Hidden scores become the lowest number: visible ones must be far from it.
        let half = E::from_f64(lowest::<E>().to_f64() * -0.5);
        if strided::max_abs(&scores)? <= half {
            return Ok(scores);
        }
        let shape = ctx.shape();
        let mask = self.mask.as_ref().map(|mask| mask.try_broadcast_to(shape)).transpose()?;
        let mask = mask.as_ref().map(Mask::try_to_contiguous).transpose()?;
        let (front, [queries, keys]) = shape.matrices(OP)?;
        let rows_of = |x: &Tensor<E>, rows: usize| {
            let features = x.shape()[x.rank() - 1];
            let shape: Shape = front.iter().copied().chain([rows, features]).collect();
            x.try_broadcast_to(shape)?.try_contiguous()
        };
        let (query, key) =
            (rows_of(inputs[0], queries)?, rows_of(&inputs[1].try_transpose(-2, -1)?, keys)?);
        let features = query.shape()[query.rank() - 1];
        let (query, key) = (support::slice(&query), support::slice(&key));
        for (row, scores) in scores.as_mut_slice().chunks_exact_mut(keys).enumerate() {
            let visible = mask.as_ref().map(|mask| &mask[row * keys..][..keys]);
            let is_visible = |k: usize| visible.is_none_or(|visible| visible[k]);
            if (0..keys).all(|k| scores[k].abs() <= half || !is_visible(k)) {
                continue;
            }
            let query = &query[row * features..][..features];
            let key = &key[row / queries * keys * features..][..keys * features];
            limit(query, key, is_visible, scores);
        }
        Ok(scores)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        MatMul.vjp(node)
    }
}

/// The exponent of the largest finite magnitude; 0 if that is zero.
fn exponent<E: Element>(x: &[E]) -> i32 {
    let finite = x.iter().filter(|x| x.is_finite());
    let largest = finite.fold(0.0, |largest: f64, x| largest.max(x.abs().to_f64()));
    if largest > 0.0 { largest.log2().floor() as i32 } else { 0 }
}

/// `x 2^-exponent`, also for exponents whose power is not a number of the type.
fn scaled(x: f64, exponent: i32) -> f64 {
    let half = exponent / 2;
    x * f64::from(-half).exp2() * f64::from(half - exponent).exp2()
}

/// Writes the scores of a query less the largest visible one; zeros in place of hidden ones. Leaves
/// the scores as they are if a visible one is infinite or NaN because an operand is.
fn limit<E: Element>(query: &[E], key: &[E], is_visible: impl Fn(usize) -> bool, scores: &mut [E]) {
    // Both operands are scaled to magnitudes of about one. A term that underflows is negligible in
    // a row of which a score exceeds the range.
    let [of_query, of_key] = [exponent(query), exponent(key)];
    let query: Vec<f64> = query.iter().map(|x| scaled(x.to_f64(), of_query)).collect();
    let score = |key: &[E]| -> f64 {
        query.iter().zip(key).map(|(q, k)| q * scaled(k.to_f64(), of_key)).sum()
    };
    let small: Vec<f64> = key
        .chunks_exact(query.len())
        .enumerate()
        .map(|(k, key)| if is_visible(k) { score(key) } else { f64::NEG_INFINITY })
        .collect();
    let visible = || (0..small.len()).filter(|&k| is_visible(k));
    if visible().any(|k| !small[k].is_finite()) {
        return;
    }
    let largest = visible().fold(f64::NEG_INFINITY, |largest, k| largest.max(small[k]));
    let lowest = lowest();
    for (k, score) in scores.iter_mut().enumerate() {
        *score = E::ZERO;
        if is_visible(k) && small[k] < largest {
            let shifted = E::from_f64(scaled(small[k] - largest, -(of_query + of_key)));
            *score = if shifted.is_finite() { shifted } else { lowest };
        }
    }
}

/// The scores of the queries with the keys: a plain product, unless its elements may exceed the
/// range. A mask hides scores whose size does not matter.
#[track_caller]
pub(super) fn scores<'t, E: Element>(
    query: Var<'t, E>,
    key: Var<'t, E>,
    mask: Option<&Mask>,
) -> Result<Var<'t, E>> {
    let features = *query.shape().last().unwrap_or(&0) as f64;
    let transposed = super::transpose(key, -2, -1)?;
    // Half of the range is left to roundings.
    let bound = 2.0 * features * largest(query)? * largest(key)?;
    if E::from_f64(bound).is_finite() {
        return super::matmul(query, transposed);
    }
    query.tape().apply(Scores { mask: mask.cloned() }, &[query, transposed])
}
