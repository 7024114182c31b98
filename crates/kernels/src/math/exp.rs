//! The exponential and `e^x - 1`, and the core every function with an exponential inside shares.
//!
//! Cody and Waite's reduction: `x = n ln 2 + r` with integral `n` and `|r| <= ln(2) / 2`, then
//! `e^x = 2^n (1 + r + r^2 q(r))` with a minimax `q` (W. J. Cody, W. Waite, Software Manual for the
//! Elementary Functions, 1980, chapter 6). `1 + r` is kept as a pair, so that callers can go on
//! with more than a vector's precision and round once at their end.

use crate::Element;
use crate::simd::Lanes;
use crate::slices::VectorFn;

use super::constants::Constants as _;
use super::pair::{Pair, horner};

/// `x = n ln 2 + r + r_lo`.
#[derive(Clone, Copy)]
struct Reduced<V> {
    n: V,
    r: V,
    r_lo: V,
}

#[inline(always)]
fn reduce<V: Lanes>(x: V) -> Reduced<V> {
    let rounder = x.lit(V::Elem::ROUNDER);
    let n = x.mul_add(x.lit(V::Elem::LOG2_E), rounder) - rounder;
    // Exact: LN2_HI has few enough bits.
    let most = n.neg_mul_add(x.lit(V::Elem::LN2_HI), x);
    let r = n.neg_mul_add(x.lit(V::Elem::LN2_LO), most);
    let r_lo = n.neg_mul_add(x.lit(V::Elem::LN2_LO), most - r);
    Reduced { n, r, r_lo }
}

/// `e^x = 2^n * (hi + lo)` with `hi` in `[0.7, 1.42]` and `lo` below its last bit; the rounding of
/// the reduced argument costs up to a quarter of an ULP. `x` must be finite, within [`clamp`]'s
/// range, or NaN.
#[inline(always)]
pub(crate) fn exp_pair_short<V: Lanes>(x: V) -> (V, Pair<V>) {
    let one = x.lit(V::Elem::ONE);
    let Reduced { n, r, .. } = reduce(x);
    let sum = Pair::fast_sum(one, r);
    (n, Pair::fast_sum(sum.hi, (r * r).mul_add(horner(r, V::Elem::EXP), sum.lo)))
}

/// `x` moved into the range outside of which `e^x` surely overflows or rounds to zero; NaN stays.
#[inline(always)]
pub(crate) fn clamp<V: Lanes>(x: V) -> V {
    x.lit(V::Elem::EXP_MIN).max(x.lit(V::Elem::EXP_MAX).min(x))
}

/// `e^x`.
#[inline(always)]
pub(crate) fn exp<V: Lanes>(x: V) -> V {
    let (n, p) = exp_pair_short(clamp(x));
    p.hi.scale2(n)
}

/// `e^(x + x_lo) - 1` as a pair, for `x <= 0` within [`clamp`]'s range, or NaN.
#[inline(always)]
pub(crate) fn exp_m1_pair<V: Lanes>(x: V, x_lo: V) -> Pair<V> {
    let one = x.lit(V::Elem::ONE);
    let Reduced { n, r, r_lo } = reduce(x);
    let low = r_lo + x_lo;
    let tail = (r * r).mul_add(horner(r, V::Elem::EXP), low.mul_add(r, low));
    // 2^n (1 + r + tail) - 1, where 2^n r is exact.
    let scale = n.pow2();
    let power = Pair::fast_sum(-one, scale);
    let sum = Pair::fast_sum(power.hi, scale * r);
    Pair::fast_sum(sum.hi, scale.mul_add(tail, sum.lo + power.lo))
}

/// `e^x - 1`.
#[inline(always)]
pub(crate) fn exp_m1<V: Lanes>(x: V) -> V {
    let one = x.lit(V::Elem::ONE);
    // Below this e^x - 1 rounds to -1.
    let x = x.lit(V::Elem::EXP_M1_MIN).max(x.lit(V::Elem::EXP_MAX).min(x));
    let Reduced { n, r, r_lo } = reduce(x);
    let tail = (r * r).mul_add(horner(r, V::Elem::EXP), r_lo.mul_add(r, r_lo));
    // The largest exponent is one beyond what a power of two can be: taken half, and doubled.
    let top = n.lit(V::Elem::MAX_EXPONENT);
    let double = V::select(top.lt(n), one + one, one);
    let scale = top.min(n).pow2();
    let power = Pair::sum(scale, -one);
    let sum = Pair::fast_sum(power.hi, scale * r);
    (sum.hi + scale.mul_add(tail, sum.lo + power.lo)) * double
}

/// `e^x`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Exp;

impl<E: Element> VectorFn<E> for Exp {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        exp(x)
    }
}

/// `e^x - 1`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct ExpM1;

impl<E: Element> VectorFn<E> for ExpM1 {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        exp_m1(x)
    }
}
