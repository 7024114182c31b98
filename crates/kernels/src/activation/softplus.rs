//! `softplus(x) = ln(1 + e^(beta x)) / beta` and `log_sigmoid(x) = ln logistic(x) = -softplus(-x)`.
//! C. Dugas et al., "Incorporating second-order functional knowledge for better option pricing",
//! NIPS 2000. No threshold switches to `x`: the function is accurate everywhere.

use crate::Element;
use crate::math::{LogisticParts, Pair, exp_pair_fine, log_1p_pair, power_of_negative, upstream};
use crate::simd::Lanes;
use crate::slices::VectorFn;

use super::Derivative;

/// `ln(1 + e^(beta x)) / beta`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Softplus<E> {
    beta: E,
    /// `1 / beta`.
    inverse: [E; 2],
}

impl<E: Element> Softplus<E> {
    /// With this `beta`, which must not be zero.
    pub fn new(beta: E) -> Self {
        let exact = 1.0 / beta.to_f64();
        let hi = E::from_f64(exact);
        // What the rounded reciprocal lacks: (1 - hi beta) / beta.
        let lo = E::from_f64((-hi.to_f64()).mul_add(beta.to_f64(), 1.0) * exact);
        Self { beta, inverse: [hi, lo] }
    }

    /// `-|beta x|`, bounded, and `beta x`.
    #[inline(always)]
    fn exponent<V: Lanes<Elem = E>>(self, x: V) -> (Pair<V>, V) {
        let y = Pair::product(x, x.lit(self.beta));
        let limit = x.lit(-E::VANISHING);
        let inside = y.hi.abs().lt(limit);
        let sign = y.hi.lt(x.lit(E::ZERO));
        let lo = V::select(inside, V::select(sign, y.lo, -y.lo), x.lit(E::ZERO));
        (Pair { hi: (-limit).max(-y.hi.abs()), lo }, y.hi)
    }
}

impl<E: Element> VectorFn<E> for Softplus<E> {
    /// `(max(beta x, 0) + ln(1 + e^-|beta x|)) / beta`.
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        let zero = x.lit(E::ZERO);
        let (exponent, y) = self.exponent(x);
        let (n, mantissa) = exp_pair_fine(exponent);
        let log = log_1p_pair(mantissa.scaled(power_of_negative(n)));
        let bound = x.lit(-E::VANISHING);
        // The part of the argument that its rounding left out belongs to the positive side only.
        let positive = zero.lt(y);
        let left_out = V::select(positive, -exponent.lo, zero);
        let sum = Pair::sum(zero.max(bound.min(y)), log.hi);
        let sum = Pair { hi: sum.hi, lo: sum.lo + (log.lo + left_out) };
        let inverse = Pair::splat(x.token(), self.inverse);
        // Tiny results keep their scale to the end.
        let tiny = n.lt(x.lit(E::HALF_SCALE));
        let small = mantissa.times(inverse).value().scale2(n);
        let usual = V::select(tiny & !positive, small, sum.times(inverse).value());
        V::select(bound.lt(y), x, usual)
    }
}

impl<E: Element> Derivative<E> for Softplus<E> {
    /// `logistic(beta x)`.
    #[inline(always)]
    fn times<V: Lanes<Elem = E>>(self, gy: V, x: V) -> V {
        let (exponent, y) = self.exponent(x);
        let parts = LogisticParts::of_exp(exp_pair_fine(exponent));
        let (n, numerator) = parts.numerator(y);
        upstream(gy, n, numerator.over_rounded(parts.sum))
    }
}

/// `ln(1 / (1 + e^-x))`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct LogSigmoid;

impl<E: Element> VectorFn<E> for LogSigmoid {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        -Softplus { beta: E::ONE, inverse: [E::ONE, E::ZERO] }.eval(-x)
    }
}

impl<E: Element> Derivative<E> for LogSigmoid {
    /// `logistic(-x)`.
    #[inline(always)]
    fn times<V: Lanes<Elem = E>>(self, gy: V, x: V) -> V {
        let parts = LogisticParts::of(x, E::EXP_MIN);
        let (n, numerator) = parts.numerator(-x);
        upstream(gy, n, numerator.over_rounded(parts.sum))
    }
}
