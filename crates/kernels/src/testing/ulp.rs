//! Errors in units in the last place.

use crate::Element;

/// The spacing of the values of `E` around `reference`: of the binade it lies in, and that of the
/// subnormals (`2^-149` for `f32`) below the normal range, zero included.
pub fn spacing<E: Element>(reference: f64) -> f64 {
    let (min_exponent, bits) = if E::NAME == "f32" { (-126, 23) } else { (-1022, 52) };
    let exponent = if reference.abs() >= f64::MIN_POSITIVE {
        ((reference.abs().to_bits() >> 52) as i32) - 1023
    } else {
        -1022
    };
    // In two factors, as 2^-1074 is a product of normal powers.
    power(exponent.max(min_exponent)) * power(-bits)
}

fn power(n: i32) -> f64 {
    f64::from_bits(((n + 1023) as u64) << 52)
}

/// The error of `got` in ULP: `|got - (reference + reference_lo)| / spacing(reference)`.
///
/// The reference may carry a low part, for results that are themselves `f64`. A reference beyond
/// the finite range wants the infinity that rounding gives; NaN wants NaN; and a finite reference
/// that `got` misses by being infinite or NaN is infinitely wrong.
pub fn error<E: Element>(got: E, reference: f64, reference_lo: f64) -> f64 {
    if reference.is_nan() {
        return if got.is_nan() { 0.0 } else { f64::INFINITY };
    }
    let got64 = got.to_f64();
    let rounded = E::from_f64(reference + reference_lo);
    if !rounded.is_finite() || !got.is_finite() {
        return if got == rounded { 0.0 } else { f64::INFINITY };
    }
    ((got64 - reference) - reference_lo).abs() / spacing::<E>(reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checker_rejects_what_is_wrong() {
        assert_eq!(error(0.0_f32, 0.0, 0.0), 0.0);
        assert_eq!(error(f32::from_bits(1), 0.0, 0.0), 1.0);
        assert_eq!(error(0.0_f32, f64::from(f32::from_bits(3)), 0.0), 3.0);
        assert_eq!(error(1.0_f32 + f32::EPSILON, 1.0, 0.0), 1.0);
        assert_eq!(error(1.0_f32, 1.0 - f64::from(f32::EPSILON) / 2.0, 0.0), 1.0);
        assert_eq!(error(1.0_f64 + f64::EPSILON, 1.0, 0.0), 1.0);
        assert_eq!(error(f64::from_bits(2), 0.0, 0.0), 2.0);
        assert_eq!(error(1.0_f64, 1.0, f64::EPSILON / 2.0), 0.5);
        assert_eq!(error(f32::NAN, 1.0, 0.0), f64::INFINITY);
        assert_eq!(error(1.0_f32, f64::NAN, 0.0), f64::INFINITY);
        assert_eq!(error(f32::MAX, 1e300, 0.0), f64::INFINITY);
        assert_eq!(error(f32::INFINITY, 1e300, 0.0), 0.0);
        assert_eq!(error(f32::INFINITY, -1e300, 0.0), f64::INFINITY);
        assert_eq!(error(f32::INFINITY, 3e38, 0.0), f64::INFINITY);
    }
}
