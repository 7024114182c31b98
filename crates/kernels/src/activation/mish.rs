//! `mish(x) = x tanh(ln(1 + e^x))`. D. Misra, "Mish: a self regularized non-monotonic activation
//! function", 2019.

use crate::Element;
use crate::math::{Pair, Reduced, exp_pair, power_of_negative, upstream};
use crate::simd::Lanes;
use crate::slices::VectorFn;

use super::Derivative;
use super::silu::distance;

/// `x tanh(ln(1 + e^x))`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Mish;

impl<E: Element> VectorFn<E> for Mish {
    /// With `w = e^-|x|` the hyperbolic tangent is `w (w + 2) / (w (w + 2) + 2)` for negative `x` and
    /// `(1 + 2 w) / (1 + 2 w + 2 w^2)` for others.
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        let (zero, one) = (x.lit(E::ZERO), x.lit(E::ONE));
        let two = one + one;
        let (n, mantissa) = exp_pair(x.lit(E::VANISHING).max(-x.abs()));
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
        let bounded = x.lit(E::VANISHING).max(x.lit(E::HUGE).min(x));
        let y = numerator.times_vector(bounded).over_rounded(denominator);
        let y = y.scale2(V::select(negative, n, zero));
        V::select(x.lit(E::HUGE).lt(x) | x.eq(zero), x, y)
    }
}

impl<E: Element> Derivative<E> for Mish {
    /// With `w = e^x` it is `w omega / (w^2 + 2 w + 2)^2` with
    /// `omega = 4 (x + 1) + w (4 x + 6) + 4 w^2 + w^3`, which has a zero at an `x0 < 0`. With
    /// `d = x - x0` and `e = e^d - 1` that is `4 d (1 + w) + e (k0 + k1 e + k2 e^2)`: terms of one
    /// sign, so that nothing cancels.
    #[inline(always)]
    fn times<V: Lanes<Elem = E>>(self, gy: V, x: V) -> V {
        let token = x.token();
        let (one, four) = (x.lit(E::ONE), x.lit(E::from_f64(4.0)));
        let two = one + one;
        let bounded = x.lit(E::VANISHING).max(x.lit(E::SATURATED).min(x));
        let root: Pair<V> = Pair::splat(token, E::MISH_ROOT);
        let at_root = Pair::splat(token, E::MISH_ROOT_EXP);
        let d = distance(root, bounded);
        let d = Pair { hi: -d.hi, lo: -d.lo };
        let reduced = Reduced::fine(d);
        let n = reduced.n;
        let scale = x.lit(E::MIN_EXPONENT).max(n).pow2();
        let e = reduced.m1(scale);
        let mantissa = reduced.mantissa().times(at_root);
        let w = mantissa.scaled(scale);
        let [k0, k1, k2]: [Pair<V>; 3] = E::MISH.map(|k| Pair::splat(token, k));
        let zero = x.lit(E::ZERO);
        let whole = |number: V| Pair { hi: number, lo: zero };
        let linear = d.scaled(four).times(whole(one).plus(w));
        let curved = e.times(k0.plus(e.times(k1.plus(e.times(k2)))));
        let omega = linear.plus(curved);
        // w^2 + 2 w + 2 = w (w + 2) + 2
        let delta = whole(two).plus(w.times(whole(two).plus(w)));
        let y = mantissa.times(omega).over_rounded(delta.squared());
        // Where w is large the quotient is tiny without its power of two, and scaled up.
        let positive = x.lit(E::ZERO).lt(n);
        let scaled = gy * (y * scale);
        V::select(positive, scaled, upstream(gy, n, y))
    }
}
