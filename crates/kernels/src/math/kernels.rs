//! The compiled elementary functions of an element type.

use super::atan::Atan2;
use super::erf::{Erf, Erfc};
use super::exp::{Exp, ExpM1};
use super::log::{Log, Log1p};
use super::logistic::Logistic;
use super::pow::Pow;
use super::rsqrt::Rsqrt;
use super::tanh::Tanh;
use super::trig::{Cos, Sin, Tan};
use super::unary::Unary;
use crate::elementwise::Run;
use crate::slices::{map, zip};

/// The compiled kernels of an element type. Sealed with [`Element`](crate::Element).
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
