//! The hyperbolic tangent.

use crate::Element;
use crate::simd::Lanes;
use crate::slices::VectorFn;

use super::constants::Constants as _;
use super::exp::Reduced;
use super::pair::Pair;

/// Numerator and denominator of `tanh |x|`: with `u = e^(-2|x|) - 1` they are `-u` and `2 + u`. `u`
/// is a pair that is accurate beside itself however small `x` is, so no range needs its own branch.
#[inline(always)]
pub(crate) fn fraction<V: Lanes>(x: V) -> (Pair<V>, Pair<V>) {
    let two = x.lit(V::Elem::ONE + V::Elem::ONE);
    let a = x.lit(V::Elem::TANH_MAX).min(x.abs());
    let reduced = Reduced::fine(Pair { hi: -(a + a), lo: x.lit(V::Elem::ZERO) });
    let u = reduced.m1_of_negative(reduced.n.pow2());
    (Pair { hi: -u.hi, lo: -u.lo }, u.plus_larger(two))
}

/// `tanh x`.
#[inline(always)]
pub(crate) fn tanh<V: Lanes>(x: V) -> V {
    let (numerator, denominator) = fraction(x);
    numerator.over_rounded(denominator).copysign(x)
}

/// `tanh x`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Tanh;

impl<E: Element> VectorFn<E> for Tanh {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        tanh(x)
    }
}
