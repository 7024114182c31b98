//! [`Unary`]: the names of the functions of one argument, and which kernel each is.

use super::erf::{Erf, Erfc};
use super::exp::{Exp, ExpM1};
use super::log::{Log, Log1p};
use super::rsqrt::Rsqrt;
use super::trig::{Cos, Sin, Tan};
use crate::Float;
use crate::slices::map;

/// Declares [`Unary`] and its kernels from the names of the types that compute the functions.
macro_rules! unary {
    ($($(#[$doc:meta])* $function:ident),+ $(,)?) => {
        /// The functions of one argument this module has.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Unary {
            $($(#[$doc])* $function),+
        }

        /// `out = f(x)`.
        #[track_caller]
        pub(super) fn unary<E: Float>(f: Unary, x: &[E], out: &mut [E]) {
            match f { $(Unary::$function => map($function, x, out)),+ }
        }
    };
}

unary!(
    /// `e^x`.
    Exp,
    /// `e^x - 1`.
    ExpM1,
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
);
