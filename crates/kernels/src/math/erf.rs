//! The error function, its complement, and the tail of the normal distribution.
//!
//! Both tails are `e^(-x^2)` (or `e^(-z^2/2)`) times a slowly falling function, which is `u P(u)`
//! with `u = 1 / (1 + c x)` and a polynomial `P`: the mapping of M. M. Shepherd and J. G.
//! Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x in 0 <= x < infinity",
//! Mathematics of Computation 36 (1981), with a scale chosen for the range that matters here. The
//! square is a pair, so the tail is as accurate at its end as at its beginning.

use crate::simd::Lanes;

use super::double::constants::{GELU_ROOT, long, short};
use super::double::{self, InDouble, values_in_double};
use super::exp::{exp_pair_fine, power_of_negative};
use super::pair::{Pair, horner};

/// Where the polynomials in `u` of the normal distribution are centred.
const CENTER_NORMAL: f64 = 0.5625;
/// Where that of `erfc` is.
const CENTER_ERFC: f64 = 0.4375;

/// `u = 1 / (1 + c x)`, for `x >= 0` and a `c` of few bits.
#[inline(always)]
fn mapped<W: Lanes<Elem = f64>>(x: W, c: f64) -> Pair<W> {
    let one = x.lit(1.0);
    let cx = Pair::product(x, x.lit(c));
    let sum = Pair::sum(one, cx.hi);
    let zero = x.lit(0.0);
    Pair { hi: one, lo: zero }.over(Pair { hi: sum.hi, lo: sum.lo + cx.lo })
}

/// A polynomial in `v = u - center`, its last two steps in pairs; `low` is what the first two
/// coefficients lack.
#[inline(always)]
fn polynomial<W: Lanes<Elem = f64>>(
    u: Pair<W>,
    center: f64,
    coefficients: &[f64],
    low: [f64; 2],
) -> Pair<W> {
    let [first, second, rest @ ..] = coefficients else {
        unreachable!("a polynomial of high degree");
    };
    let [first_low, second_low] = low.map(|c| u.hi.lit(c));
    let v = u.hi - u.hi.lit(center);
    let slope = Pair::fast_sum(u.hi.lit(*second), v * horner(v, rest));
    let product = Pair::product(v, slope.hi);
    let sum = Pair::fast_sum(u.hi.lit(*first), product.hi);
    let slope_low = v.mul_add(slope.lo + second_low, first_low + product.lo);
    Pair { hi: sum.hi, lo: sum.lo + u.lo.mul_add(slope.hi, slope_low) }
}

/// `Phi(-z) = 2^n (hi + lo)` for `z` in `[0, NORMAL_MAX]`, with `Phi` the standard normal
/// distribution.
#[inline(always)]
pub(crate) fn normal_tail<W: Lanes<Elem = f64>>(z: W) -> (W, Pair<W>) {
    let u = mapped(z, 0.25);
    let tail = u.times(polynomial(u, CENTER_NORMAL, long::NORMAL_TAIL, long::NORMAL_TAIL_LOW));
    let (n, power) = gauss(z);
    (n, tail.times(power))
}

/// `e^(-z^2 / 2) = 2^n (hi + lo)`.
#[inline(always)]
pub(crate) fn gauss<W: Lanes<Elem = f64>>(z: W) -> (W, Pair<W>) {
    let half = z.lit(-0.5);
    exp_pair_fine(Pair::product(z, z).scaled(half))
}

/// The slope of gelu at `-z`, by `e^(-z^2 / 2)`.
#[inline(always)]
pub(crate) fn gelu_slope<W: Lanes<Elem = f64>>(z: W) -> Pair<W> {
    let slope = polynomial(mapped(z, 0.25), CENTER_NORMAL, long::GELU_SLOPE, long::GELU_SLOPE_LOW);
    let root = Pair::splat(z.token(), GELU_ROOT);
    let distance = Pair::sum(root.hi, -z);
    Pair::fast_sum(distance.hi, distance.lo + root.lo).times(slope)
}

