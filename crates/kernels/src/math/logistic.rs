//! The logistic function.

use crate::Float;
use crate::simd::{Lanes, Lookup};

use super::constants::Constants as _;
use super::double::{self, InDouble, Reach, values_in_double};
use super::exp::{exp_pair, power_of_negative};
use super::pair::Pair;
use super::table;

/// The parts of the logistic function: with `t = e^-|x|` it is `t / (1 + t)` for negative `x` and
/// `1 / (1 + t)` for others.
pub(crate) struct LogisticParts<V> {
    /// `t = 2^n mantissa`.
    pub(crate) n: V,
    pub(crate) mantissa: Pair<V>,
    /// `1 + t`.
    pub(crate) sum: Pair<V>,
}

impl<V: Lanes> LogisticParts<V> {
    /// Of `x`, which may be anything; below `least` the result is that of `least`.
    #[inline(always)]
    pub(crate) fn of(x: V, least: V::Elem) -> Self {
        Self::of_exp(exp_pair(x.lit(least).max(-x.abs())))
    }

    /// Of `t = 2^n mantissa`, at most one.
    #[inline(always)]
    pub(crate) fn of_exp((n, mantissa): (V, Pair<V>)) -> Self {
        let t = mantissa.scaled(power_of_negative(n));
        Self { n, mantissa, sum: t.plus_larger(n.lit(V::Elem::ONE)) }
    }

    /// Numerator and power of two: `logistic(x) = 2^n numerator / sum`.
    #[inline(always)]
    pub(crate) fn numerator(&self, x: V) -> (V, Pair<V>) {
        let (zero, one) = (x.lit(V::Elem::ZERO), x.lit(V::Elem::ONE));
        let negative = x.lt(zero);
        let numerator = Pair::select(negative, self.mantissa, Pair { hi: one, lo: zero });
        (V::select(negative, self.n, zero), numerator)
    }
}

/// `1 / (1 + e^-x)`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Logistic;

impl InDouble for Logistic {
    const TABLE: Reach = Reach::Below(table::LOGISTIC_END);

    #[inline(always)]
    fn quick<V: Lookup>(self, x: V) -> V {
        table::logistic(x)
    }

    #[inline(always)]
    fn short<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let one = x.lit(1.0);
        one / (one + double::exp(-double::clamp(x, -700.0, 700.0)))
    }

    /// The power of two is left off the numerator, so that nothing is lost where `t` is subnormal.
    #[inline(always)]
    fn long<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let parts = LogisticParts::of(x, f64::EXP_MIN);
        let (n, numerator) = parts.numerator(x);
        numerator.over_rounded(parts.sum).scale2(n)
    }
}

values_in_double!(Logistic);
