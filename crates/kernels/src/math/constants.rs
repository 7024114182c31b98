//! The numbers behind the elementary functions, for each element type.
//!
//! Polynomials are minimax fits (Remez's exchange algorithm, in 50-digit arithmetic) of the
//! functions their doc comments name; the stated error is that of the fit, before any rounding.
//! Coefficients run from the lowest power up.

/// Constants of an element type. Sealed with [`Element`](crate::Element).
pub trait Constants: Sized + Copy + 'static {
    /// `1.5 * 2^(mantissa bits)`: adding and subtracting it rounds to an integer.
    const ROUNDER: Self;
    /// `1 / ln 2`.
    const LOG2_E: Self;
    /// `ln 2`, its leading bits: few enough that a product with an exponent is exact.
    const LN2_HI: Self;
    /// What [`LN2_HI`](Self::LN2_HI) lacks.
    const LN2_LO: Self;
    /// Where `e^x` is certain to overflow.
    const EXP_MAX: Self;
    /// Where `e^x` is certain to round to zero.
    const EXP_MIN: Self;
    /// Below this `e^x - 1` rounds to -1.
    const EXP_M1_MIN: Self;
    /// The largest exponent of a finite value.
    const MAX_EXPONENT: Self;
    /// The smallest exponent of a normal value.
    const MIN_EXPONENT: Self;
    /// `(e^r - 1 - r) / r^2` for `|r| <= ln(2) / 2`; relative error of `e^r` below `2^-34` and
    /// `2^-58`.
    const EXP: &'static [Self];
    /// `2^ceil(p/2) + 1` for a mantissa of `p` bits: cuts a factor into halves.
    const SPLITTER: Self;
    /// Beyond this `|tanh|` rounds to one, and `1 - |tanh|` still does not underflow.
    const TANH_MAX: Self;
}

impl Constants for f32 {
    const ROUNDER: f32 = 12_582_912.0;
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    const LN2_HI: f32 = 0.693145751953125;
    const LN2_LO: f32 = 1.4286068203094173e-06;
    const EXP_MAX: f32 = 89.0;
    const EXP_MIN: f32 = -104.0;
    const EXP_M1_MIN: f32 = -20.0;
    const MAX_EXPONENT: f32 = 127.0;
    const MIN_EXPONENT: f32 = -126.0;
    const EXP: &'static [f32] =
        &[5.000000e-01, 1.6666667e-01, 4.166627e-02, 8.333264e-03, 1.3946119e-03, 1.9918448e-04];
    const SPLITTER: f32 = 4097.0;
    const TANH_MAX: f32 = 12.0;
}

impl Constants for f64 {
    const ROUNDER: f64 = 6_755_399_441_055_744.0;
    const LOG2_E: f64 = std::f64::consts::LOG2_E;
    const LN2_HI: f64 = 0.6931471805592082;
    const LN2_LO: f64 = 7.371002565167799e-13;
    const EXP_MAX: f64 = 710.0;
    const EXP_MIN: f64 = -746.0;
    const EXP_M1_MIN: f64 = -40.0;
    const MAX_EXPONENT: f64 = 1023.0;
    const MIN_EXPONENT: f64 = -1022.0;
    const EXP: &'static [f64] = &[
        0.5000000000000013,
        0.166666666666667,
        0.04166666666651493,
        0.00833333333330712,
        0.0013888888947156436,
        0.00019841269917571523,
        2.480148978552261e-05,
        2.755721613081382e-06,
        2.7631339806133615e-07,
        2.5117915498382983e-08,
    ];
    const SPLITTER: f64 = 134_217_729.0;
    const TANH_MAX: f64 = 24.0;
}
