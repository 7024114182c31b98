//! The numbers behind the elementary functions, for each element type.
//!
//! Polynomials are Chebyshev interpolants of the functions their doc comments name, computed by
//! `tools/minimax.py` in 60-digit arithmetic; the stated error is that of the fit relative to the
//! fitted function's smallest magnitude, before any rounding. Coefficients run from the lowest
//! power up. A pair is a number and what the first part lacks.

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
    /// About half of the smallest exponent: a number of order one scaled by it can be multiplied
    /// by any other without overflow, and what is left of the scale leaves no second rounding.
    const HALF_SCALE: Self;
    /// `2^ceil(p/2) + 1` for a mantissa of `p` bits: cuts a factor into halves.
    const SPLITTER: Self;
    /// Beyond this `|tanh|` rounds to one.
    const TANH_MAX: Self;
    /// Below this `x e^x` rounds to zero.
    const VANISHING: Self;
    /// Beyond this `x e^-x` is lost beside one.
    const SATURATED: Self;
    /// Beyond this `x Phi(-x)` rounds to zero.
    const NORMAL_MAX: Self;
    /// Beyond this `erfc x` rounds to zero.
    const ERFC_MAX: Self;
    /// So large that one is lost beside it, its square being finite.
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
    /// `erf(x) / x - 1` in `x^2`, for `|x| <= 1`.
    const ERF: &'static [Self];
    /// `(x - tanh x) / x^3` in `x^2`, for `|x| <= 0.7`.
    const TANHSHRINK: &'static [Self];
    /// What its first two coefficients lack.
    const TANHSHRINK_LOW: [Self; 2];
    /// `e^(z^2 / 2) Phi(-z) / u` in `u - 9/16` where `u = 1 / (1 + z / 4)`, up to
    /// [`NORMAL_MAX`](Self::NORMAL_MAX); `Phi` is the standard normal distribution.
    const NORMAL_TAIL: &'static [Self];
    /// What the first two coefficients of [`NORMAL_TAIL`](Self::NORMAL_TAIL) lack.
    const NORMAL_TAIL_LOW: [Self; 2];
    /// `e^(x^2) erfc(x) / u` in `u - 7/16` where `u = 1 / (1 + 3 x / 8)`, up to
    /// [`ERFC_MAX`](Self::ERFC_MAX).
    const ERFC: &'static [Self];
    /// What the first two coefficients of [`ERFC`](Self::ERFC) lack.
    const ERFC_LOW: [Self; 2];
    /// `(e^(z^2 / 2) Phi(-z) - z / sqrt(2 pi)) / (root - z)` in `u - 9/16` as for
    /// [`NORMAL_TAIL`](Self::NORMAL_TAIL), with the root being [`GELU_ROOT`](Self::GELU_ROOT).
    const GELU_SLOPE: &'static [Self];
    /// What the first two coefficients of [`GELU_SLOPE`](Self::GELU_SLOPE) lack.
    const GELU_SLOPE_LOW: [Self; 2];
    /// The `z > 0` where the derivative of gelu at `-z` is zero.
    const GELU_ROOT: [Self; 2];
    /// The `z > 0` where the derivative of silu at `-z` is zero.
    const SILU_ROOT: [Self; 2];
    /// `e^-z` at [`SILU_ROOT`](Self::SILU_ROOT).
    const SILU_ROOT_EXP: [Self; 2];
    /// The `z > 0` where the derivative of gelu in its tanh form at `-z` is zero.
    const GELU_TANH_ROOT: [Self; 2];
    /// `e^-(slope z + cubic z^3)` at [`GELU_TANH_ROOT`](Self::GELU_TANH_ROOT).
    const GELU_TANH_ROOT_EXP: [Self; 2];
    /// `2 sqrt(2 / pi)`.
    const GELU_TANH_SLOPE: [Self; 2];
    /// `2 sqrt(2 / pi) 0.044715`.
    const GELU_TANH_CUBIC: [Self; 2];
    /// The `x < 0` where the derivative of mish is zero.
    const MISH_ROOT: [Self; 2];
    /// `w = e^x` at [`MISH_ROOT`](Self::MISH_ROOT).
    const MISH_ROOT_EXP: [Self; 2];
    /// `w (4 x + 6) + 8 w^2 + 3 w^3`, `4 w^2 + 3 w^3` and `w^3` there.
    const MISH: [[Self; 2]; 3];
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
    const SATURATED: f32 = 20.0;
    const NORMAL_MAX: f32 = 14.6;
    const ERFC_MAX: f32 = 10.2;
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
    // error 2^-25.7
    const ERF: &'static [f32] = &[
        0.12837917,
        -0.37612638,
        0.11283782,
        -0.02686543,
        0.0052210316,
        -0.00084840803,
        0.00011265959,
        -9.667045e-06,
    ];
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
    // error 2^-31.0
    const NORMAL_TAIL: &'static [f32] = &[
        0.20942512,
        0.35695228,
        0.4628788,
        0.43549773,
        0.25674087,
        0.035323802,
        -0.07696084,
        -0.043646958,
        0.024106627,
        0.023724794,
        -0.009459684,
        -0.007353393,
    ];
    const NORMAL_TAIL_LOW: [f32; 2] = [2.0379682e-09, 6.9163133e-09];
    // error 2^-30.7
    const ERFC: &'static [f32] = &[
        0.36183023,
        0.5387222,
        0.64002585,
        0.5724063,
        0.32891688,
        0.039045956,
        -0.11498148,
        -0.07356859,
        0.038964678,
        0.055943545,
        -0.04352131,
        0.006632638,
    ];
    const ERFC_LOW: [f32; 2] = [-6.672442e-09, -2.9777022e-08];
    // error 2^-35.1
    const GELU_SLOPE: &'static [f32] = &[
        0.47613394,
        0.2397489,
        0.2876781,
        0.26486084,
        0.16917518,
        0.051518627,
        -0.020588985,
        -0.02460294,
        0.0011585244,
        0.010133035,
        0.00025071928,
        -0.0036903196,
    ];
    const GELU_SLOPE_LOW: [f32; 2] = [-3.1026413e-09, -9.0847735e-10];
    const GELU_ROOT: [f32; 2] = [0.75179154, -1.211445e-08];
    const SILU_ROOT: [f32; 2] = [1.2784646, -1.29792825e-08];
    const SILU_ROOT_EXP: [f32; 2] = [0.27846456, -1.29792825e-08];
    const GELU_TANH_ROOT: [f32; 2] = [0.75246143, -1.1339628e-08];
    const GELU_TANH_ROOT_EXP: [f32; 2] = [0.2919552, 9.09685e-09];
    const GELU_TANH_SLOPE: [f32; 2] = [1.5957692, -4.534068e-08];
    const GELU_TANH_CUBIC: [f32; 2] = [0.071354814, 2.3988325e-09];
    const MISH_ROOT: [f32; 2] = [-1.1924312, -3.0439375e-09];
    const MISH_ROOT_EXP: [f32; 2] = [0.30348253, 2.7803082e-09];
    const MISH: [[f32; 2]; 3] =
        [[1.194034, -4.1405627e-08], [0.45226032, 7.4928845e-09], [0.027951242, -3.930258e-10]];
    const SELU_SCALE: [f32; 2] = [1.050701, -3.4792652e-08];
    const SELU_SCALE_ALPHA: [f32; 2] = [1.7580993, 2.3296717e-08];
    const HALF_PI: [f32; 3] = [1.5707964, -4.371139e-08, -1.7151245e-15];
    const SIXTH: [f32; 2] = [0.16666667, -4.967054e-09];
}

