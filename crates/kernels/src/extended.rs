//! Numbers with the digits of an `f64` and an exponent that no product of elements exceeds.
//!
//! Formulas that leave an element's range on the way to a result within it are evaluated with these
//! where the plain kernel's statistics show that they did. One element after the other, without
//! vectors: some fifty times slower than a kernel, and rare.

use std::ops::{Add, Div, Mul, Neg, Range, Sub};

use crate::Float;

/// `mantissa 2^exponent` with `1 <= |mantissa| < 2`; zero, infinities and NaN have the exponent 0.
#[derive(Clone, Copy, Debug)]
pub struct Extended {
    mantissa: f64,
    exponent: i64,
}

/// The position of the exponent in an `f64`, and its bias.
const EXPONENT_AT: u32 = 52;
const BIAS: i64 = 1023;

/// `2^n` for a normal result.
#[inline]
pub(crate) fn power_of_two(n: i64) -> f64 {
    debug_assert!((-1022..=1023).contains(&n), "{n}");
    f64::from_bits(((n + BIAS) as u64) << EXPONENT_AT)
}

impl Extended {
    /// 0.
    pub const ZERO: Self = Self { mantissa: 0.0, exponent: 0 };
    /// 1.
    pub const ONE: Self = Self { mantissa: 1.0, exponent: 0 };

    /// An element or another number, exactly.
    #[inline]
    pub(crate) fn from_f64(x: f64) -> Self {
        Self::normalized(x, 0)
    }

    /// An element, exactly.
    #[inline]
    pub fn new<E: Float>(x: E) -> Self {
        Self::from_f64(x.to_f64())
    }

    #[inline]
    fn normalized(mantissa: f64, exponent: i64) -> Self {
        let biased = (mantissa.to_bits() >> EXPONENT_AT) as i64 & 0x7ff;
        if mantissa == 0.0 || biased == 0x7ff {
            return Self { mantissa, exponent: 0 };
        }
        if biased == 0 {
            return Self::normalized(mantissa * power_of_two(64), exponent - 64);
        }
        let mask = !(0x7ff << EXPONENT_AT);
        let bits = mantissa.to_bits() & mask | (BIAS as u64) << EXPONENT_AT;
        Self { mantissa: f64::from_bits(bits), exponent: exponent + biased - BIAS }
    }

    /// The nearest `f64`: infinite beyond the range.
    pub(crate) fn to_f64(self) -> f64 {
        let Self { mantissa, exponent } = self;
        match exponent {
            // Exact.
            -1022..=1023 => mantissa * power_of_two(exponent),
            // The first product is exact, the second rounds to a subnormal.
            -1100..=-1023 => mantissa * power_of_two(exponent + 200) * power_of_two(-200),
            1024.. => mantissa * f64::INFINITY,
            _ => mantissa * 0.0,
        }
    }

    /// The nearest element, but for a second rounding of an `f32`. Infinite or zero beyond the
    /// range.
    pub fn to<E: Float>(self) -> E {
        E::from_f64(self.to_f64())
    }

    pub(crate) fn sqrt(self) -> Self {
        let odd = self.exponent & 1;
        let mantissa = if odd == 0 { self.mantissa } else { 2.0 * self.mantissa };
        Self::normalized(mantissa.sqrt(), (self.exponent - odd) / 2)
    }

    /// Whether this is 0.
    pub fn is_zero(self) -> bool {
        self.mantissa == 0.0
    }

    /// The exponent `n` of a number with a magnitude from `2^n` to below `2^(n + 1)`; 0 for zero,
    /// infinities and NaN.
    pub fn exponent(self) -> i64 {
        self.exponent
    }

    /// This number times `2^n`.
    #[must_use]
    pub fn times_power_of_two(self, n: i64) -> Self {
        Self::normalized(self.mantissa, self.exponent + n)
    }

