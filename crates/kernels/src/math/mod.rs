//! Elementary functions of slices.

mod constants;
mod exp;
mod logistic;
mod pair;
mod tanh;

pub use constants::Constants;
pub(crate) use exp::exp as exp_lanes;
pub use exp::{Exp, ExpM1};
pub use logistic::Logistic;
pub use tanh::Tanh;

use crate::Element;
use crate::slices::map;

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
}

/// The compiled kernels of an element type. Sealed with [`Element`].
pub trait UnaryKernels: Sized {
    /// `out = f(x)`, or `f(out)` where `x` is `None`.
    #[doc(hidden)]
    fn unary_kernel(f: Unary, x: Option<&[Self]>, out: &mut [Self]);
}

macro_rules! unary_kernels {
    ($type:ty) => {
        impl UnaryKernels for $type {
            #[track_caller]
            fn unary_kernel(f: Unary, x: Option<&[Self]>, out: &mut [Self]) {
                match f {
                    Unary::Exp => map(Exp, x, out),
                    Unary::ExpM1 => map(ExpM1, x, out),
                    Unary::Logistic => map(Logistic, x, out),
                    Unary::Tanh => map(Tanh, x, out),
                }
            }
        }
    };
}
unary_kernels!(f32);
unary_kernels!(f64);

macro_rules! entry_points {
    ($($(#[$doc:meta])* $name:ident, $name_in_place:ident: $function:ident;)+) => {$(
        $(#[$doc])*
        ///
        /// # Panics
        /// If the slices differ in length.
        #[track_caller]
        pub fn $name<E: Element>(x: &[E], out: &mut [E]) {
            E::unary_kernel(Unary::$function, Some(x), out);
        }

        #[doc = concat!("As [`", stringify!($name), "`], overwriting the argument.")]
        pub fn $name_in_place<E: Element>(x: &mut [E]) {
            E::unary_kernel(Unary::$function, None, x);
        }
    )+};
}

entry_points! {
    /// `out[i] = e^x[i]`.
    exp, exp_in_place: Exp;
    /// `out[i] = e^x[i] - 1`, accurate near zero.
    exp_m1, exp_m1_in_place: ExpM1;
    /// `out[i] = 1 / (1 + e^-x[i])`.
    logistic, logistic_in_place: Logistic;
    /// `out[i] = tanh x[i]`.
    tanh, tanh_in_place: Tanh;
}
