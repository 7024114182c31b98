//! The hyperbolic tangent.

use crate::Element;
use crate::simd::Lanes;
use crate::slices::VectorFn;

use super::constants::Constants as _;
use super::exp::exp_m1_pair;
use super::pair::Pair;

/// `tanh x`.
///
/// With `u = e^(-2|x|) - 1` it is `-u / (2 + u)` with the sign of `x`. `u` is a pair that is
/// accurate beside itself however small `x` is, so no range needs its own branch.
#[inline(always)]
pub(crate) fn tanh<V: Lanes>(x: V) -> V {
    let two = x.lit(V::Elem::ONE + V::Elem::ONE);
    let a = x.lit(V::Elem::TANH_MAX).min(x.abs());
    let u = exp_m1_pair(-(a + a), x.lit(V::Elem::ZERO));
    let sum = Pair::fast_sum(two, u.hi);
    let y = u.over(Pair { hi: sum.hi, lo: sum.lo + u.lo });
    y.value().copysign(x)
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