/// `erfc |x| = 2^n (hi + lo)`.
#[inline(always)]
fn erfc_pair<W: Lanes<Elem = f64>>(x: W) -> (W, Pair<W>) {
    let x = x.lit(27.3).min(x.abs());
    let u = mapped(x, 0.375);
    let tail = u.times(polynomial(u, CENTER_ERFC, long::ERFC, long::ERFC_LOW));
    let square = Pair::product(x, x);
    let (n, power) = exp_pair_fine(Pair { hi: -square.hi, lo: -square.lo });
    (n, tail.times(power))
}

/// `erf(a) / a - 1` up to one.
#[inline(always)]
fn erf_excess<W: Lanes<Elem = f64>>(a: W) -> W {
    horner(a * a, long::ERF)
}

/// `whole - erfc |x|`, for a small whole number.
#[inline(always)]
fn whole_less_erfc<W: Lanes<Elem = f64>>(whole: W, n: W, y: Pair<W>) -> W {
    let y = y.scaled(power_of_negative(n));
    let sum = Pair::fast_sum(whole, -y.hi);
    sum.hi + (sum.lo - y.lo)
}

/// A tail to be rounded to `f32`: `e^exponent u P(u)` with `u = 1 / (1 + c x)`.
#[inline(always)]
fn short_tail<W: Lanes<Elem = f64>>(x: W, c: f64, coefficients: &[f64], exponent: W) -> W {
    let one = x.lit(1.0);
    let u = one / x.mul_add(x.lit(c), one);
    double::exp(exponent) * (u * horner(u, coefficients))
}

/// `Phi(-z)` for `z` in `[0, 15]`, to be rounded to `f32`.
#[inline(always)]
pub(crate) fn short_normal_tail<W: Lanes<Elem = f64>>(z: W) -> W {
    short_tail(z, 0.3, short::NORMAL_TAIL, z * z * z.lit(-0.5))
}

/// The slope of gelu at `-z` for `z` in `[0, 20]`, to be rounded to `f32`.
#[inline(always)]
pub(crate) fn short_gelu_slope<W: Lanes<Elem = f64>>(z: W) -> W {
    let one = z.lit(1.0);
    let u = one / z.mul_add(z.lit(0.25), one);
    let [root, lacks] = GELU_ROOT.map(|c| z.lit(c));
    let distance = (root - z) + lacks;
    double::exp(z * z * z.lit(-0.5)) * (distance * horner(u, short::GELU_SLOPE))
}

/// `erfc a` for `a` in `[0, 10.5]`, to be rounded to `f32`.
#[inline(always)]
fn short_erfc<W: Lanes<Elem = f64>>(a: W) -> W {
    short_tail(a, 0.3, short::ERFC, -(a * a))
}

/// `erf x`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Erf;

impl InDouble for Erf {
    /// An odd polynomial up to one, `1 - erfc |x|` beyond.
    #[inline(always)]
    fn short<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let one = x.lit(1.0);
        let a = x.lit(10.5).min(x.abs());
        let near = a * horner(a * a, short::ERF);
        W::select(a.lt(one), near, one - short_erfc(a)).copysign(x)
    }

    /// As the other.
    #[inline(always)]
    fn long<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let one = x.lit(1.0);
        let a = x.abs();
        let (n, y) = erfc_pair(x);
        let near = a.mul_add(erf_excess(a), a);
        W::select(a.lt(one), near, whole_less_erfc(one, n, y)).copysign(x)
    }
}

/// `1 - erf x`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Erfc;

impl InDouble for Erfc {
    #[inline(always)]
    fn short<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let y = short_erfc(x.lit(10.5).min(x.abs()));
        W::select(x.lt(x.lit(0.0)), x.lit(2.0) - y, y)
    }

    /// From the polynomial of `erf` for small arguments, from the tail for others.
    #[inline(always)]
    fn long<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let (zero, one) = (x.lit(0.0), x.lit(1.0));
        let (n, y) = erfc_pair(x);
        let negative = x.lt(zero);
        let far = W::select(negative, whole_less_erfc(one + one, n, y), y.value().scale2(n));
        let sum = Pair::fast_sum(one, -x);
        let near = sum.hi + (sum.lo - x * erf_excess(x));
        W::select(x.abs().lt(x.lit(0.75)), near, far)
    }
}

values_in_double!(Erf, Erfc);
