//! The constants of the elementary functions, for each element type.
//!
//! Polynomials are Chebyshev interpolants of the functions their doc comments name, computed by
//! `tools/minimax.py` in 60-digit arithmetic; the stated error is that of the fit relative to the
//! fitted function's smallest magnitude, before any rounding. Coefficients run from the lowest
//! power up. A pair is a number and what the first part lacks.

/// Constants of an element type. Sealed with [`Element`](crate::Element).
pub trait Constants: Sized + Copy + 'static {
    /// `1.5 * 2^(mantissa bits)`: adding and subtracting it rounds to an integer.
    const ROUNDER: Self;
    /// [`ROUNDER`](Self::ROUNDER) and the exponents' bias: adding it to an integer puts that,
    /// biased, into the lowest bits.
    const EXPONENT_MAGIC: Self;
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
    /// About half of the smallest exponent: a number of order one scaled by it can be multiplied
    /// by any other without overflow, and what is left of the scale leaves no second rounding.
    const HALF_SCALE: Self;
    /// `2^ceil(p/2) + 1` for a mantissa of `p` bits: cuts a factor into halves.
    const SPLITTER: Self;
    /// Beyond this `|tanh|` rounds to one.
    const TANH_MAX: Self;
    /// Below this `x e^x` rounds to zero.
    const VANISHING: Self;
    /// A number `n` so large that `n + 1` rounds to `n`, whose square is finite.
    const HUGE: Self;
    /// The number of quarter turns up to which an angle is reduced by multiplication.
    const PERIODS_MAX: Self;
    /// `(e^r - 1 - r) / r^2` for `|r| <= ln(2) / 2`.
    const EXP: &'static [Self];
    /// `(2 atanh(q / 2) - q) / q^3` in `q^2`, for `|q| <= 2/3`.
    const LOG: &'static [Self];
    /// `(sin r - r) / r^3` in `r^2`, for `|r| <= pi / 4`.
    const SIN: &'static [Self];
    /// `(cos r - 1 + r^2 / 2) / r^4` in `r^2`, for `|r| <= pi / 4`.
    const COS: &'static [Self];
    /// `(x - tanh x) / x^3` in `x^2`, for `|x| <= 0.7`.
    const TANHSHRINK: &'static [Self];
    /// What its first two coefficients lack.
    const TANHSHRINK_LOW: [Self; 2];
    /// The scale of selu.
    const SELU_SCALE: [Self; 2];
    /// The product of scale and alpha of selu.
    const SELU_SCALE_ALPHA: [Self; 2];
    /// `pi / 2` in three parts.
    const HALF_PI: [Self; 3];
    /// `1 / 6`.
    const SIXTH: [Self; 2];
}

#[allow(clippy::approx_constant, reason = "each is the leading part of a pair or a triple")]
impl Constants for f32 {
    const ROUNDER: f32 = 12_582_912.0;
    const EXPONENT_MAGIC: f32 = Self::ROUNDER + 127.0;
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    const LN2_HI: f32 = 0.693145751953125;
    const LN2_LO: f32 = 1.4286068203094173e-06;
    const EXP_MAX: f32 = 89.0;
    const EXP_MIN: f32 = -104.0;
    const EXP_M1_MIN: f32 = -20.0;
    const MAX_EXPONENT: f32 = 127.0;
    const MIN_EXPONENT: f32 = -126.0;
    const HALF_SCALE: f32 = -60.0;
    const SPLITTER: f32 = 4097.0;
    const TANH_MAX: f32 = 9.5;
    const VANISHING: f32 = -110.0;
    const HUGE: f32 = 7.205_759_4e16;
    const PERIODS_MAX: f32 = 131_072.0;
    // error 2^-28.2
    const EXP: &'static [f32] =
        &[0.5, 0.16666667, 0.041666467, 0.0083333105, 0.001393365, 0.00019890991];
    // error 2^-31.7
    const LOG: &'static [f32] =
        &[0.083333336, 0.012500003, 0.0022320552, 0.0004348579, 8.527607e-05, 2.5376305e-05];
    // error 2^-32.4
    const SIN: &'static [f32] = &[-0.16666667, 0.008333332, -0.00019840084, 2.724962e-06];
    // error 2^-34.0
    const COS: &'static [f32] = &[0.041666668, -0.0013888888, 2.4800598e-05, -2.7300703e-07];
    // error 2^-30.0
    const TANHSHRINK: &'static [f32] = &[
        0.33333334,
        -0.13333328,
        0.053966567,
        -0.021848379,
        0.008735578,
        -0.0031838932,
        0.00076125946,
    ];
    const TANHSHRINK_LOW: [f32; 2] = [-1.018954e-08, -1.4608159e-09];
    const SELU_SCALE: [f32; 2] = [1.050701, -3.4792652e-08];
    const SELU_SCALE_ALPHA: [f32; 2] = [1.7580993, 2.3296717e-08];
    const HALF_PI: [f32; 3] = [1.5707964, -4.371139e-08, -1.7151245e-15];
    const SIXTH: [f32; 2] = [0.16666667, -4.967054e-09];
}

