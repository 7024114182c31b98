//! From words to numbers, with no operation that is rounded differently on some level: sums,
//! products, quotients and square roots of single numbers, never a fused multiply-add.

use super::philox::{BLOCKS, WORDS, Words};

/// The most numbers a group of blocks gives.
pub(super) const MOST: usize = BLOCKS * WORDS;

/// What an element makes of a group of blocks.
pub(super) trait Transform: Sized {
    /// The numbers a group gives.
    const GROUP: usize;

    /// Uniform in `[0, 1)`.
    fn uniform(words: &Words, out: &mut [Self; MOST]);

    /// Standard normal.
    fn normal(words: &Words, out: &mut [Self; MOST]);
}

/// The terms of `sin(x) / x` (for `first` 1) or `cos(x)` (for `first` 0) in `x^2`.
const fn alternating<const N: usize>(first: usize) -> [f64; N] {
    let mut terms = [1.0; N];
    let mut k = 1;
    while k < N {
        let n = (2 * k + first) as f64;
        terms[k] = -terms[k - 1] / (n * (n - 1.0));
        k += 1;
    }
    terms
}

/// The terms of `atanh(s) / s` in `s^2`.
const fn odd_reciprocals<const N: usize>() -> [f64; N] {
    let mut terms = [1.0; N];
    let mut k = 1;
    while k < N {
        terms[k] = 1.0 / (2 * k + 1) as f64;
        k += 1;
    }
    terms
}

/// The functions behind the normal distribution, as Taylor polynomials with as many terms as reach
/// the type's precision on the reduced arguments.
macro_rules! functions {
    ($module:ident, $E:ident, $bits:ident, terms: $sin:literal, $cos:literal, $atanh:literal) => {
        mod $module {
            /// By Horner's rule, lowest power first.
            #[inline(always)]
            fn polynomial<const N: usize>(x: $E, coefficients: [f64; N]) -> $E {
                let mut y = coefficients[N - 1] as $E;
                for i in (0..N - 1).rev() {
                    y = y * x + coefficients[i] as $E;
                }
                y
            }

            /// `log x` for a normal, positive `x`.
            ///
            /// `x = 2^e m` with `m` between `sqrt(1/2)` and `sqrt(2)`, and
            /// `log m = 2 atanh((m - 1) / (m + 1))`.
            #[inline(always)]
            fn log(x: $E) -> $E {
                const FRACTION: u32 = <$E>::MANTISSA_DIGITS - 1;
                const BIAS: $bits = <$E>::MAX_EXP as $bits - 1;
                const TERMS: [f64; $atanh] = super::odd_reciprocals();
                let bits = x.to_bits();
                let fraction = bits & ((1 << FRACTION) - 1);
                let m = $E::from_bits(fraction | BIAS << FRACTION);
                let high = m > std::f64::consts::SQRT_2 as $E;
                // The exponent's bits under those of 2^FRACTION read as the sum of the two.
                let base = ((1 as $bits) << FRACTION) as $E;
                let e = $E::from_bits(bits >> FRACTION | base.to_bits()) - (base + BIAS as $E);
                let (m, e) = if high { (0.5 * m, e + 1.0) } else { (m, e) };
                let s = (m - 1.0) / (m + 1.0);
                let log_m = 2.0 * s * polynomial(s * s, TERMS);
                e * (std::f64::consts::LN_2 as $E) + log_m
            }

            /// Two standard normal numbers from `radius`, uniform in `(0, 1]`, and an angle of
            /// `quarters` quarter turns and `part` of one, between -1/2 and 1/2.
            ///
            /// G. E. P. Box, M. E. Muller, "A note on the generation of random normal deviates"
            /// (1958).
            #[inline(always)]
            pub(super) fn box_muller(radius: $E, quarters: $bits, part: $E) -> ($E, $E) {
                const SIN: [f64; $sin] = super::alternating(1);
                const COS: [f64; $cos] = super::alternating(0);
                let r = (-2.0 * log(radius)).sqrt();
                let angle = part * (std::f64::consts::FRAC_PI_2 as $E);
                let square = angle * angle;
                let sin = angle * polynomial(square, SIN);
                let cos = polynomial(square, COS);
                let (x, y) = if quarters & 1 == 0 { (cos, sin) } else { (-sin, cos) };
                let r = if quarters & 2 == 0 { r } else { -r };
                (r * x, r * y)
            }
        }
    };
}
functions!(single, f32, u32, terms: 5, 6, 6);
functions!(double, f64, u64, terms: 9, 10, 12);

