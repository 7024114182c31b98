//! `mish(x) = x tanh(ln(1 + e^x))`. D. Misra, "Mish: a self regularized non-monotonic activation
//! function", 2019.

use crate::math::constants::Constants as _;
use crate::math::double::constants::{LOST, MISH, MISH_ROOT, MISH_ROOT_EXP};
use crate::math::double::{
    self, DerivativeInDouble, InDouble, derivatives_in_double, values_in_double,
};
use crate::math::{Pair, Reduced, exp_pair, power_of_negative, upstream};
use crate::simd::Lanes;

use super::silu::{distance, short_distance};

/// `x tanh(ln(1 + e^x))`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Mish;

/// Above this argument `1 + x e^-x` rounds to one in `f64`.
const SATURATED: f64 = 40.0;

impl InDouble for Mish {
    /// With `w = e^x` the hyperbolic tangent is `w (w + 2) / (w (w + 2) + 2)`.
    #[inline(always)]
    fn short<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let two = x.lit(2.0);
        let bounded = x.lit(-700.0).max(x);
        let w = double::exp(x.lit(SATURATED).min(bounded));
        let numerator = w * (w + two);
        bounded * numerator / (numerator + two)
    }

    /// With `w = e^-|x|` the hyperbolic tangent is `w (w + 2) / (w (w + 2) + 2)` for negative `x`
    /// and `(1 + 2 w) / (1 + 2 w + 2 w^2)` for others.
    #[inline(always)]
    fn long<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let (zero, one) = (x.lit(0.0), x.lit(1.0));
        let two = one + one;
        let (n, mantissa) = exp_pair(x.lit(f64::VANISHING).max(-x.abs()));
        let w = mantissa.scaled(power_of_negative(n));
        let negative = x.lt(zero);
        // The numerator without its power of two, and the denominator.
        let more = w.plus_larger(two);
        let left = mantissa.times(more);
        let right = w.scaled(two).plus_larger(one);
        let square = (w.hi * w.hi) * two;
        let below = w.times(more).plus_larger(two);
        let denominator = Pair::select(negative, below, right.plus_smaller(square));
        let numerator = Pair::select(negative, left, right);
        let bounded = x.lit(f64::VANISHING).max(x.lit(f64::HUGE).min(x));
        let y = numerator.times_vector(bounded).over_rounded(denominator);
        let y = y.scale2(W::select(negative, n, zero));
        W::select(x.lit(f64::HUGE).lt(x) | x.eq(zero), x, y)
    }
}

values_in_double!(Mish);

impl DerivativeInDouble for Mish {
    #[inline(always)]
    fn short_slope<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let (one, two) = (x.lit(1.0), x.lit(2.0));
        let d = short_distance(double::clamp(x, -350.0, SATURATED), MISH_ROOT);
        let (e, m1) = double::exp_and_m1(d);
        let w = e * x.lit(MISH_ROOT_EXP[0]);
        let [k0, k1, k2] = MISH.map(|k| x.lit(k[0]));
        let curved = m1 * m1.mul_add(m1.mul_add(k2, k1), k0);
        let omega = (d * x.lit(4.0)).mul_add(one + w, curved);
        let delta = w.mul_add(w + two, two);
        w * omega / (delta * delta)
    }

    /// With `w = e^x` it is `w omega / (w^2 + 2 w + 2)^2` with
    /// `omega = 4 (x + 1) + w (4 x + 6) + 4 w^2 + w^3`, which has a zero at an `x0 < 0`. With
    /// `d = x - x0` and `e = e^d - 1` that is `4 d (1 + w) + e (k0 + k1 e + k2 e^2)`: terms of one
    /// sign, so that nothing cancels.
    #[inline(always)]
    fn long_times<W: Lanes<Elem = f64>>(self, gy: W, x: W) -> W {
        let token = x.token();
        let (one, four) = (x.lit(1.0), x.lit(4.0));
        let two = one + one;
        let bounded = x.lit(LOST).max(x.lit(SATURATED).min(x));
        let root: Pair<W> = Pair::splat(token, MISH_ROOT);
        let at_root = Pair::splat(token, MISH_ROOT_EXP);
        let d = distance(root, bounded);
        let d = Pair { hi: -d.hi, lo: -d.lo };
        let reduced = Reduced::fine(d);
        let n = reduced.n;
        let scale = x.lit(f64::MIN_EXPONENT).max(n).pow2();
        let e = reduced.m1(scale);
        let mantissa = reduced.mantissa().times(at_root);
        let w = mantissa.scaled(scale);
        let [k0, k1, k2]: [Pair<W>; 3] = MISH.map(|k| Pair::splat(token, k));
        let zero = x.lit(0.0);
        let whole = |number: W| Pair { hi: number, lo: zero };
        let linear = d.scaled(four).times(whole(one).plus(w));
        let curved = e.times(k0.plus(e.times(k1.plus(e.times(k2)))));
        let omega = linear.plus(curved);
        // w^2 + 2 w + 2 = w (w + 2) + 2
        let delta = whole(two).plus(w.times(whole(two).plus(w)));
        let y = mantissa.times(omega).over_rounded(delta.squared());
        // Where w is large the quotient is tiny without its power of two, and scaled up.
        let positive = x.lit(0.0).lt(n);
        let scaled = gy * (y * scale);
        W::select(positive, scaled, upstream(gy, n, y))
    }
}

derivatives_in_double!(Mish);
