//! `silu(x) = x logistic(x)`, also called swish. S. Elfwing, E. Uchibe and K. Doya, "Sigmoid-weighted
//! linear units for neural network function approximation in reinforcement learning", 2017.

use crate::Element;
use crate::math::{
    LogisticParts, Pair, Reduced, constants::Constants as _, power_of_negative, upstream,
};
use crate::simd::Lanes;
use crate::slices::VectorFn;

use super::Derivative;

/// `x / (1 + e^-x)`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Silu;

/// `x` times the logistic function of what the parts are of; `x` itself where the function is one.
#[inline(always)]
pub(super) fn weighted<V: Lanes>(x: V, parts: &LogisticParts<V>) -> V {
    let (n, numerator) = parts.numerator(x);
    let bounded = x.lit(V::Elem::VANISHING).max(x.lit(V::Elem::HUGE).min(x));
    let y = numerator.times_vector(bounded).over_rounded(parts.sum).scale2(n);
    // What needs no weight: the very large, and a zero, whose sign the sums above lose.
    let itself = x.lit(V::Elem::HUGE).lt(x) | x.eq(x.lit(V::Elem::ZERO));
    V::select(itself, x, y)
}

impl<E: Element> VectorFn<E> for Silu {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        weighted(x, &LogisticParts::of(x, E::VANISHING))
    }
}

/// `root - z`, the leading part being the larger however small the difference is.
#[inline(always)]
pub(super) fn distance<V: Lanes>(root: Pair<V>, z: V) -> Pair<V> {
    let d = Pair::sum(root.hi, -z);
    Pair::fast_sum(d.hi, d.lo + root.lo)
}

/// The derivative at `-z`, given as `2^n numerator / sum^2`, continued to both sides: the derivative
/// at `z` is one less this.
#[inline(always)]
pub(super) fn finish<V: Lanes>(gy: V, x: V, n: V, numerator: Pair<V>, sum: Pair<V>) -> V {
    let y = numerator.over(sum.squared());
    let right = Pair::fast_sum(x.lit(V::Elem::ONE), -(y.hi * power_of_negative(n)));
    let right = right.hi + (right.lo - y.lo * power_of_negative(n));
    V::select(x.lt(x.lit(V::Elem::ZERO)), upstream(gy, n, y.value()), gy * right)
}

impl<E: Element> Derivative<E> for Silu {
    /// At `-z`, with `t = e^-z`, it is `t (1 + t - z) / (1 + t)^2`, with a zero at a `z0` where
    /// `1 + t0 = z0`. With `d = z - z0` the difference is `t0 (e^-d - 1) - d`: both terms have the same
    /// sign, so that nothing cancels.
    #[inline(always)]
    fn times<V: Lanes<Elem = E>>(self, gy: V, x: V) -> V {
        let z = x.lit(-E::VANISHING).min(x.abs());
        let root = Pair::splat(x.token(), E::SILU_ROOT);
        let at_root = Pair::splat(x.token(), E::SILU_ROOT_EXP);
        let minus_d = distance(root, z);
        let reduced = Reduced::fine(minus_d);
        let n = reduced.n;
        let scale = power_of_negative(n);
        let difference = reduced.m1(scale).times(at_root);
        let mantissa = reduced.mantissa().times(at_root);
        let sum = mantissa.scaled(scale).plus_larger(x.lit(E::ONE));
        finish(gy, x, n, mantissa.times(minus_d.plus(difference)), sum)
    }
}
