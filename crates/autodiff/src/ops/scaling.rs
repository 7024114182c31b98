//! Powers of two by which the lines of a tensor are brought to the order of one.
//!
//! Rules that are written with variables take them where a line's squares, or differences, leave
//! the range: `f(x)` of a homogeneous `f` is `f(s x) / s^k`, exactly, and `s` is a constant to all
//! derivatives.

use wengert_kernels::{Element, reduce};

use crate::error::Result;
use crate::tape::Var;
use crate::tensor::{Tensor, strided};

/// Whether each number lies in `2^-exponent..2^exponent` for `f32`, or the same place in the range
/// of `f64`.
pub(super) fn all_within<E: Element>(x: &Tensor<E>, exponent: i32) -> Result<bool> {
    let limit = limit::<E>(exponent);
    let (low, high) = (E::from_f64(limit.recip()), E::from_f64(limit));
    let x = x.try_contiguous()?;
    Ok(x.as_slice().unwrap_or_default().iter().all(|x| x.abs() >= low && x.abs() <= high))
}

/// As [`all_within`]; a zero is as well.
pub(super) fn all_within_or_zero<E: Element>(x: &Tensor<E>, exponent: i32) -> Result<bool> {
    let limit = limit::<E>(exponent);
    let (low, high) = (E::from_f64(limit.recip()), E::from_f64(limit));
    let good = |x: &E| *x == E::ZERO || (x.abs() >= low && x.abs() <= high);
    Ok(x.try_contiguous()?.as_slice().unwrap_or_default().iter().all(good))
}

/// Whether a number lies in that interval.
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

/// Whether lines need scaling whose deviations, or norms, are `spread`: unless those lie within
/// `2^-exponent..2^exponent`, or are zero while the elements lie there or are zero.
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

/// For each line over the flagged axes, which stay with size 1, the power of two that brings the
/// larger of its largest magnitude and `floor` to `1..2`; 1 for a line of zeros, or one with a NaN
/// or an infinity. Both the power and its reciprocal are normal numbers, which for subnormal
/// elements it is too small by up to the bits of a mantissa.
pub(super) fn powers<E: Element>(x: &Tensor<E>, flags: &[bool], floor: f64) -> Result<Tensor<E>> {
    let mut powers = largest(x, flags)?;
    let least = E::MIN_EXPONENT.to_f64();
    for power in powers.as_mut_slice() {
        let size = power.to_f64().max(floor);
        let ordinary = power.is_finite() && size > 0.0;
        let exponent = if ordinary { -size.log2().floor() } else { 0.0 };
        *power = E::from_f64(exponent.clamp(least, -least).exp2());
    }
    Ok(powers)
}

/// As [`powers`], but a quarter for a line near the end of the range, where differences would leave it,
/// and one for the others.
pub(super) fn quarters<E: Element>(x: &Tensor<E>, flags: &[bool]) -> Result<Tensor<E>> {
    let mut quarters = largest(x, flags)?;
    let limit = E::from_f64(limit::<E>(100));
    for quarter in quarters.as_mut_slice() {
        *quarter = if *quarter > limit { E::from_f64(0.25) } else { E::ONE };
    }
    Ok(quarters)
}

/// `x` times the powers, and they.
pub(super) fn scaled<'t, E: Element>(
    x: Var<'t, E>,
    flags: &[bool],
    floor: f64,
) -> Result<(Var<'t, E>, Tensor<E>)> {
    let powers = powers(&x.try_value()?, flags, floor)?;
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

/// `eps s^2`: what is added to the squares of scaled lines.
pub(super) fn scaled_eps<E: Element>(powers: &Tensor<E>, eps: f64) -> Tensor<E> {
    let mut result = powers.clone();
    for s in result.as_mut_slice() {
        *s = E::from_f64(eps * s.to_f64() * s.to_f64());
    }
    result
}
