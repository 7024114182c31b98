//! The logistic function and its relatives.

use crate::Element;
use crate::simd::Lanes;
use crate::slices::VectorFn;

use super::constants::Constants as _;
use super::exp::exp_pair_short;
use super::pair::Pair;

/// `1 / (1 + e^-x) = 2^n (hi + lo)`.
///
/// With `t = e^-|x|` it is `t / (1 + t)` for negative `x` and `1 / (1 + t)` for others; `t`, the
/// sum and the quotient are pairs. The power of two is left off the numerator, so that nothing is
/// lost where `t` is subnormal.
#[inline(always)]
pub(crate) fn logistic_pair<V: Lanes>(x: V) -> (V, Pair<V>) {
    let (zero, one) = (x.lit(V::Elem::ZERO), x.lit(V::Elem::ONE));
    let negative = x.lt(zero);
    let (n, t) = exp_pair_short(x.lit(V::Elem::EXP_MIN).max(-x.abs()));
    let scale = x.lit(V::Elem::MIN_EXPONENT).max(n).pow2();
    let sum = Pair::fast_sum(one, scale * t.hi);
    let below = Pair { hi: sum.hi, lo: scale.mul_add(t.lo, sum.lo) };
    let above = Pair { hi: V::select(negative, t.hi, one), lo: V::select(negative, t.lo, zero) };
    (V::select(negative, n, zero), above.over(below))
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub(crate) fn logistic<V: Lanes>(x: V) -> V {
    let (n, y) = logistic_pair(x);
    y.value().scale2(n)
}

/// `1 / (1 + e^-x)`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Logistic;

impl<E: Element> VectorFn<E> for Logistic {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        logistic(x)
    }
}
