//! Functions of `f32` looked up: 32 intervals, on each of them a polynomial of its own.
//!
//! Where a lookup of 32 entries is one instruction, this is two to three times as quick as `f64`
//! lanes ([`double`](super::double)) and right to an ULP or so. Each interval's center is chosen so
//! that the function's value there is an `f32` but for hundredths of an ULP: what is left of the
//! error is the polynomial's, small compared with the value, and one rounding at the end (S. Gal,
//! B. Bachelis, An accurate elementary mathematical library for the IEEE floating point standard,
//! 1991, for the centers).
//!
//! What does not belong here: functions over all of their range. Beyond the last interval `double`
//! takes over.

mod constants;

use crate::simd::Lookup;

use super::constants::Constants as _;
use constants::{LOGISTIC, SLOPE, TANH};

/// `f(x) = value + t (slopes[0] + slopes[1] t + ...)` with `t = x - center` on each of 32
/// intervals.
struct Table<const N: usize> {
    centers: [f32; 32],
    values: [f32; 32],
    slopes: [[f32; 32]; N],
}

impl<const N: usize> Table<N> {
    /// `t`, and what it is to be multiplied by, for `x` in the interval that the low five bits of
    /// `index` name.
    #[inline(always)]
    fn secant<V: Lookup>(&'static self, x: V, index: V) -> (V, V) {
        let t = x - index.lookup(&self.centers);
        let mut p = index.lookup(&self.slopes[N - 1]);
        let mut n = N - 1;
        while n > 0 {
            n -= 1;
            p = p.mul_add(t, index.lookup(&self.slopes[n]));
        }
        (t, p)
    }

    /// `f(x)` where the intervals lie around the multiples of `1 / per_unit`.
    #[inline(always)]
    fn at<V: Lookup>(&'static self, x: V, per_unit: f32) -> V {
        let index = x.mul_add(x.lit(per_unit), x.lit(f32::ROUNDER));
        let (t, p) = self.secant(x, index);
        p.mul_add(t, index.lookup(&self.values))
    }
}

/// Where the table of [`logistic`] ends.
pub(crate) const LOGISTIC_END: f32 = 11.75;

/// Where the table of [`inverse_cosh_squared`] ends.
pub(crate) const SLOPE_END: f32 = 7.75;

/// `tanh x`.
///
/// The intervals are quarters of binades: their numbers are the bits around the binary point. Below
/// 1/16 it is `x + x p`, and `x` stands where the value at the center stands elsewhere, which is
/// larger than 1/16.
#[inline(always)]
pub(crate) fn tanh<V: Lookup>(x: V) -> V {
    let first = x.lit(1.0 / 16.0);
    let a = x.lit(9.5).min(x.abs());
    let index = x.lit(15.0 / 256.0).max(a).shifted_down::<21>();
    let (t, p) = TANH.secant(a, index);
    let value = first.min(a).max(index.lookup(&TANH.values));
    p.mul_add(t, value).copysign(x)
}

/// `1 / (1 + e^-x)` for `|x|` below [`LOGISTIC_END`].
#[inline(always)]
pub(crate) fn logistic<V: Lookup>(x: V) -> V {
    let small = LOGISTIC.at(x.abs(), 8.0 / 3.0);
    V::select(x.lt(x.lit(0.0)), small, x.lit(1.0) - small)
}

/// `1 / cosh^2 x` for `|x|` below [`SLOPE_END`].
#[inline(always)]
pub(crate) fn inverse_cosh_squared<V: Lookup>(x: V) -> V {
    SLOPE.at(x.abs(), 4.0)
}
