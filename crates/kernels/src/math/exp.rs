//! The exponential and `e^x - 1`, and the core every function with an exponential inside shares.
//!
//! Cody and Waite's reduction: `x = n ln 2 + r` with integral `n` and `|r| <= ln(2) / 2`, then
//! `e^x = 2^n (1 + r + r^2 q(r))` with a polynomial `q` (W. J. Cody, W. Waite, Software Manual for
//! the Elementary Functions, 1980, chapter 6). Pairs keep more than a vector's precision, so that
//! callers can go on with it and round once at their end.

use crate::Float;
use crate::simd::Lanes;
use crate::slices::VectorFn;

use super::constants::Constants as _;
use super::pair::{Pair, horner};

/// `e^x = 2^n (1 + r + tail)`, and `x = n ln 2 + r + r_lo`.
#[derive(Clone, Copy)]
pub(crate) struct Reduced<V> {
    pub(crate) n: V,
    r: V,
    tail: V,
}

impl<V: Lanes> Reduced<V> {
    /// Of a finite `x` within [`clamp`]'s range, or NaN; the rounding of the reduced argument costs
    /// up to a quarter of an ULP.
    #[inline(always)]
    pub(crate) fn rough(x: V) -> Self {
        let (n, most) = periods(x);
        let r = n.neg_mul_add(x.lit(V::Elem::LN2_LO), most);
        Self { n, r, tail: (r * r) * horner(r, V::Elem::EXP) }
    }

    /// Of `x + x_lo`, to a few hundredths of an ULP.
    #[inline(always)]
    pub(crate) fn fine(x: Pair<V>) -> Self {
        let (n, most) = periods(x.hi);
        let r = n.neg_mul_add(x.hi.lit(V::Elem::LN2_LO), most);
        let r_lo = n.neg_mul_add(x.hi.lit(V::Elem::LN2_LO), most - r) + x.lo;
        let tail = (r * r) * horner(r, V::Elem::EXP);
        // The low part is multiplied by all of the exponential: an argument's own may be large.
        Self { n, r, tail: tail + r_lo.mul_add(r + tail, r_lo) }
    }

    /// `e^x / 2^n`, in `[0.7, 1.42]`.
    #[inline(always)]
    pub(crate) fn mantissa(self) -> Pair<V> {
        let sum = Pair::fast_sum(self.r.lit(V::Elem::ONE), self.r);
        Pair::fast_sum(sum.hi, sum.lo + self.tail)
    }

    /// `e^x - 1` for `scale = 2^n`, where `n` is at most zero.
    #[inline(always)]
    pub(crate) fn m1_of_negative(self, scale: V) -> Pair<V> {
        let power = Pair::fast_sum(-self.r.lit(V::Elem::ONE), scale);
        let sum = Pair::fast_sum(power.hi, scale * self.r);
        Pair::fast_sum(sum.hi, scale.mul_add(self.tail, sum.lo + power.lo))
    }

    /// `e^x - 1` for `scale = 2^n`.
    #[inline(always)]
    pub(crate) fn m1(self, scale: V) -> Pair<V> {
        let power = Pair::sum(scale, -self.r.lit(V::Elem::ONE));
        let sum = Pair::fast_sum(power.hi, scale * self.r);
        Pair::fast_sum(sum.hi, scale.mul_add(self.tail, sum.lo + power.lo))
    }
}

/// The whole periods `n` of `ln 2` in `x`, and `x` without their leading part, exactly.
#[inline(always)]
fn periods<V: Lanes>(x: V) -> (V, V) {
    let rounder = x.lit(V::Elem::ROUNDER);
    let n = x.mul_add(x.lit(V::Elem::LOG2_E), rounder) - rounder;
    (n, n.neg_mul_add(x.lit(V::Elem::LN2_HI), x))
}

/// `e^x = 2^n (hi + lo)` to half an ULP. `x` as for [`Reduced::rough`].
#[inline(always)]
pub(crate) fn exp_pair<V: Lanes>(x: V) -> (V, Pair<V>) {
    let reduced = Reduced::rough(x);
    (reduced.n, reduced.mantissa())
}

/// `e^(x.hi + x.lo) = 2^n (hi + lo)` to a few hundredths of an ULP.
#[inline(always)]
pub(crate) fn exp_pair_fine<V: Lanes>(x: Pair<V>) -> (V, Pair<V>) {
    let reduced = Reduced::fine(x);
    (reduced.n, reduced.mantissa())
}

/// `x` moved into the range outside of which `e^x` surely overflows or rounds to zero; NaN stays.
#[inline(always)]
pub(crate) fn clamp<V: Lanes>(x: V) -> V {
    x.lit(V::Elem::EXP_MIN).max(x.lit(V::Elem::EXP_MAX).min(x))
}

/// `2^n` for a negative `n`, or the least normal power.
#[inline(always)]
pub(crate) fn power_of_negative<V: Lanes>(n: V) -> V {
    n.lit(V::Elem::MIN_EXPONENT).max(n).pow2()
}

/// `gy 2^n y`, rounded as if once, for a `y` of order one and `n <= 1`: nothing overflows on the
/// way, and no digit is lost to a subnormal intermediate.
#[inline(always)]
pub(crate) fn upstream<V: Lanes>(gy: V, n: V, y: V) -> V {
    let half = n.lit(V::Elem::HALF_SCALE);
    let first = half.max(n);
    (y * first.pow2() * gy).scale2(n - first)
}

/// `e^x`.
#[inline(always)]
pub(crate) fn exp<V: Lanes>(x: V) -> V {
    let Reduced { n, r, tail } = Reduced::rough(clamp(x));
    (x.lit(V::Elem::ONE) + (r + tail)).scale2(n)
}

/// `e^x - 1`.
#[inline(always)]
pub(crate) fn exp_m1<V: Lanes>(x: V) -> V {
    let one = x.lit(V::Elem::ONE);
    // Below this e^x - 1 rounds to -1.
    let x = x.lit(V::Elem::EXP_M1_MIN).max(x.lit(V::Elem::EXP_MAX).min(x));
    let reduced = Reduced::fine(Pair { hi: x, lo: x.lit(V::Elem::ZERO) });
    // The largest exponent is one beyond what a power of two can be: taken half, and doubled.
    let top = x.lit(V::Elem::MAX_EXPONENT);
    let double = V::select(top.lt(reduced.n), one + one, one);
    reduced.m1(top.min(reduced.n).pow2()).value() * double
}

/// `e^x`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Exp;

impl<E: Float> VectorFn<E> for Exp {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        exp(x)
    }
}

/// `e^x - 1`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct ExpM1;

impl<E: Float> VectorFn<E> for ExpM1 {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        exp_m1(x)
    }
}
