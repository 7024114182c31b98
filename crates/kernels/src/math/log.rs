//! Logarithms: `ln x`, `ln(1 + x)`, and the core they share with softplus.
//!
//! `ln(1 + f) = 2 atanh(f / (2 + f))`, an odd series in the quotient; the quotient is a pair, so
//! the leading term has no rounding error to speak of (the reduction is that of the fdlibm library,
//! Sun Microsystems 1993; the quotient is halved here, which keeps subnormals exact).

use crate::Float;
use crate::simd::Lanes;
use crate::slices::VectorFn;

use super::constants::Constants as _;
use super::pair::{Pair, horner};

/// `ln(1 + f)` for `f` in `[-0.3, 1]`, to a few hundredths of an ULP.
#[inline(always)]
pub(crate) fn log_1p_pair<V: Lanes>(f: Pair<V>) -> Pair<V> {
    let half = f.hi.lit(V::Elem::ONE / (V::Elem::ONE + V::Elem::ONE));
    let one = f.hi.lit(V::Elem::ONE);
    let q = f.over(f.scaled(half).plus_larger(one));
    let square = q.hi * q.hi;
    let tail = (q.hi * square).mul_add(horner(square, V::Elem::LOG), q.lo);
    Pair { hi: q.hi, lo: tail }
}

/// `ln(2^e (1 + f))`.
#[inline(always)]
fn with_exponent<V: Lanes>(e: V, f: Pair<V>) -> Pair<V> {
    let log = log_1p_pair(f);
    let whole = e * e.lit(V::Elem::LN2_HI);
    let sum = Pair::sum(whole, log.hi);
    Pair { hi: sum.hi, lo: e.mul_add(e.lit(V::Elem::LN2_LO), sum.lo + log.lo) }
}

/// `x = 2^e m` with `m` in `[sqrt(1/2), sqrt(2))`, for positive finite `x`; gives `e` and `-e`'s
/// effect on `x` and on a number of the same scale.
#[inline(always)]
fn split<V: Lanes>(x: V, beside: V) -> (V, V, V) {
    let one = x.lit(V::Elem::ONE);
    let e = x.exponent();
    let m = x.scale2(-e);
    let large = x.lit(V::Elem::from_f64(std::f64::consts::SQRT_2)).lt(m);
    let factor = V::select(large, x.lit(V::Elem::from_f64(0.5)), one);
    (V::select(large, e + one, e), m * factor, beside.scale2(-e) * factor)
}

/// The logarithm's values where it is not finite: `x` is what the logarithm is of.
#[inline(always)]
fn specials<V: Lanes>(x: V, y: V) -> V {
    let (zero, infinity) = (x.lit(V::Elem::ZERO), x.lit(V::Elem::INFINITY));
    // Positive and finite: the usual case.
    let y = V::select(zero.lt(x), y, x.lit(V::Elem::NAN));
    let y = V::select(x.eq(zero), -infinity, y);
    V::select(x.eq(infinity), infinity, y)
}

/// `ln x`.
#[inline(always)]
pub(crate) fn log<V: Lanes>(x: V) -> V {
    let zero = x.lit(V::Elem::ZERO);
    let (e, m, _) = split(x, zero);
    // Exact.
    let f = m - x.lit(V::Elem::ONE);
    specials(x, with_exponent(e, Pair { hi: f, lo: zero }).value())
}

/// `ln(1 + x)`.
#[inline(always)]
pub(crate) fn log_1p<V: Lanes>(x: V) -> V {
    let one = x.lit(V::Elem::ONE);
    let u = Pair::sum(one, x);
    let (e, m, lo) = split(u.hi, u.lo);
    let y = with_exponent(e, Pair::sum(m - one, lo)).value();
    // A zero keeps its sign.
    V::select(x.eq(x.lit(V::Elem::ZERO)), x, specials(u.hi, y))
}

/// `ln x`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Log;

impl<E: Float> VectorFn<E> for Log {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        log(x)
    }
}

/// `ln(1 + x)`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Log1p;

impl<E: Float> VectorFn<E> for Log1p {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        log_1p(x)
    }
}
