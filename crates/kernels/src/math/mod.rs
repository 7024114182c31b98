//! Elementary functions of slices. `tanh` and the logistic function are activations (see
//! [`activation`](crate::activation)).

mod atan;
pub(crate) mod constants;
pub(crate) mod double;
mod erf;
mod exp;
pub(crate) mod kernels;
mod log;
mod logistic;
mod pair;
mod pow;
mod rsqrt;
pub(crate) mod table;
mod tanh;
mod trig;
mod unary;

use crate::Element;
use crate::elementwise::Run;
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
pub use rsqrt::Rsqrt;
pub use tanh::Tanh;
pub(crate) use tanh::fraction as tanh_fraction;
pub use trig::{Cos, Sin, Tan};
pub use unary::Unary;

/// A function of slices and its name.
pub type Named<E> = (&'static str, fn(&[E], &mut [E]));

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
    )+
        /// The functions above by name: tests call all of them.
        pub(crate) fn functions<E: Element>() -> Vec<Named<E>> {
            vec![$((stringify!($name), $name)),+]
        }
    };
}

entry_points! {
    /// `out[i] = e^x[i]`.
    exp: Exp;
    /// `out[i] = e^x[i] - 1`, accurate near zero.
    exp_m1: ExpM1;
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

/// `out[i] = a[i]^b[i]`, with the special values of IEEE 754's `pow`: `x^0` and `1^x` are 1 even
/// for NaN; a negative base with a fractional exponent is NaN.
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