#[allow(clippy::approx_constant, reason = "each is the leading part of a pair or a triple")]
impl Constants for f64 {
    const ROUNDER: f64 = 6_755_399_441_055_744.0;
    const EXPONENT_MAGIC: f64 = Self::ROUNDER + 1023.0;
    const LOG2_E: f64 = std::f64::consts::LOG2_E;
    const LN2_HI: f64 = 0.6931471805592082;
    const LN2_LO: f64 = 7.371002565167799e-13;
    const EXP_MAX: f64 = 710.0;
    const EXP_MIN: f64 = -746.0;
    const EXP_M1_MIN: f64 = -40.0;
    const MAX_EXPONENT: f64 = 1023.0;
    const MIN_EXPONENT: f64 = -1022.0;
    const HALF_SCALE: f64 = -500.0;
    const SPLITTER: f64 = 134_217_729.0;
    const TANH_MAX: f64 = 20.0;
    const VANISHING: f64 = -755.0;
    const HUGE: f64 = 1_152_921_504_606_846_976.0;
    const PERIODS_MAX: f64 = 134_217_728.0;
    // error 2^-51.9
    const EXP: &'static [f64] = &[
        0.5000000000000001,
        0.16666666666666669,
        0.04166666666662413,
        0.008333333333330062,
        0.0013888888917213717,
        0.00019841269863053618,
        2.4801521295954376e-05,
        2.7557268459997064e-06,
        2.7620088445409746e-07,
        2.510038549551032e-08,
    ];
    // error 2^-68.3
    const LOG: &'static [f64] = &[
        0.08333333333333333,
        0.0125,
        0.0022321428571428765,
        0.00043402777777681124,
        8.877840911565177e-05,
        1.87800477007331e-05,
        4.069014078538803e-06,
        8.975520243608103e-07,
        2.008789244057734e-07,
        4.509512010109153e-08,
        1.1005567132384462e-08,
        1.5743714308413026e-09,
        1.1131109862044143e-09,
    ];
    // error 2^-74.7
    const SIN: &'static [f64] = &[
        -0.16666666666666666,
        0.008333333333333333,
        -0.00019841269841269839,
        2.7557319223981077e-06,
        -2.5052108382377827e-08,
        1.6059042777921172e-10,
        -7.646960948071416e-13,
        2.791224100841561e-15,
    ];
    // error 2^-77.0
    const COS: &'static [f64] = &[
        0.041666666666666664,
        -0.001388888888888889,
        2.4801587301587298e-05,
        -2.755731922398348e-07,
        2.0876756986335384e-09,
        -1.1470745068029556e-11,
        4.779375897774338e-14,
        -1.5518009109180316e-16,
    ];
    // error 2^-65.8
    const TANHSHRINK: &'static [f64] = &[
        0.3333333333333333,
        -0.13333333333333333,
        0.05396825396825334,
        -0.021869488536117126,
        0.008863235528695926,
        -0.0035921280135089626,
        0.0014558340984877581,
        -0.000590024957012687,
        0.00023911393785235106,
        -9.68483692586041e-05,
        3.906289977673315e-05,
        -1.5415778762237535e-05,
        5.608248698471347e-06,
        -1.6223627715432722e-06,
        2.6412517597903704e-07,
    ];
    const TANHSHRINK_LOW: [f64; 2] = [1.8499222991162564e-17, 2.278671443079184e-18];
    const SELU_SCALE: [f64; 2] = [1.0507009873554805, 3.9874847667154144e-17];
    const SELU_SCALE_ALPHA: [f64; 2] = [1.7580993408473768, 1.41535193800845e-17];
    const HALF_PI: [f64; 3] = [1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33];
    const SIXTH: [f64; 2] = [0.16666666666666666, 9.25185853854297e-18];
}
