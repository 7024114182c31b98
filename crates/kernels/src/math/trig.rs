//! Sine, cosine and tangent.
//!
//! The angle is reduced to `x = k pi / 2 + r`: by three products with the parts of `pi / 2` (Cody
//! and Waite) for up to [`PERIODS_MAX`](super::constants::Constants::PERIODS_MAX) quarter turns,
//! and by an integer product with the digits of `2 / pi` beyond (M. H. Payne and R. N. Hanek,
//! "Radian reduction for trigonometric functions", SIGNUM Newsletter 18, 1983). `r` is a pair in
//! both.

use crate::Float;
use crate::simd::{Lanes, MAX_LANES, Mask as _};
use crate::slices::VectorFn;

use super::constants::Constants as _;
use super::double::{InDouble, values_in_double};
use super::pair::{Pair, horner};

/// Quarter turns, to be counted modulo four, and the rest of the angle.
#[inline(always)]
fn reduce<V: Lanes>(x: V) -> (V, Pair<V>) {
    let turns = x * x.lit(V::Elem::from_f64(std::f64::consts::FRAC_2_PI));
    let limit = x.lit(V::Elem::PERIODS_MAX);
    // False for NaN, too.
    let small = turns.abs().le(limit);
    let rounder = x.lit(V::Elem::ROUNDER);
    let k = V::select(small, turns + rounder - rounder, x.lit(V::Elem::ZERO));
    let [most, more, rest] = V::Elem::HALF_PI;
    let first = Pair::product(k, x.lit(most));
    // Exact, as the two are close.
    let difference = Pair::sum(x - first.hi, -first.lo);
    let second = Pair::product(k, x.lit(more));
    let sum = Pair::sum(difference.hi, -second.hi);
    let low = k.neg_mul_add(x.lit(rest), (difference.lo - second.lo) + sum.lo);
    let r = Pair::fast_sum(sum.hi, low);
    if (!small).any() { reduce_large(x, small, k, r) } else { (k, r) }
}

/// Corrects the lanes that are not `small`, one by one.
#[cold]
#[inline(never)]
fn reduce_large<V: Lanes>(x: V, small: V::Mask, k: V, r: Pair<V>) -> (V, Pair<V>) {
    let mut lanes = [V::Elem::ZERO; MAX_LANES];
    x.store(&mut lanes);
    let mut turns = [V::Elem::ZERO; MAX_LANES];
    let (mut hi, mut lo) = (turns, turns);
    for i in 0..V::LANES {
        let (k, r) = reduce_exactly(lanes[i].to_f64());
        turns[i] = V::Elem::from_f64(f64::from(k));
        hi[i] = V::Elem::from_f64(r[0]);
        lo[i] = V::Elem::from_f64((r[0] - hi[i].to_f64()) + r[1]);
    }
    let load = |lanes: &[V::Elem]| V::load(x.token(), lanes);
    let large = Pair { hi: load(&hi), lo: load(&lo) };
    (V::select(small, k, load(&turns)), Pair::select(small, r, large))
}

/// The digits of `2 / pi` after the point.
const TWO_OVER_PI: [u64; 20] = [
    0xa2f9_836e_4e44_1529,
    0xfc27_57d1_f534_ddc0,
    0xdb62_9599_3c43_9041,
    0xfe51_63ab_debb_c561,
    0xb724_6e3a_424d_d2e0,
    0x0649_2eea_09d1_921c,
    0xfe1d_eb1c_b129_a73e,
    0xe882_35f5_2ebb_4484,
    0xe99c_7026_b45f_7e41,
    0x3991_d639_8353_39f4,
    0x9c84_5f8b_bdf9_283b,
    0x1ff8_97ff_de05_980f,
    0xef2f_118b_5a0a_6d1f,
    0x6d36_7ecf_27cb_09b7,
    0x4f46_3f66_9e5f_ea2d,
    0x7527_bac7_ebe5_f17b,
    0x3d07_39f7_8a52_92ea,
    0x6bfb_5fb1_1f8d_5d08,
    0x5603_3046_fc7b_6bab,
    0xf0cf_bc20_9af4_361d,
];

