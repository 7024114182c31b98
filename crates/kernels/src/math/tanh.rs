//! The hyperbolic tangent.

use crate::Float;
use crate::simd::{Lanes, Lookup};

use super::constants::Constants as _;
use super::double::{self, InDouble, Reach, values_in_double};
use super::exp::Reduced;
use super::pair::Pair;
use super::table;

/// Numerator and denominator of `tanh |x|`: with `u = e^(-2|x|) - 1` they are `-u` and `2 + u`. `u`
/// is a pair of small relative error however small `x` is, so no range needs its own branch.
#[inline(always)]
pub(crate) fn fraction<V: Lanes>(x: V) -> (Pair<V>, Pair<V>) {
    let two = x.lit(V::Elem::ONE + V::Elem::ONE);
    let a = x.lit(V::Elem::TANH_MAX).min(x.abs());
    let reduced = Reduced::fine(Pair { hi: -(a + a), lo: x.lit(V::Elem::ZERO) });
    let u = reduced.m1_of_negative(reduced.n.pow2());
    (Pair { hi: -u.hi, lo: -u.lo }, u.plus_larger(two))
}

/// `tanh x`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Tanh;

impl InDouble for Tanh {
    const TABLE: Reach = Reach::Everywhere;

    #[inline(always)]
    fn quick<V: Lookup>(self, x: V) -> V {
        table::tanh(x)
    }

    /// With `u = e^(2|x|) - 1` it is `u / (u + 2)`.
    #[inline(always)]
    fn short<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let a = x.lit(20.0).min(x.abs());
        let u = double::exp_m1(a + a);
        (u / (u + x.lit(2.0))).copysign(x)
    }

    #[inline(always)]
    fn long<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let (numerator, denominator) = fraction(x);
        numerator.over_rounded(denominator).copysign(x)
    }
}

values_in_double!(Tanh);
