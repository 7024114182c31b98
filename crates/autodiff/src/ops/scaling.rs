//! Powers of two that scale the lines of a tensor to magnitudes near one.
//!
//! Gradients composed of variables use them where the squares or differences of a line overflow or
//! underflow: for a homogeneous `f` of degree `k`, `f(x)` is exactly `f(s x) / s^k`, and `s` is a
//! constant in all derivatives.

use wengert_kernels::{Element, reduce};

use crate::error::Result;
use crate::tape::Var;
use crate::tensor::{Tensor, strided};

/// Whether all elements are within `2^-exponent..2^exponent` for `f32`, or the corresponding part
/// of the range of `f64`.
pub(super) fn all_within<E: Element>(x: &Tensor<E>, exponent: i32) -> Result<bool> {
    let limit = limit::<E>(exponent);
    let (low, high) = (E::from_f64(limit.recip()), E::from_f64(limit));
    let x = x.try_contiguous()?;
    Ok(x.as_slice().unwrap_or_default().iter().all(|x| x.abs() >= low && x.abs() <= high))
}

/// Whether all elements are zero or within the interval of [`all_within`].
pub(super) fn all_within_or_zero<E: Element>(x: &Tensor<E>, exponent: i32) -> Result<bool> {
    let limit = limit::<E>(exponent);
    let (low, high) = (E::from_f64(limit.recip()), E::from_f64(limit));
    let good = |x: &E| *x == E::ZERO || (x.abs() >= low && x.abs() <= high);
    Ok(x.try_contiguous()?.as_slice().unwrap_or_default().iter().all(good))
}

/// Whether a number is within the interval of [`all_within`].
pub(super) fn is_within<E: Element>(x: f64, exponent: i32) -> bool {
    let limit = limit::<E>(exponent);
    x >= limit.recip() && x <= limit
}

fn limit<E: Element>(exponent: i32) -> f64 {
    let scale = (-E::MIN_EXPONENT.to_f64() / 126.0).floor();
    (f64::from(exponent) * scale).exp2()
}

/// The largest magnitude of each line over the flagged axes, which stay with size 1.
fn largest<E: Element>(x: &Tensor<E>, flags: &[bool]) -> Result<Tensor<E>> {
    let mut largest = Tensor::try_full(x.shape().with_ones(flags), E::ZERO)?;
    strided::fold(x, flags, largest.as_mut_slice(), reduce::max_abs_axis)?;
    Ok(largest)
}

/// Whether lines whose deviations or norms are `spread` need scaling. They do not if these are
/// within `2^-exponent..2^exponent`, or zero while the elements are within that interval or zero.
pub(super) fn is_needed<E: Element>(
    x: &Tensor<E>,
    flags: &[bool],
    spread: &Tensor<E>,
    exponent: i32,
) -> Result<bool> {
    if all_within(spread, exponent)? {
        return Ok(false);
    }
    let ordinary = |x: &Tensor<E>| all_within_or_zero(x, exponent);
    Ok(!(ordinary(spread)? && ordinary(&largest(x, flags)?)?))
}

/// For each line over the flagged axes, which stay with size 1, the power of two that scales the
/// larger of its largest magnitude and the line's `floor` to `1..2`; 1 for a line of zeros, or one
/// with a NaN or an infinity. Both the power and its reciprocal are normal numbers; for subnormal
/// elements the power is therefore too small by up to the number of mantissa bits.
pub(super) fn powers<E: Element>(
    x: &Tensor<E>,
    flags: &[bool],
    floor: impl Fn(usize) -> f64,
) -> Result<Tensor<E>> {
    let mut powers = largest(x, flags)?;
    let least = E::MIN_EXPONENT.to_f64();
    for (line, power) in powers.as_mut_slice().iter_mut().enumerate() {
        let size = power.to_f64().max(floor(line));
        let ordinary = power.is_finite() && size > 0.0;
        let exponent = if ordinary { -size.log2().floor() } else { 0.0 };
        *power = E::from_f64(exponent.clamp(least, -least).exp2());
    }
    Ok(powers)
}

/// The factor 1/4 for lines near the end of the range, where differences would overflow, and 1 for
/// all others; shapes as those of [`powers`].
pub(super) fn quarters<E: Element>(x: &Tensor<E>, flags: &[bool]) -> Result<Tensor<E>> {
    let mut quarters = largest(x, flags)?;
    let limit = E::from_f64(limit::<E>(100));
    for quarter in quarters.as_mut_slice() {
        *quarter = if *quarter > limit { E::from_f64(0.25) } else { E::ONE };
    }
    Ok(quarters)
}

/// The [`powers`] of lines that these make larger, and the [`quarters`] of the others, so that
/// sums and differences of the elements neither overflow nor underflow.
pub(super) fn raising<E: Element>(x: &Tensor<E>, flags: &[bool], floor: f64) -> Result<Tensor<E>> {
    let mut powers = powers(x, flags, |_| floor)?;
    let quarters = quarters(x, flags)?;
    for (power, &quarter) in powers.as_mut_slice().iter_mut().zip(quarters.iter()) {
        if *power < E::ONE {
            *power = quarter;
        }
    }
    Ok(powers)
}

/// `x` times the powers, and the powers.
pub(super) fn scaled<'t, E: Element>(
    x: Var<'t, E>,
    flags: &[bool],
    floor: f64,
) -> Result<(Var<'t, E>, Tensor<E>)> {
    let powers = powers(&x.try_value()?, flags, |_| floor)?;
    Ok((super::mul(x, x.tape().constant(&powers))?, powers))
}

/// `(s x)^2` of each power `s` for a number `x`.
pub(super) fn squares<E: Element>(powers: &Tensor<E>, x: f64) -> Tensor<E> {
    let mut result = powers.clone();
    for s in result.as_mut_slice() {
        *s = E::from_f64((x * s.to_f64()).powi(2));
    }
    result
}

/// `eps (s t)^2`: the numbers added to the squares of lines scaled by both powers.
pub(super) fn scaled_eps<E: Element>(s: &Tensor<E>, t: &Tensor<E>, eps: f64) -> Result<Tensor<E>> {
    s.try_zip_with(t, |s, t| {
        let (s, t) = (s.to_f64(), t.to_f64());
        // In this order no product overflows or underflows unless the result does.
        E::from_f64(eps * s * s * t * t)
    })
}