/// Quarter turns modulo four and the rest of the angle, as an exact integer product. NaN for an
/// angle that is not finite; small angles are returned as they are.
fn reduce_exactly(x: f64) -> (i8, [f64; 2]) {
    let bits = x.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i32 - 1075;
    if exponent == 0x7ff - 1075 {
        return (0, [f64::NAN, f64::NAN]);
    }
    if x.abs() < 0.75 {
        return (0, [x, 0.0]);
    }
    let mantissa = bits & ((1 << 52) - 1) | 1 << 52;
    // Words whose product with the mantissa is a multiple of four turns change nothing.
    let skipped = ((exponent - 2).max(0) / 64) as usize;
    let mut product = [0_u64; 5];
    let mut carry = 0_u128;
    for (i, digit) in product.iter_mut().enumerate().take(4) {
        carry += u128::from(mantissa) * u128::from(TWO_OVER_PI[skipped + 3 - i]);
        *digit = carry as u64;
        carry >>= 64;
    }
    product[4] = carry as u64;
    // The number of bits of the product after the point.
    let point = (64 * (skipped as i32 + 4) - exponent) as usize;
    let word = |from: usize| {
        let (i, shift) = (from / 64, from % 64);
        let high = product.get(i + 1).map_or(0, |w| u128::from(*w) << 64);
        ((high | u128::from(*product.get(i).unwrap_or(&0))) >> shift) as u64
    };
    let fraction = u128::from(word(point - 64)) << 64 | u128::from(word(point - 128));
    let whole = word(point) + (fraction >> 127) as u64;
    // As a signed number: what lies above one half belongs to the next turn.
    let fraction = fraction as i128;
    let hi = fraction as f64;
    // The conversion rounds, so that the difference may not fit: the low part wraps back.
    let lo = fraction.wrapping_sub(hi as i128) as f64;
    let scale = 2f64.powi(-128);
    let sign = if x < 0.0 { -1.0 } else { 1.0 };
    let [r, r_lo] = times_half_pi(hi * scale, lo * scale);
    let turns = (whole & 3) as i8;
    (if x < 0.0 { -turns } else { turns }, [sign * r, sign * r_lo])
}

/// `(hi + lo) pi / 2`.
fn times_half_pi(hi: f64, lo: f64) -> [f64; 2] {
    let [most, more, _] = f64::HALF_PI;
    let product = hi * most;
    let error = hi.mul_add(most, -product) + (hi * more + lo * most);
    let sum = product + error;
    [sum, error - (sum - product)]
}

/// `sin r` and `cos r` for `|r| <= pi / 4`.
#[inline(always)]
fn kernels<V: Lanes>(r: Pair<V>) -> (V, V) {
    let (one, half) = (r.hi.lit(V::Elem::ONE), r.hi.lit(V::Elem::from_f64(0.5)));
    let square = r.hi * r.hi;
    let slope = square.neg_mul_add(half, one);
    let sin = r.hi + (r.hi * square).mul_add(horner(square, V::Elem::SIN), r.lo * slope);
    let tail = (square * square).mul_add(horner(square, V::Elem::COS), -(r.hi * r.lo));
    let less = square * half;
    let most = one - less;
    let cos = most + (((one - most) - less) + tail);
    (sin, cos)
}

/// `sin(x + offset pi / 2)` for an offset of zero or one.
#[inline(always)]
fn shifted_sin<V: Lanes>(x: V, offset: V::Elem) -> V {
    let (k, r) = reduce(x);
    let (sin, cos) = kernels(r);
    let k = k + x.lit(offset);
    // Modulo four, in -2..=2.
    let quarter = x.lit(V::Elem::from_f64(0.25));
    let k = (k * quarter).round().neg_mul_add(x.lit(V::Elem::from_f64(4.0)), k);
    let one = x.lit(V::Elem::ONE);
    let y = V::select((k * k).eq(one), cos, sin);
    let negative = k.eq(-one) | one.lt(k * k);
    V::select(negative, -y, y)
}

/// `sin x`.
#[inline(always)]
pub(crate) fn sin<V: Lanes>(x: V) -> V {
    // Below this the sine is its argument, and a product with it might be subnormal.
    let tiny = x.abs().lt(x.lit(V::Elem::from_f64(1e-9)));
    V::select(tiny, x, shifted_sin(x, V::Elem::ZERO))
}

/// `cos x`.
#[inline(always)]
pub(crate) fn cos<V: Lanes>(x: V) -> V {
    shifted_sin(x, V::Elem::ONE)
}

/// `sin x`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Sin;

impl<E: Float> VectorFn<E> for Sin {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        sin(x)
    }
}

/// `cos x`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Cos;

impl<E: Float> VectorFn<E> for Cos {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        cos(x)
    }
}

/// `tan x`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Tan;

impl InDouble for Tan {
    #[inline(always)]
    fn short<W: Lanes<Elem = f64>>(self, x: W) -> W {
        self.long(x)
    }

    #[inline(always)]
    fn long<W: Lanes<Elem = f64>>(self, x: W) -> W {
        tan(x)
    }
}
values_in_double!(Tan);

/// `tan x`, as the quotient of sine and cosine.
#[inline(always)]
fn tan<W: Lanes<Elem = f64>>(x: W) -> W {
    let (k, r) = reduce(x);
    let (sin, cos) = kernels(r);
    // An odd number of quarter turns exchanges the two.
    let half = k * k.lit(0.5);
    let even = half.round().eq(half);
    let y = W::select(even, sin, -cos) / W::select(even, cos, sin);
    let tiny = x.abs().lt(x.lit(1e-9));
    W::select(tiny, x, y)
}