impl Transform for f32 {
    const GROUP: usize = BLOCKS * WORDS;

    #[inline(always)]
    fn uniform(words: &Words, out: &mut [f32; MOST]) {
        for (words, out) in words.iter().zip(out.chunks_exact_mut(BLOCKS)) {
            for (word, out) in words.iter().zip(out) {
                *out = (word >> 8) as f32 * (1.0 / (1 << 24) as f32);
            }
        }
    }

    #[inline(always)]
    fn normal(words: &Words, out: &mut [f32; MOST]) {
        for pair in 0..WORDS / 2 {
            for i in 0..BLOCKS {
                let (a, b) = (words[2 * pair][i], words[2 * pair + 1][i]);
                let scale = 1.0 / (1_u64 << 32) as f32;
                let part = (b << 2).cast_signed() as f32 * scale;
                let (x, y) = single::box_muller((a as f32 + 1.0) * scale, b >> 30, part);
                out[2 * pair * BLOCKS + i] = x;
                out[(2 * pair + 1) * BLOCKS + i] = y;
            }
        }
    }
}

/// A number below `2^52`, as a float.
#[inline(always)]
fn from_52_bits(word: u64) -> f64 {
    const BASE: f64 = (1_u64 << 52) as f64;
    f64::from_bits(word | BASE.to_bits()) - BASE
}

impl Transform for f64 {
    const GROUP: usize = BLOCKS * WORDS / 2;

    #[inline(always)]
    fn uniform(words: &Words, out: &mut [f64; MOST]) {
        for (words, out) in words.chunks_exact(2).zip(out.chunks_exact_mut(BLOCKS)) {
            for ((high, low), out) in words[0].iter().zip(&words[1]).zip(out) {
                let word = u64::from(*high) << 32 | u64::from(*low);
                *out = from_52_bits(word >> 12) * (1.0 / (1_u64 << 52) as f64);
            }
        }
    }

    #[inline(always)]
    fn normal(words: &Words, out: &mut [f64; MOST]) {
        let scale = 1.0 / (1_u64 << 52) as f64;
        for i in 0..BLOCKS {
            let a = u64::from(words[0][i]) << 32 | u64::from(words[1][i]);
            let b = u64::from(words[2][i]) << 32 | u64::from(words[3][i]);
            let radius = (from_52_bits(a >> 12) + 1.0) * scale;
            let part = from_52_bits(b << 2 >> 12) * scale - 0.5;
            let (x, y) = double::box_muller(radius, b >> 62, part);
            out[i] = x;
            out[BLOCKS + i] = y;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ulp;

    /// The transform itself, on what the words say, with the standard library's functions.
    fn exact(radius: f64, quarters: f64, part: f64) -> [f64; 2] {
        let r = (-2.0 * radius.ln()).sqrt();
        // Within half a quarter turn, so that no multiple of pi cancels.
        let (sin, cos) = (part * std::f64::consts::FRAC_PI_2).sin_cos();
        match quarters as i32 {
            0 => [r * cos, r * sin],
            1 => [r * -sin, r * cos],
            2 => [r * -cos, r * -sin],
            _ => [r * sin, r * -cos],
        }
    }

    #[test]
    fn normal_numbers_are_within_eight_ulp() {
        for i in 0..=20_000_u32 {
            // Down to the smallest radius and up to one, on both sides of every switch.
            let radius = f64::from(i + 1) / 20_001.0;
            for radius in [radius, radius * 2.0_f64.powi(-12), 1.0 - radius * 2.0_f64.powi(-14)] {
                let part = f64::from(i.wrapping_mul(7919) % 20_001) / 20_000.0 - 0.5;
                let quarters = i % 4;
                let (radius32, part32) = (radius as f32, part as f32);
                let (x, y) = single::box_muller(radius32, quarters, part32);
                let want = exact(radius32.into(), quarters.into(), part32.into());
                let (x64, y64) = double::box_muller(radius, quarters.into(), part);
                let want64 = exact(radius, quarters.into(), part);
                let errors = [
                    ulp::error(x, want[0], 0.0),
                    ulp::error(y, want[1], 0.0),
                    ulp::error(x64, want64[0], 0.0),
                    ulp::error(y64, want64[1], 0.0),
                ];
                assert!(
                    errors.iter().all(|error| *error <= 8.0),
                    "{errors:?} at {radius}, {quarters} and {part} quarter turns"
                );
            }
        }
    }
}
