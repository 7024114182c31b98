//! The saturating activations: derivatives of logistic and tanh, softsign, tanhshrink.
//!
//! Derivatives are computed from the argument: from the rounded output, that of the logistic
//! function would have lost half of its digits at 8 and all of them at 17.

use crate::Float;
use crate::math::constants::Constants as _;
use crate::math::double::constants::LOST;
use crate::math::double::{
    self, DerivativeInDouble, InDouble, Reach, derivatives_in_double, values_in_double,
};
use crate::math::{
    Logistic, LogisticParts, Pair, Tanh, exp_pair, horner, table, tanh_fraction, upstream,
};
use crate::simd::{Lanes, Lookup};
use crate::slices::VectorFn;

use crate::activation::function::Derivative;

impl DerivativeInDouble for Logistic {
    const SLOPE_TABLE: Reach = Reach::Below(2.0 * table::SLOPE_END);

    /// `1 / (4 cosh^2(x / 2))`.
    #[inline(always)]
    fn quick_slope<V: Lookup>(self, x: V) -> V {
        table::inverse_cosh_squared(x.lit(0.5) * x) * x.lit(0.25)
    }

    /// With `t = e^-|x|` the derivative is `t / (1 + t)^2`.
    #[inline(always)]
    fn short_slope<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let t = double::exp(-x.lit(700.0).min(x.abs()));
        let sum = x.lit(1.0) + t;
        t / (sum * sum)
    }

    /// As the other.
    #[inline(always)]
    fn long_times<W: Lanes<Elem = f64>>(self, gy: W, x: W) -> W {
        let parts = LogisticParts::of(x, LOST);
        upstream(gy, parts.n, parts.mantissa.over_rounded(parts.sum.squared()))
    }
}

impl DerivativeInDouble for Tanh {
    const SLOPE_TABLE: Reach = Reach::Below(table::SLOPE_END);

    #[inline(always)]
    fn quick_slope<V: Lookup>(self, x: V) -> V {
        table::inverse_cosh_squared(x)
    }

    /// With `t = e^-2|x|` the derivative is `4 t / (1 + t)^2`.
    #[inline(always)]
    fn short_slope<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let a = x.lit(350.0).min(x.abs());
        let t = double::exp(-(a + a));
        let sum = x.lit(1.0) + t;
        x.lit(4.0) * t / (sum * sum)
    }

    /// As the other.
    #[inline(always)]
    fn long_times<W: Lanes<Elem = f64>>(self, gy: W, x: W) -> W {
        let a = x.abs();
        let (n, mantissa) = exp_pair(x.lit(LOST).max(-(a + a)));
        let parts = LogisticParts::of_exp((n, mantissa));
        upstream(gy, n, mantissa.scaled(x.lit(4.0)).over_rounded(parts.sum.squared()))
    }
}

derivatives_in_double!(Logistic, Tanh);

/// `x / (1 + |x|)`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Softsign;

/// `|x|`, bounded where `1 + |x|` rounds to `|x|`, and `1 + |x|`.
#[inline(always)]
fn softsign_parts<W: Lanes<Elem = f64>>(x: W) -> (Pair<W>, Pair<W>) {
    let a = x.lit(f64::HUGE).min(x.abs());
    (Pair { hi: a, lo: x.lit(0.0) }, Pair::sum(x.lit(1.0), a))
}

impl InDouble for Softsign {
    #[inline(always)]
    fn short<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let a = x.lit(f64::HUGE).min(x.abs());
        (a / (x.lit(1.0) + a)).copysign(x)
    }

    #[inline(always)]
    fn long<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let (a, sum) = softsign_parts(x);
        a.over_rounded(sum).copysign(x)
    }
}

values_in_double!(Softsign);

impl DerivativeInDouble for Softsign {
    /// `1 / (1 + |x|)^2`.
    #[inline(always)]
    fn short_slope<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let sum = x.lit(1.0) + x.abs();
        x.lit(1.0) / (sum * sum)
    }

    /// As the other.
    #[inline(always)]
    fn long_times<W: Lanes<Elem = f64>>(self, gy: W, x: W) -> W {
        let (_, sum) = softsign_parts(x);
        let one = Pair { hi: x.lit(1.0), lo: x.lit(0.0) };
        let near = gy * one.over_rounded(sum.squared());
        // Far out, where the square might overflow, `1 + |x|` rounds to `|x|`.
        let a = x.abs();
        W::select(a.lt(x.lit(f64::HUGE)), near, gy / a / a)
    }
}

derivatives_in_double!(Softsign);

/// `x - tanh x`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Tanhshrink;

impl<E: Float> VectorFn<E> for Tanhshrink {
    /// Up to 0.7 an odd polynomial; beyond, the difference from the unrounded quotient.
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        let a = x.abs();
        let square = a * a;
        let [first, rest @ ..] = E::TANHSHRINK else { unreachable!("a polynomial") };
        let series = Pair::fast_sum(x.lit(*first), square * horner(square, rest));
        let series = Pair { hi: series.hi, lo: series.lo + x.lit(E::TANHSHRINK_LOW[0]) };
        let near = Pair::product(a, a).times(series).times_vector(a).value();
        let (numerator, denominator) = tanh_fraction(x);
        let y = numerator.over(denominator);
        let far = (a - y.hi) - y.lo;
        V::select(a.lt(x.lit(E::from_f64(0.7))), near, far).copysign(x)
    }
}

impl<E: Float> Derivative<E> for Tanhshrink {
    /// `tanh^2 x`.
    #[inline(always)]
    fn times<V: Lanes<Elem = E>>(self, gy: V, x: V) -> V {
        let (numerator, denominator) = tanh_fraction(x);
        let y = numerator.over(denominator);
        gy * (y.hi * (y.lo + y.lo) + y.hi * y.hi)
    }
}
