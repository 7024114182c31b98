//! Compensated arithmetic: sums and products with their rounding errors.
//!
//! A [`Pair`] is an unevaluated sum `hi + lo` with `lo` small compared with `hi`. Sources: T. J.
//! Dekker, "A floating-point technique for extending the available precision" (1971); D. E. Knuth,
//! The Art of Computer Programming, vol. 2, 4.2.2.

use crate::simd::{Lanes, Simd};

use super::constants::Constants as _;

/// An unevaluated sum `hi + lo`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair<V> {
    pub(crate) hi: V,
    pub(crate) lo: V,
}

impl<V: Lanes> Pair<V> {
    /// The constant in every lane.
    #[inline(always)]
    pub(crate) fn splat(token: V::Token, [hi, lo]: [V::Elem; 2]) -> Self {
        Self { hi: V::splat(token, hi), lo: V::splat(token, lo) }
    }

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

    /// `a b` exactly, where nothing underflows.
    #[inline(always)]
    pub(crate) fn product(a: V, b: V) -> Self {
        let hi = a * b;
        Self { hi, lo: product_error(a, b, hi) }
    }

    /// The rounded sum.
    #[inline(always)]
    pub(crate) fn value(self) -> V {
        self.hi + self.lo
    }

    /// `self + other`, whichever is the larger; the low parts are added as they are.
    #[inline(always)]
    pub(crate) fn plus(self, other: Self) -> Self {
        let sum = Self::sum(self.hi, other.hi);
        Self { hi: sum.hi, lo: sum.lo + (self.lo + other.lo) }
    }

    /// `self + x` for `|self.hi| >= |x|`.
    #[inline(always)]
    pub(crate) fn plus_smaller(self, x: V) -> Self {
        let sum = Self::fast_sum(self.hi, x);
        Self { hi: sum.hi, lo: sum.lo + self.lo }
    }

    /// `x + self` for `|x| >= |self.hi|`.
    #[inline(always)]
    pub(crate) fn plus_larger(self, x: V) -> Self {
        let sum = Self::fast_sum(x, self.hi);
        Self { hi: sum.hi, lo: sum.lo + self.lo }
    }

    /// Each part times a power of two.
    #[inline(always)]
    pub(crate) fn scaled(self, power: V) -> Self {
        Self { hi: self.hi * power, lo: self.lo * power }
    }

    /// `yes` where the mask is set, else `no`.
    #[inline(always)]
    pub(crate) fn select(mask: V::Mask, yes: Self, no: Self) -> Self {
        Self { hi: V::select(mask, yes.hi, no.hi), lo: V::select(mask, yes.lo, no.lo) }
    }

    /// `self * factor`; what is left out is of the order of the square of an ULP.
    #[inline(always)]
    pub(crate) fn times(self, factor: Self) -> Self {
        let product = Self::product(self.hi, factor.hi);
        let lo = self.lo.mul_add(factor.hi, self.hi.mul_add(factor.lo, product.lo));
        Self { hi: product.hi, lo }
    }

    /// `self * factor`.
    #[inline(always)]
    pub(crate) fn times_vector(self, factor: V) -> Self {
        let product = Self::product(self.hi, factor);
        Self { hi: product.hi, lo: self.lo.mul_add(factor, product.lo) }
    }

    /// `self^2`.
    #[inline(always)]
    pub(crate) fn squared(self) -> Self {
        let square = Self::product(self.hi, self.hi);
        Self { hi: square.hi, lo: (self.lo + self.lo).mul_add(self.hi, square.lo) }
    }

    /// `self / divisor` rounded, with an error of a sixteenth of an ULP before that.
    ///
    /// The quotient of the high parts is corrected by its residual and by the low parts. The
    /// divisor's reciprocal must be normal.
    #[inline(always)]
    pub(crate) fn over_rounded(self, divisor: Self) -> V {
        let (q, rest, reciprocal) = self.divided(divisor);
        rest.mul_add(reciprocal, q)
    }

    /// As [`over_rounded`](Self::over_rounded), as a pair.
    #[inline(always)]
    pub(crate) fn over(self, divisor: Self) -> Self {
        let (q, rest, reciprocal) = self.divided(divisor);
        Self::fast_sum(q, rest * reciprocal)
    }

    /// A quotient, what is left of the numerator, and about one by the divisor.
    #[inline(always)]
    fn divided(self, divisor: Self) -> (V, V, V) {
        let reciprocal = divisor.hi.recip_fast();
        let q = self.hi * reciprocal;
        let rest = q.neg_mul_add(divisor.lo, self.lo) - product_error(q, divisor.hi, self.hi);
        (q, rest, reciprocal)
    }
}

/// `a * b - value` for a `value` close to `a * b`, exactly.
#[inline(always)]
pub(crate) fn product_error<V: Lanes>(a: V, b: V, value: V) -> V {
    if <V::Token as Simd>::FUSED {
        return a.mul_add(b, -value);
    }
    // Dekker's product: halves of the factors whose products are exact.
    let (a_hi, a_lo) = halves(a);
    let (b_hi, b_lo) = halves(b);
    ((a_hi * b_hi - value) + a_hi * b_lo + a_lo * b_hi) + a_lo * b_lo
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
