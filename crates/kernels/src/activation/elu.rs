//! The exponential linear units: elu (D.-A. Clevert et al., "Fast and accurate deep network learning
//! by exponential linear units", 2015), selu (G. Klambauer et al., "Self-normalizing neural networks",
//! 2017) and celu (J. T. Barron, "Continuously differentiable exponential linear units", 2017).

use crate::Element;
use crate::math::{Pair, Reduced, constants::Constants as _, upstream};
use crate::simd::Lanes;
use crate::slices::VectorFn;

use super::Derivative;

/// `x` for positive `x`, else `alpha (e^x - 1)`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Elu<E> {
    /// `alpha`.
    pub alpha: E,
}

/// `e^(x + lo) - 1` for `x <= 0`; others give what is to be thrown away, and NaN is kept.
#[inline(always)]
fn below_zero<V: Lanes>(x: V, lo: V) -> Pair<V> {
    let (least, zero) = (x.lit(V::Elem::EXP_M1_MIN), x.lit(V::Elem::ZERO));
    let lo = V::select(x.lt(least), zero, lo);
    let reduced = Reduced::fine(Pair { hi: least.max(zero.min(x)), lo });
    reduced.m1_of_negative(reduced.n.pow2())
}

/// `gy` where `x > 0`, else `gy factor e^(x + lo)`; no overflow hides behind the choice.
#[inline(always)]
fn slope<V: Lanes>(gy: V, x: V, lo: V, right: V, factor: V) -> V {
    let (least, zero) = (x.lit(V::Elem::EXP_MIN), x.lit(V::Elem::ZERO));
    let lo = V::select(x.lt(least), zero, lo);
    let reduced = Reduced::fine(Pair { hi: least.max(zero.min(x)), lo });
    let left = upstream(gy, reduced.n, reduced.mantissa().hi * factor);
    V::select(zero.lt(x), gy * right, left)
}

impl<E: Element> VectorFn<E> for Elu<E> {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        let y = below_zero(x, x.lit(E::ZERO)).times_vector(x.lit(self.alpha)).value();
        V::select(x.lit(E::ZERO).lt(x), x, keep_zero(x, y))
    }
}

/// A zero argument gives itself, sign and all.
#[inline(always)]
fn keep_zero<V: Lanes>(x: V, y: V) -> V {
    V::select(x.eq(x.lit(V::Elem::ZERO)), x, y)
}

impl<E: Element> Derivative<E> for Elu<E> {
    /// One, or `alpha e^x` from zero down.
    #[inline(always)]
    fn times<V: Lanes<Elem = E>>(self, gy: V, x: V) -> V {
        slope(gy, x, x.lit(E::ZERO), x.lit(E::ONE), x.lit(self.alpha))
    }
}

/// `scale x` for positive `x`, else `scale alpha (e^x - 1)`, with the two numbers for which zero mean
/// and unit variance are a fixed point, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Selu;

impl<E: Element> VectorFn<E> for Selu {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        let factor = Pair::splat(x.token(), E::SELU_SCALE_ALPHA);
        let y = below_zero(x, x.lit(E::ZERO)).times(factor).value();
        let [scale, rest] = E::SELU_SCALE;
        // What the rounded scale lacks of infinity would be minus infinity.
        let lacks = V::select(x.eq(x.lit(E::INFINITY)), x.lit(E::ZERO), x * x.lit(rest));
        let right = x.mul_add(x.lit(scale), lacks);
        V::select(x.lit(E::ZERO).lt(x), right, keep_zero(x, y))
    }
}

impl<E: Element> Derivative<E> for Selu {
    /// The scale, or `scale alpha e^x` from zero down.
    #[inline(always)]
    fn times<V: Lanes<Elem = E>>(self, gy: V, x: V) -> V {
        let [right, left] = [E::SELU_SCALE, E::SELU_SCALE_ALPHA].map(|c| x.lit(c[0]));
        slope(gy, x, x.lit(E::ZERO), right, left)
    }
}

/// `x` for positive `x`, else `alpha (e^(x / alpha) - 1)`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Celu<E> {
    /// `alpha`, not zero.
    pub alpha: E,
}

impl<E: Element> Celu<E> {
    /// `x / alpha` and what its rounding leaves out.
    #[inline(always)]
    fn quotient<V: Lanes<Elem = E>>(self, x: V) -> Pair<V> {
        let alpha = x.lit(self.alpha);
        let bounded = (alpha * x.lit(E::VANISHING)).max(x);
        let q = bounded / alpha;
        Pair { hi: q, lo: -crate::math::product_error(q, alpha, bounded) / alpha }
    }
}

impl<E: Element> VectorFn<E> for Celu<E> {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        let q = self.quotient(x);
        let y = below_zero(q.hi, q.lo).times_vector(x.lit(self.alpha)).value();
        V::select(x.lit(E::ZERO).lt(x), x, keep_zero(x, y))
    }
}

impl<E: Element> Derivative<E> for Celu<E> {
    /// One, or `e^(x / alpha)` from zero down.
    #[inline(always)]
    fn times<V: Lanes<Elem = E>>(self, gy: V, x: V) -> V {
        let q = self.quotient(x);
        let one = x.lit(E::ONE);
        V::select(x.lit(E::ZERO).lt(x), gy, slope(gy, q.hi, q.lo, one, one))
    }
}
