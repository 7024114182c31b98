//! Functions computed in `f64` lanes, whichever element they are of.
//!
//! An `f32` is widened. In `f64` its products are exact, nothing underflows, and where terms cancel
//! more digits are left than an `f32` has: a plain formula does, and one rounding at its end. That
//! is quicker than pairs of `f32` though the vectors are half as long, and right to 0.6 ULP. An
//! `f64` has nothing wider to go to, and is computed in pairs. Where a [`table`](super::table) is
//! quicker still it is used as far as it reaches.
//!
//! What belongs here: how a function is taken to either, and the exponential of the shorter. What
//! does not: the functions, which live in their families.

pub(crate) mod constants;

use crate::Float;
use crate::simd::{Lanes, Lookup, Mask, Simd};

use super::constants::Constants as _;
use super::pair::horner;
use constants::short;

/// How far a function's table reaches.
#[derive(Clone, Copy)]
pub(crate) enum Reach {
    /// There is no table.
    Nowhere,
    /// To magnitudes below this one.
    Below(f32),
    Everywhere,
}

/// A function computed in `f64` lanes.
pub(crate) trait InDouble: Copy {
    /// How far [`quick`](Self::quick) holds.
    const TABLE: Reach = Reach::Nowhere;

    /// The value by a table.
    #[inline(always)]
    fn quick<V: Lookup>(self, x: V) -> V {
        x
    }

    /// The value, to be rounded to `f32`: within `2^-26` of the exact one, relatively.
    fn short<W: Lanes<Elem = f64>>(self, x: W) -> W;

    /// The value, as an `f64`.
    fn long<W: Lanes<Elem = f64>>(self, x: W) -> W;
}

/// A function whose derivative is computed in `f64` lanes.
pub(crate) trait DerivativeInDouble: Copy {
    /// How far [`quick_slope`](Self::quick_slope) holds.
    const SLOPE_TABLE: Reach = Reach::Nowhere;

    /// The derivative by a table.
    #[inline(always)]
    fn quick_slope<V: Lookup>(self, x: V) -> V {
        x
    }

    /// The derivative, to be multiplied and rounded to `f32`: within `2^-25` of the exact one,
    /// relatively, wherever a finite `f32` times it is not certain to round to zero.
    fn short_slope<W: Lanes<Elem = f64>>(self, x: W) -> W;

    /// The derivative times the upstream gradient, as an `f64`.
    fn long_times<W: Lanes<Elem = f64>>(self, gy: W, x: W) -> W;
}

/// Whether these lanes are `f64`. Used in `const` blocks: code that an unoptimized build can see is
/// never run takes no stack there.
#[inline(always)]
pub(crate) const fn is_double<V: Lanes>() -> bool {
    size_of::<V::Elem>() == size_of::<f64>()
}

/// `f(x)`.
#[inline(always)]
pub(crate) fn value<F: InDouble, V: Lanes>(f: F, x: V) -> V {
    if const { is_double::<V>() } {
        let [low, high] = x.widen();
        return V::narrow([f.long(low), high]);
    }
    if const { !has_lookup::<V>() || matches!(F::TABLE, Reach::Nowhere) } {
        return short(f, x);
    }
    let quick = V::of_single(f.quick(x.to_single()));
    if let Reach::Below(end) = F::TABLE {
        let far = beyond(x, end);
        if far.any() {
            return V::select(far, short(f, x), quick);
        }
    }
    quick
}

#[inline(always)]
fn short<F: InDouble, V: Lanes>(f: F, x: V) -> V {
    let [low, high] = x.widen();
    V::narrow([f.short(low), f.short(high)])
}

