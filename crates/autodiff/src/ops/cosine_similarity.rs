//! The cosine of the angle between vectors, `sum(a b) / (max(|a|, eps) max(|b|, eps))`, composed of
//! other operations. Vectors whose squares are far from 1 are scaled by powers of two first.

use wengert_kernels::Element;

use super::scaling;
use crate::error::{Error, Result};
use crate::shape::Shape;
use crate::tape::Var;

/// The cosine of the angle between the vectors along an axis:
/// `sum(a b) / (max(|a|, eps) max(|b|, eps))`, as in PyTorch. For a zero vector it is 0, and its
/// derivative is that of the quotient by `eps`.
///
/// # Accuracy
/// For vectors of `n` elements the error is below `(30 + log2 n) eps` times
/// `sum |a b| / (max(|a|, eps) max(|b|, eps))`, with the element type's `eps`, plus the smallest
/// normal number. The bound holds where norms, squares or products overflow or underflow too. A NaN
/// or an infinity in a vector makes its result NaN.
///
/// # Shapes
/// The operands broadcast; the result does not have the axis.
///
/// # Errors
/// If the shapes do not broadcast, the axis does not exist, or `eps` is not positive and finite.
#[track_caller]
pub fn cosine_similarity<'t, E: Element>(
    a: Var<'t, E>,
    b: Var<'t, E>,
    axis: isize,
    eps: f64,
) -> Result<Var<'t, E>> {
    const OP: &str = "cosine_similarity";
    if !(eps > 0.0 && eps.is_finite()) {
        let message = format!("eps must be positive and finite, got {eps}");
        return Err(Error::Argument { op: OP, message });
    }
    let (shape_a, shape_b): (Shape, Shape) = (a.shape(), b.shape());
    let Some(shape) = shape_a.broadcast(&shape_b) else {
        let expected = "shapes that broadcast".to_owned();
        return Err(Error::Shapes { op: OP, expected, got: vec![shape_a, shape_b] });
    };
    let axis = shape.axis(OP, axis)?;
    let inner =
        |a: Var<'t, E>, b: Var<'t, E>| super::sum_axes(super::mul(a, b)?, &[axis as isize], false);
    let (a, b) = (super::broadcast_to(a, shape.clone())?, super::broadcast_to(b, shape.clone())?);
    let (square_a, square_b) = (inner(a, a)?, inner(b, b)?);
    // The cotangents contain products with third powers of the reciprocal lengths, and those of
    // second derivatives with fifth powers: near length 1 they stay in range.
    let ordinary = |v: Var<'t, E>| scaling::all_within(&v.try_value()?, 12);
    if scaling::is_within::<E>(eps, 40) && ordinary(square_a)? && ordinary(square_b)? {
        let reciprocal_length = |square: Var<'t, E>| {
            let least = E::from_f64(eps * eps);
            super::rsqrt(super::clamp(square, least, E::from_f64(f64::INFINITY))?)
        };
        let lengths = [reciprocal_length(square_a)?, reciprocal_length(square_b)?];
        return super::mul(super::mul(inner(a, b)?, lengths[0])?, lengths[1]);
    }
    let flags: Vec<bool> = (0..shape.rank()).map(|i| i == axis).collect();
    let scaled = |v: Var<'t, E>| {
        let (v, powers) = scaling::scaled(v, &flags, eps)?;
        let square = inner(v, v)?;
        // The scaled `eps` is at most 2. It underflows to zero only where the powers of two end,
        // and there no norm is smaller than `eps`.
        let mut least = scaling::squares(&powers, eps).try_reshape(square.shape())?;
        for least in least.as_mut_slice() {
            *least = E::from_f64(least.to_f64().max(E::MIN_EXPONENT.to_f64().exp2()));
        }
        let short = square.try_value()?.le(&least);
        let square = super::where_(&short, v.tape().constant(&least), square)?;
        Ok::<_, Error>((v, super::rsqrt(square)?))
    };
    let ((a, length_a), (b, length_b)) = (scaled(a)?, scaled(b)?);
    super::mul(super::mul(inner(a, b)?, length_a)?, length_b)
}

methods! {
    /// The cosine of the angle between the vectors along an axis.
    cosine_similarity / try_cosine_similarity(other; axis: isize, eps: f64)
}
