//! The element types: `f32` and `f64`.

use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use crate::activation::ActivationKernels;
use crate::conv::ConvKernels;
use crate::elementwise::ElementwiseKernels;
use crate::gemm::kernels::GemmKernels;
use crate::layout::LayoutKernels;
use crate::math::{Constants, UnaryKernels};
use crate::norm::NormKernels;
use crate::optim::OptimKernels;
use crate::pool::PoolKernels;
use crate::random::RandomKernels;
use crate::reduce::ReduceKernels;
use crate::scan::ScanKernels;
use crate::simd::{Lanes, Simd};
use crate::softmax::SoftmaxKernels;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A floating-point element type: `f32` or `f64`. Sealed.
///
/// Beside the arithmetic a generic scalar loop needs, it names the vector each SIMD level has for
/// it. The functions of the kernel families are reached through supertraits, so that their code is
/// compiled once, in this crate, and not again in every crate that calls them.
pub trait Element:
    sealed::Sealed
    + Constants
    + UnaryKernels
    + ActivationKernels
    + ConvKernels
    + GemmKernels
    + ElementwiseKernels
    + LayoutKernels
    + NormKernels
    + OptimKernels
    + PoolKernels
    + RandomKernels
    + ReduceKernels
    + ScanKernels
    + SoftmaxKernels
    + Copy
    + Debug
    + Display
    + Default
    + PartialEq
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Sum
{
    /// The vector of this element on the level `S`.
    type Vector<S: Simd>: Lanes<Elem = Self, Token = S>;

    /// The type's name, `"f32"` or `"f64"`.
    const NAME: &'static str;
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// The distance from one to the next larger value.
    const EPSILON: Self;
    /// Positive infinity.
    const INFINITY: Self;
    /// Negative infinity.
    const NEG_INFINITY: Self;
    /// Not a number.
    const NAN: Self;

    /// The nearest value of this type.
    fn from_f64(value: f64) -> Self;
    /// The same value, or for `f32` an exact widening.
    fn to_f64(self) -> f64;
    /// Whether this is NaN.
    fn is_nan(self) -> bool;
    /// Whether this is neither NaN nor infinite.
    fn is_finite(self) -> bool;
    /// The absolute value.
    fn abs(self) -> Self;
    /// The square root, correctly rounded.
    fn sqrt(self) -> Self;
}

macro_rules! element {
    ($type:ident, $vector:ident) => {
        impl Element for $type {
            type Vector<S: Simd> = S::$vector;
            const NAME: &'static str = stringify!($type);
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const EPSILON: Self = $type::EPSILON;
            const INFINITY: Self = $type::INFINITY;
            const NEG_INFINITY: Self = $type::NEG_INFINITY;
            const NAN: Self = $type::NAN;

            #[inline]
            fn from_f64(value: f64) -> Self {
                value as $type
            }
            #[inline]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline]
            fn is_nan(self) -> bool {
                $type::is_nan(self)
            }
            #[inline]
            fn is_finite(self) -> bool {
                $type::is_finite(self)
            }
            #[inline]
            fn abs(self) -> Self {
                $type::abs(self)
            }
            #[inline]
            fn sqrt(self) -> Self {
                $type::sqrt(self)
            }
        }
    };
}

element!(f32, F32);
element!(f64, F64);
