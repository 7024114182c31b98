//! Rounding to whole numbers, and remainders.

use super::operation::unary_functions;
use crate::Float;
use crate::simd::{Lanes, MAX_LANES, Mask as _, Simd};
use crate::slices::{VectorFn, VectorFn2};
use crate::threads::Cost;

/// The largest whole number not above `x`.
#[inline(always)]
fn floor<V: Lanes>(x: V) -> V {
    let nearest = x.round();
    let below = V::select(x.lt(nearest), nearest - x.lit(V::Elem::ONE), nearest);
    below.copysign(x)
}

unary_functions! {
    /// Downwards.
    Floor, x: floor(x);
    /// Upwards.
    Ceil, x: -floor(-x);
    /// To the nearest, halves to even.
    Round, x: x.round().copysign(x);
    /// Towards zero.
    Trunc, x: floor(x.abs()).copysign(x);
}

/// What `a` leaves when it is divided by `b` a whole number of times, with the sign of `a`.
#[derive(Clone, Copy)]
pub(super) struct Rem;

/// Quotients up to here are whole numbers and a fraction, both to the point of telling them apart.
const QUOTIENT_MAX: f64 = 1_048_576.0;

impl<E: Float> VectorFn2<E> for Rem {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, a: V, b: V) -> V {
        let (dividend, divisor) = (a.abs(), b.abs());
        let quotient = dividend / divisor;
        // False for NaN, for infinite dividends and for divisors that are zero.
        let small = quotient.lt(a.lit(E::from_f64(QUOTIENT_MAX))) & divisor.lt(a.lit(E::INFINITY));
        if !<V::Token as Simd>::FUSED || (!small).any() {
            return one_by_one(a, b);
        }
        // The quotient was rounded, so its whole part may be one too large. Both the rest of that
        // and the corrected one are multiples of the operands' last places below the divisor:
        // exact.
        let rest = floor(quotient).neg_mul_add(divisor, dividend);
        let rest = V::select(rest.lt(a.lit(E::ZERO)), rest + divisor, rest);
        rest.copysign(a)
    }
}

#[cold]
#[inline(never)]
fn one_by_one<V: Lanes>(a: V, b: V) -> V {
    let (mut dividends, mut divisors) = ([V::Elem::ZERO; MAX_LANES], [V::Elem::ZERO; MAX_LANES]);
    a.store(&mut dividends);
    b.store(&mut divisors);
    for (a, b) in dividends.iter_mut().zip(divisors).take(V::LANES) {
        // Exact in f64, and a multiple of the last place of a narrower type.
        *a = V::Elem::from_f64(a.to_f64() % b.to_f64());
    }
    V::load(a.token(), &dividends)
}