/// `gy f'(x)`.
#[inline(always)]
pub(crate) fn derivative<F: DerivativeInDouble, V: Lanes>(f: F, gy: V, x: V) -> V {
    if const { is_double::<V>() } {
        let ([gy, _], [low, high]) = (gy.widen(), x.widen());
        return V::narrow([f.long_times(gy, low), high]);
    }
    if const { !has_lookup::<V>() || matches!(F::SLOPE_TABLE, Reach::Nowhere) } {
        return short_times(f, gy, x);
    }
    let quick = gy * V::of_single(f.quick_slope(x.to_single()));
    if let Reach::Below(end) = F::SLOPE_TABLE {
        let far = beyond(x, end);
        if far.any() {
            return V::select(far, short_times(f, gy, x), quick);
        }
    }
    quick
}

#[inline(always)]
fn short_times<F: DerivativeInDouble, V: Lanes>(f: F, gy: V, x: V) -> V {
    let ([gy_low, gy_high], [low, high]) = (gy.widen(), x.widen());
    V::narrow([gy_low * f.short_slope(low), gy_high * f.short_slope(high)])
}

/// Whether tables are quick on these lanes.
#[inline(always)]
const fn has_lookup<V: Lanes>() -> bool {
    !is_double::<V>() && <<V::Token as Simd>::F32 as Lookup>::QUICK
}

/// Where the magnitude is not below `end`.
#[inline(always)]
fn beyond<V: Lanes>(x: V, end: f32) -> V::Mask {
    x.lit(V::Elem::from_f64(f64::from(end))).le(x.abs())
}

/// Makes functions in double functions of any vector.
macro_rules! values_in_double {
    ($($function:ty),+) => {$(
        impl<E: $crate::Float> $crate::slices::VectorFn<E> for $function {
            #[inline(always)]
            fn eval<V: $crate::simd::Lanes<Elem = E>>(self, x: V) -> V {
                $crate::math::double::value(self, x)
            }
        }
    )+};
}
pub(crate) use values_in_double;

/// Gives functions their derivatives in double.
macro_rules! derivatives_in_double {
    ($($function:ty),+) => {$(
        impl<E: $crate::Float> $crate::activation::Derivative<E> for $function {
            #[inline(always)]
            fn times<V: $crate::simd::Lanes<Elem = E>>(self, gy: V, x: V) -> V {
                $crate::math::double::derivative(self, gy, x)
            }
        }
    )+};
}
pub(crate) use derivatives_in_double;

/// `e^x = scale (1 + m)` for `|x| <= 700`: the power of two and `m`.
#[inline(always)]
fn reduced<W: Lanes<Elem = f64>>(x: W) -> (W, W) {
    let magic = x.lit(f64::EXPONENT_MAGIC);
    let shifted = x.mul_add(x.lit(f64::LOG2_E), magic);
    let r = (shifted - magic).neg_mul_add(x.lit(std::f64::consts::LN_2), x);
    (shifted.low_bits_to_exponent(), r * horner(r, short::EXP_M1))
}

/// `e^x` for `|x| <= 700`, within `2^-31`.
#[inline(always)]
pub(crate) fn exp<W: Lanes<Elem = f64>>(x: W) -> W {
    let (scale, m) = reduced(x);
    scale.mul_add(m, scale)
}

/// `e^x - 1` for `|x| <= 700`, within `2^-31` however small it is.
#[inline(always)]
pub(crate) fn exp_m1<W: Lanes<Elem = f64>>(x: W) -> W {
    let (scale, m) = reduced(x);
    scale.mul_add(m, scale - x.lit(1.0))
}

/// Both [`exp`] and [`exp_m1`].
#[inline(always)]
pub(crate) fn exp_and_m1<W: Lanes<Elem = f64>>(x: W) -> (W, W) {
    let (scale, m) = reduced(x);
    (scale.mul_add(m, scale), scale.mul_add(m, scale - x.lit(1.0)))
}

/// `x` between the two; NaN stays.
#[inline(always)]
pub(crate) fn clamp<W: Lanes<Elem = f64>>(x: W, least: f64, most: f64) -> W {
    x.lit(least).max(x.lit(most).min(x))
}