#[allow(clippy::approx_constant, reason = "each is the leading part of a pair or a triple")]
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
    const HALF_SCALE: f64 = -500.0;
    const SPLITTER: f64 = 134_217_729.0;
    const TANH_MAX: f64 = 20.0;
    const VANISHING: f64 = -755.0;
    const SATURATED: f64 = 40.0;
    const NORMAL_MAX: f64 = 39.0;
    const ERFC_MAX: f64 = 27.3;
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
    // error 2^-59.6
    const ERF: &'static [f64] = &[
        0.1283791670955126,
        -0.37612638903183754,
        0.1128379167095512,
        -0.02686617064512984,
        0.0052239776254232985,
        -0.000854832702193483,
        0.00012055332902888736,
        -1.4925647567519332e-05,
        1.6462045441468418e-06,
        -1.6364642158167616e-07,
        1.4792401209404813e-08,
        -1.216456005728345e-09,
        8.709045129053106e-11,
        -4.230945824295338e-12,
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
    // error 2^-61.4
    const NORMAL_TAIL: &'static [f64] = &[
        0.20942512359414156,
        0.35695228837837945,
        0.462878775723897,
        0.4354974814276055,
        0.25674127520876266,
        0.03533539916052804,
        -0.07697587985764587,
        -0.043862633415936325,
        0.0243819173415494,
        0.02557340327129679,
        -0.01188458017307621,
        -0.014131369023270978,
        0.008885725135596573,
        0.007180993903714403,
        -0.007762104986017971,
        -0.0023596469644844805,
        0.006427906713370223,
        -0.001139207747379337,
        -0.004340965279367252,
        0.0032905430612725165,
        0.00181042313686206,
        -0.0038806632959836303,
        0.00013001518109186008,
        0.002995223789534365,
        -0.0005233837872784573,
        -0.0012754848746795676,
    ];
    const NORMAL_TAIL_LOW: [f64; 2] = [3.0388613279929387e-18, 2.104168413241786e-17];
    // error 2^-60.2
    const ERFC: &'static [f64] = &[
        0.3618302279153041,
        0.5387221830348937,
        0.6400258121897457,
        0.5724071155400556,
        0.32891805862626194,
        0.03900015740907837,
        -0.11492900303983487,
        -0.07265422696150618,
        0.03621054516799439,
        0.052177419951235225,
        -0.01519516747586201,
        -0.03701258223598168,
        0.011764340488797412,
        0.02762382260998905,
        -0.014179627119757154,
        -0.020239645896033436,
        0.018633883668941535,
        0.011861814656446503,
        -0.022559621293010795,
        -0.0004305869981873922,
        0.021551873385178638,
        -0.0127930091771521,
        -0.009099157629781494,
        0.015868317000361884,
        -0.008073034464788749,
        0.001438196897724265,
    ];
    const ERFC_LOW: [f64; 2] = [-5.6030554236192316e-18, 5.466515117051892e-18];
    // error 2^-66.9
    const GELU_SLOPE: &'static [f64] = &[
        0.4761339395028397,
        0.23974889448741699,
        0.2876781039766437,
        0.264860799350972,
        0.16917518945947016,
        0.05152029588147958,
        -0.020589171078862406,
        -0.024635781932109895,
        0.0011624079501116932,
        0.010447390207921044,
        0.0001900196678434351,
        -0.005145786290335762,
        0.00039122242363719053,
        0.002804435104160682,
        -0.0008912185577044442,
        -0.0014595500098584012,
        0.0010944960591606817,
        0.0005217237676296404,
        -0.0010031224000732134,
        0.00013842723023451282,
        0.0006854682301034644,
        -0.0004890494302710723,
        -0.00030105481914166605,
        0.0004873495191284891,
        5.3358115328995506e-05,
        -0.00022526816829485842,
    ];
    const GELU_SLOPE_LOW: [f64; 2] = [2.0139557092015856e-17, 1.702648532884954e-18];
    const GELU_ROOT: [f64; 2] = [0.7517915246935645, -1.4956759177009883e-17];
    const SILU_ROOT: [f64; 2] = [1.2784645427610737, 1.0946994183093437e-16];
    const SILU_ROOT_EXP: [f64; 2] = [0.2784645427610738, -1.5523606315812798e-18];
    const GELU_TANH_ROOT: [f64; 2] = [0.7524614220710163, -3.635560509207687e-17];
    const GELU_TANH_ROOT_EXP: [f64; 2] = [0.29195521191476714, -8.582607951729513e-18];
    const GELU_TANH_SLOPE: [f64; 2] = [1.5957691216057308, -9.96930880911092e-17];
    const GELU_TANH_CUBIC: [f64; 2] = [0.07135481627260025, -6.175149918155315e-19];
    const MISH_ROOT: [f64; 2] = [-1.1924312145154952, -4.8484829848031044e-17];
    const MISH_ROOT_EXP: [f64; 2] = [0.3034825352815289, 1.981117434764409e-17];
    const MISH: [[f64; 2]; 3] = [
        [1.194033938963939, -1.9850981051751388e-17],
        [0.4522603229111282, -7.186879228667555e-18],
        [0.027951242009170138, -1.5633959020088361e-18],
    ];
    const SELU_SCALE: [f64; 2] = [1.0507009873554805, 3.9874847667154144e-17];
    const SELU_SCALE_ALPHA: [f64; 2] = [1.7580993408473768, 1.41535193800845e-17];
    const HALF_PI: [f64; 3] = [1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33];
    const SIXTH: [f64; 2] = [0.16666666666666666, 9.25185853854297e-18];
}
