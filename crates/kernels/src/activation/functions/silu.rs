//! `silu(x) = x logistic(x)`, also called swish. S. Elfwing, E. Uchibe and K. Doya,
//! "Sigmoid-weighted linear units for neural network function approximation in reinforcement
//! learning", 2017.

use crate::math::constants::Constants as _;
use crate::math::double::constants::{LOST, SILU_ROOT, SILU_ROOT_EXP};
use crate::math::double::{
    self, DerivativeInDouble, InDouble, derivatives_in_double, values_in_double,
};
use crate::math::{LogisticParts, Pair, Reduced, power_of_negative, upstream};
use crate::simd::Lanes;

/// `x / (1 + e^-x)`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Silu;

/// `x / (1 + e^-y)` to be rounded to `f32`, for an `x` that is not minus infinity and `|y| <= 700`.
#[inline(always)]
pub(super) fn short_weighted<W: Lanes<Elem = f64>>(x: W, y: W) -> W {
    x / (x.lit(1.0) + double::exp(-y))
}

/// `x` times the logistic function of what the parts are of; `x` itself where the function is one.
#[inline(always)]
pub(super) fn weighted<W: Lanes<Elem = f64>>(x: W, parts: &LogisticParts<W>) -> W {
    let (n, numerator) = parts.numerator(x);
    let bounded = x.lit(f64::VANISHING).max(x.lit(f64::HUGE).min(x));
    let y = numerator.times_vector(bounded).over_rounded(parts.sum).scale2(n);
    // What needs no weight: the very large, and a zero, whose sign the sums above lose.
    let itself = x.lit(f64::HUGE).lt(x) | x.eq(x.lit(0.0));
    W::select(itself, x, y)
}

impl InDouble for Silu {
    #[inline(always)]
    fn short<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let bounded = x.lit(-700.0).max(x);
        short_weighted(bounded, x.lit(700.0).min(bounded))
    }

    #[inline(always)]
    fn long<W: Lanes<Elem = f64>>(self, x: W) -> W {
        weighted(x, &LogisticParts::of(x, f64::VANISHING))
    }
}

values_in_double!(Silu);

/// `root - z`, the leading part being the larger however small the difference is.
#[inline(always)]
pub(super) fn distance<W: Lanes<Elem = f64>>(root: Pair<W>, z: W) -> Pair<W> {
    let d = Pair::sum(root.hi, -z);
    Pair::fast_sum(d.hi, d.lo + root.lo)
}

/// `x - root`, to be rounded to `f32`.
#[inline(always)]
pub(super) fn short_distance<W: Lanes<Elem = f64>>(x: W, [root, lacks]: [f64; 2]) -> W {
    (x - x.lit(root)) - x.lit(lacks)
}

/// `e (e - 1 + steep / t0) / (e + 1 / t0)^2` with `e = e^y`, to be rounded to `f32`: the derivative
/// of `x / (1 + e^-f(x))`, with `y = f(x) - f(x0)`, `1 / t0 = e^-f(x0)` and
/// `steep = x f'(x) - x0 f'(x0)`, at `x0` being zero. There `1 + (1 + x0 f'(x0)) / t0 = 0`.
#[inline(always)]
pub(super) fn short_slope<W: Lanes<Elem = f64>>(y: W, steep: W, t0: f64) -> W {
    let over = y.lit(1.0 / t0);
    let (e, m1) = double::exp_and_m1(y);
    let sum = e + over;
    e * over.mul_add(steep, m1) / (sum * sum)
}

/// The derivative at `-z`, given as `2^n numerator / sum^2`, continued to both sides: the
/// derivative at `z` is one less this.
#[inline(always)]
pub(super) fn finish<W: Lanes<Elem = f64>>(
    gy: W,
    x: W,
    n: W,
    numerator: Pair<W>,
    sum: Pair<W>,
) -> W {
    let y = numerator.over(sum.squared());
    let right = Pair::fast_sum(x.lit(1.0), -(y.hi * power_of_negative(n)));
    let right = right.hi + (right.lo - y.lo * power_of_negative(n));
    W::select(x.lt(x.lit(0.0)), upstream(gy, n, y.value()), gy * right)
}

impl DerivativeInDouble for Silu {
    /// Both terms of the numerator have the sign of the distance from the root: nothing cancels.
    #[inline(always)]
    fn short_slope<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let [root, lacks] = SILU_ROOT;
        let d = short_distance(double::clamp(x, -350.0, 350.0), [-root, -lacks]);
        short_slope(d, d, SILU_ROOT_EXP[0])
    }

    /// At `-z`, with `t = e^-z`, it is `t (1 + t - z) / (1 + t)^2`, with a zero at a `z0` where
    /// `1 + t0 = z0`. With `d = z - z0` the difference is `t0 (e^-d - 1) - d`: both terms have the
    /// same sign, so that nothing cancels.
    #[inline(always)]
    fn long_times<W: Lanes<Elem = f64>>(self, gy: W, x: W) -> W {
        let z = x.lit(-LOST).min(x.abs());
        let root = Pair::splat(x.token(), SILU_ROOT);
        let at_root = Pair::splat(x.token(), SILU_ROOT_EXP);
        let minus_d = distance(root, z);
        let reduced = Reduced::fine(minus_d);
        let n = reduced.n;
        let scale = power_of_negative(n);
        let difference = reduced.m1(scale).times(at_root);
        let mantissa = reduced.mantissa().times(at_root);
        let sum = mantissa.scaled(scale).plus_larger(x.lit(1.0));
        finish(gy, x, n, mantissa.times(minus_d.plus(difference)), sum)
    }
}

derivatives_in_double!(Silu);
