//! Elementary functions of slices.

mod atan;
pub(crate) mod constants;
pub(crate) mod double;
mod erf;
mod exp;
mod log;
mod logistic;
mod pair;
mod pow;
pub(crate) mod table;
mod tanh;
mod trig;

pub use atan::Atan2;
pub use constants::Constants;
pub use erf::{Erf, Erfc};
pub(crate) use erf::{gauss, gelu_slope, normal_tail, short_gelu_slope, short_normal_tail};
pub use exp::{Exp, ExpM1};
pub(crate) use exp::{
    Reduced, exp as exp_lanes, exp_pair, exp_pair_fine, power_of_negative, upstream,
};
pub use log::{Log, Log1p};
pub(crate) use log::{log as log_lanes, log_1p_pair};
pub use logistic::Logistic;
pub(crate) use logistic::LogisticParts;
pub(crate) use pair::{Pair, horner, product_error};
pub use pow::Pow;
pub use tanh::Tanh;
pub(crate) use tanh::fraction as tanh_fraction;
pub use trig::{Cos, Sin, Tan};

use crate::Element;
use crate::elementwise::Run;
use crate::simd::Lanes;
use crate::slices::{VectorFn, map, zip};
use crate::threads::Cost;

/// The functions of one argument this module has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unary {
    /// `e^x`.
    Exp,
    /// `e^x - 1`.
    ExpM1,
    /// `1 / (1 + e^-x)`.
    Logistic,
    /// `tanh x`.
    Tanh,
    /// `ln x`.
    Log,
    /// `ln(1 + x)`.
    Log1p,
    /// `1 / sqrt x`.
    Rsqrt,
    /// `sin x`.
    Sin,
    /// `cos x`.
    Cos,
    /// `tan x`.
    Tan,
    /// `erf x`.
    Erf,
    /// `1 - erf x`.
    Erfc,
}

/// The compiled kernels of an element type. Sealed with [`Element`].
pub trait UnaryKernels: Sized {
    /// `out = f(x)`.
    #[doc(hidden)]
    fn unary_kernel(f: Unary, x: &[Self], out: &mut [Self]);

    /// `out = a^b`.
    #[doc(hidden)]
    fn pow_kernel(a: Run<'_, Self>, b: Run<'_, Self>, out: &mut [Self]);

    /// The angle of `(x, y)`.
    #[doc(hidden)]
    fn atan2_kernel(y: Run<'_, Self>, x: Run<'_, Self>, out: &mut [Self]);
}

/// `1 / sqrt x`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Rsqrt;

impl<E: Element> VectorFn<E> for Rsqrt {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        x.lit(E::ONE) / x.sqrt()
    }
}

macro_rules! unary_kernels {
    ($type:ty) => {
        impl UnaryKernels for $type {
            #[track_caller]
            fn unary_kernel(f: Unary, x: &[Self], out: &mut [Self]) {
                match f {
                    Unary::Exp => map(Exp, x, out),
                    Unary::ExpM1 => map(ExpM1, x, out),
                    Unary::Logistic => map(Logistic, x, out),
                    Unary::Tanh => map(Tanh, x, out),
                    Unary::Log => map(Log, x, out),
                    Unary::Log1p => map(Log1p, x, out),
                    Unary::Rsqrt => map(Rsqrt, x, out),
                    Unary::Sin => map(Sin, x, out),
                    Unary::Cos => map(Cos, x, out),
                    Unary::Tan => map(Tan, x, out),
                    Unary::Erf => map(Erf, x, out),
                    Unary::Erfc => map(Erfc, x, out),
                }
            }

            #[track_caller]
            fn pow_kernel(a: Run<'_, Self>, b: Run<'_, Self>, out: &mut [Self]) {
                zip(Pow, a, b, out);
            }

            #[track_caller]
            fn atan2_kernel(y: Run<'_, Self>, x: Run<'_, Self>, out: &mut [Self]) {
                zip(Atan2, y, x, out);
            }
        }
    };
}
unary_kernels!(f32);
unary_kernels!(f64);

macro_rules! entry_points {
    ($($(#[$doc:meta])* $name:ident: $function:ident;)+) => {$(
        $(#[$doc])*
        ///
        /// # Panics
        /// If the slices differ in length.
        #[track_caller]
        pub fn $name<E: Element>(x: &[E], out: &mut [E]) {
            E::unary_kernel(Unary::$function, x, out);
        }
    )+};
}

entry_points! {
    /// `out[i] = e^x[i]`.
    exp: Exp;
    /// `out[i] = e^x[i] - 1`, accurate near zero.
    exp_m1: ExpM1;
    /// `out[i] = 1 / (1 + e^-x[i])`.
    logistic: Logistic;
    /// `out[i] = tanh x[i]`.
    tanh: Tanh;
    /// `out[i] = ln x[i]`; NaN for negative arguments, negative infinity for zeros.
    log: Log;
    /// `out[i] = ln(1 + x[i])`, accurate near zero.
    log_1p: Log1p;
    /// `out[i] = 1 / sqrt x[i]`.
    rsqrt: Rsqrt;
    /// `out[i] = sin x[i]`, for angles of any size; NaN for infinite ones.
    sin: Sin;
    /// `out[i] = cos x[i]`, for angles of any size; NaN for infinite ones.
    cos: Cos;
    /// `out[i] = tan x[i]`, for angles of any size; NaN for infinite ones.
    tan: Tan;
    /// The error function, `2 / sqrt(pi)` times the integral of `e^(-t^2)` from 0 to `x[i]`.
    erf: Erf;
    /// `out[i] = 1 - erf x[i]`, accurate in the tail.
    erfc: Erfc;
}

/// `out[i] = a[i]^b[i]`, with the special values of IEEE 754's `pow`: `x^0` and `1^x` are 1 even for
/// NaN; a negative base with a fractional exponent is NaN.
///
/// # Panics
/// If an operand's length is not the output's.
#[track_caller]
pub fn pow<E: Element>(a: Run<'_, E>, b: Run<'_, E>, out: &mut [E]) {
    E::pow_kernel(a, b, out);
}

/// The angle from the positive x axis to the point `(x[i], y[i])`, from -pi to pi, with the special
/// values of IEEE 754's `atan2`: zeros and infinities of either sign are points like others.
///
/// ```
/// use wengert_kernels::{elementwise::Run, math};
/// let mut angle = [0.0_f64; 2];
/// math::atan2(Run::Slice(&[1.0, -0.0]), Run::Splat(-1.0), &mut angle);
/// assert_eq!(angle, [0.75 * std::f64::consts::PI, -std::f64::consts::PI]);
/// ```
///
/// # Panics
/// If an operand's length is not the output's.
#[track_caller]
pub fn atan2<E: Element>(y: Run<'_, E>, x: Run<'_, E>, out: &mut [E]) {
    E::atan2_kernel(y, x, out);
}
