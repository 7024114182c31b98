//! Compensated arithmetic: sums and products with their rounding errors.
//!
//! A [`Pair`] is an unevaluated sum `hi + lo` with `lo` small beside `hi`. Sources: T. J. Dekker,
//! "A floating-point technique for extending the available precision" (1971); D. E. Knuth, The Art
//! of Computer Programming, vol. 2, 4.2.2.

use crate::simd::{Lanes, Simd};

use super::constants::Constants as _;

/// An unevaluated sum `hi + lo`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair<V> {
    pub(crate) hi: V,
    pub(crate) lo: V,
}

impl<V: Lanes> Pair<V> {
    /// `a + b` exactly, for `|a| >= |b|` (or `a = 0`).
    #[inline(always)]
    pub(crate) fn fast_sum(a: V, b: V) -> Self {
        let hi = a + b;
        Self { hi, lo: b - (hi - a) }
    }

    /// `a + b` exactly.
    #[inline(always)]
    pub(crate) fn sum(a: V, b: V) -> Self {
        let hi = a + b;
        let of_b = hi - a;
        let of_a = hi - of_b;
        Self { hi, lo: (a - of_a) + (b - of_b) }
    }

    /// The rounded sum.
    #[inline(always)]
    pub(crate) fn value(self) -> V {
        self.hi + self.lo
    }

    /// `self / divisor`, with an error of about a hundredth of an ULP before the last rounding.
    ///
    /// The quotient of the high parts is mended by its residual and by the low parts.
    #[inline(always)]
    pub(crate) fn over(self, divisor: Self) -> Self {
        let reciprocal = divisor.hi.recip_fast();
        let q = self.hi * reciprocal;
        let rest = product_residual(q, divisor.hi, self.hi) + q.neg_mul_add(divisor.lo, self.lo);
        Self { hi: q, lo: rest * reciprocal }
    }
}

/// `value - a * b` for a `value` close to `a * b`, exactly.
#[inline(always)]
pub(crate) fn product_residual<V: Lanes>(a: V, b: V, value: V) -> V {
    if <V::Token as Simd>::FUSED {
        return a.neg_mul_add(b, value);
    }
    // Dekker's product: halves of the factors whose products are exact.
    let (a_hi, a_lo) = halves(a);
    let (b_hi, b_lo) = halves(b);
    ((value - a_hi * b_hi) - a_hi * b_lo - a_lo * b_hi) - a_lo * b_lo
}

/// The factor's leading and trailing halves (Veltkamp's splitting).
#[inline(always)]
fn halves<V: Lanes>(x: V) -> (V, V) {
    let big = x * x.lit(V::Elem::SPLITTER);
    let hi = big - (big - x);
    (hi, x - hi)
}

/// The polynomial with these coefficients, lowest power first, by Horner's rule.
#[inline(always)]
pub(crate) fn horner<V: Lanes>(x: V, coefficients: &[V::Elem]) -> V {
    let (last, rest) = coefficients.split_last().expect("a polynomial has coefficients");
    let mut y = x.lit(*last);
    for c in rest.iter().rev() {
        y = y.mul_add(x, x.lit(*c));
    }
    y
}