    /// The sum of terms, halves of the range pairwise: the error is below `(16 + log2 n) eps` of
    /// the sum of their magnitudes.
    pub(crate) fn sum(range: Range<usize>, term: &impl Fn(usize) -> Self) -> Self {
        let len = range.len();
        if len <= 16 {
            return range.fold(Self::ZERO, |sum, i| sum + term(i));
        }
        let middle = range.start + len / 2;
        Self::sum(range.start..middle, term) + Self::sum(middle..range.end, term)
    }
}

impl Add for Extended {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        if self.is_zero() {
            return other;
        }
        if other.is_zero() {
            return self;
        }
        if !(self.mantissa.is_finite() && other.mantissa.is_finite()) {
            return Self::normalized(self.mantissa + other.mantissa, 0);
        }
        let (large, small) =
            if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        // Far below the last digit.
        let shift = large.exponent.saturating_sub(small.exponent).min(128);
        let sum = large.mantissa + small.mantissa * power_of_two(-shift);
        Self::normalized(sum, large.exponent)
    }
}

impl Neg for Extended {
    type Output = Self;

    #[inline]
    fn neg(self) -> Self {
        Self { mantissa: -self.mantissa, ..self }
    }
}

impl Sub for Extended {
    type Output = Self;

    #[inline]
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Extended {
    type Output = Self;

    #[inline]
    fn mul(self, other: Self) -> Self {
        Self::normalized(self.mantissa * other.mantissa, self.exponent + other.exponent)
    }
}

impl Div for Extended {
    type Output = Self;

    #[inline]
    fn div(self, other: Self) -> Self {
        Self::normalized(self.mantissa / other.mantissa, self.exponent - other.exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::Extended;
    use crate::testing::noise;

    fn x(x: f64) -> Extended {
        Extended::from_f64(x)
    }

    /// Within the range of `f64` the results are those of `f64`, to the bit.
    #[test]
    fn ordinary_numbers_are_those_of_f64() {
        let noise = noise::<f64>(2000, 1);
        for pair in noise.windows(2) {
            for (a, b) in [(pair[0], pair[1]), (pair[0] * 1e-20, pair[1]), (0.0, pair[1])] {
                assert_eq!((x(a) + x(b)).to_f64(), a + b);
                assert_eq!((x(a) - x(b)).to_f64(), a - b);
                assert_eq!((x(a) * x(b)).to_f64(), a * b);
                assert_eq!((x(a) / x(b)).to_f64(), a / b);
                assert_eq!(x(a.abs()).sqrt().to_f64(), a.abs().sqrt());
            }
        }
    }

    #[test]
    fn special_numbers_are_those_of_f64() {
        let special = [0.0, -0.0, 1.0, -2.5, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
        for a in special {
            assert!(x(a).sqrt().to_f64() == a.sqrt() || a.sqrt().is_nan());
            for b in special {
                let pairs = [
                    ((x(a) + x(b)).to_f64(), a + b),
                    ((x(a) - x(b)).to_f64(), a - b),
                    ((x(a) * x(b)).to_f64(), a * b),
                    ((x(a) / x(b)).to_f64(), a / b),
                ];
                for (got, right) in pairs {
                    assert!(got == right || (got.is_nan() && right.is_nan()), "{a} {b}: {got}");
                }
            }
        }
    }

    #[test]
    fn the_exponent_has_no_end() {
        let (large, tiny) = (x(f64::MAX), x(f64::from_bits(1)));
        assert_eq!((large * large).sqrt().to_f64(), f64::MAX);
        assert_eq!((tiny * tiny * tiny / (tiny * tiny)).to_f64(), f64::from_bits(1));
        assert_eq!((large * tiny / large).to_f64(), f64::from_bits(1));
        assert_eq!((large + large - large).to_f64(), f64::MAX);
        assert_eq!((large * large).to_f64(), f64::INFINITY);
        assert_eq!((tiny * tiny).to_f64(), 0.0);
        assert_eq!((tiny * x(3.4) / x(2.0)).to_f64(), 2.0 * f64::from_bits(1));
        assert_eq!(x(1e300).to::<f32>(), f32::INFINITY);
        let sum = Extended::sum(0..100, &|i| if i % 2 == 0 { large } else { -large });
        assert_eq!(sum.to_f64(), 0.0);
    }
}
