//! The error function, its complement, and the tail of the normal distribution.
//!
//! Both tails are `e^(-x^2)` (or `e^(-z^2/2)`) times a slowly falling function, which is `u P(u)` with
//! `u = 1 / (1 + c x)` and a polynomial `P`: the mapping of M. M. Shepherd and J. G. Laframboise,
//! "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x in 0 <= x < infinity", Mathematics of
//! Computation 36 (1981), with a scale chosen for the range that matters here. The square is a pair,
//! so the tail is as accurate at its end as at its beginning.

use crate::Element;
use crate::simd::Lanes;
use crate::slices::VectorFn;

use super::constants::Constants as _;
use super::exp::{exp_pair_fine, power_of_negative};
use super::pair::{Pair, horner};

/// Where the polynomials in `u` of the normal distribution are centred.
const CENTER_NORMAL: f64 = 0.5625;
/// Where that of `erfc` is.
const CENTER_ERFC: f64 = 0.4375;

/// `u = 1 / (1 + c x)`, for `x >= 0` and a `c` of few bits.
#[inline(always)]
fn mapped<V: Lanes>(x: V, c: f64) -> Pair<V> {
    let one = x.lit(V::Elem::ONE);
    let cx = Pair::product(x, x.lit(V::Elem::from_f64(c)));
    let sum = Pair::sum(one, cx.hi);
    let zero = x.lit(V::Elem::ZERO);
    Pair { hi: one, lo: zero }.over(Pair { hi: sum.hi, lo: sum.lo + cx.lo })
}

/// A polynomial in `v = u - center`, its last two steps in pairs; `low` is what the first two coefficients
/// lack.
#[inline(always)]
fn polynomial<V: Lanes>(
    u: Pair<V>,
    center: f64,
    coefficients: &[V::Elem],
    low: [V::Elem; 2],
) -> Pair<V> {
    let [first, second, rest @ ..] = coefficients else {
        unreachable!("a polynomial of high degree");
    };
    let [first_low, second_low] = low.map(|c| u.hi.lit(c));
    let v = u.hi - u.hi.lit(V::Elem::from_f64(center));
    let slope = Pair::fast_sum(u.hi.lit(*second), v * horner(v, rest));
    let product = Pair::product(v, slope.hi);
    let sum = Pair::fast_sum(u.hi.lit(*first), product.hi);
    let slope_low = v.mul_add(slope.lo + second_low, first_low + product.lo);
    Pair { hi: sum.hi, lo: sum.lo + u.lo.mul_add(slope.hi, slope_low) }
}

/// `Phi(-z) = 2^n (hi + lo)` for `z` in `[0, NORMAL_MAX]`, with `Phi` the standard normal
/// distribution.
#[inline(always)]
pub(crate) fn normal_tail<V: Lanes>(z: V) -> (V, Pair<V>) {
    let u = mapped(z, 0.25);
    let tail =
        u.times(polynomial(u, CENTER_NORMAL, V::Elem::NORMAL_TAIL, V::Elem::NORMAL_TAIL_LOW));
    let (n, power) = gauss(z);
    (n, tail.times(power))
}

/// `e^(-z^2 / 2) = 2^n (hi + lo)`.
#[inline(always)]
pub(crate) fn gauss<V: Lanes>(z: V) -> (V, Pair<V>) {
    let half = z.lit(V::Elem::from_f64(-0.5));
    exp_pair_fine(Pair::product(z, z).scaled(half))
}

/// The slope of gelu at `-z`, by `e^(-z^2 / 2)`.
#[inline(always)]
pub(crate) fn gelu_slope<V: Lanes>(z: V) -> Pair<V> {
    let slope =
        polynomial(mapped(z, 0.25), CENTER_NORMAL, V::Elem::GELU_SLOPE, V::Elem::GELU_SLOPE_LOW);
    let root = Pair::splat(z.token(), V::Elem::GELU_ROOT);
    let distance = Pair::sum(root.hi, -z);
    Pair::fast_sum(distance.hi, distance.lo + root.lo).times(slope)
}

/// `erfc |x| = 2^n (hi + lo)`.
#[inline(always)]
fn erfc_pair<V: Lanes>(x: V) -> (V, Pair<V>) {
    let x = x.lit(V::Elem::ERFC_MAX).min(x.abs());
    let u = mapped(x, 0.375);
    let tail = u.times(polynomial(u, CENTER_ERFC, V::Elem::ERFC, V::Elem::ERFC_LOW));
    let square = Pair::product(x, x);
    let (n, power) = exp_pair_fine(Pair { hi: -square.hi, lo: -square.lo });
    (n, tail.times(power))
}

/// `erf(a) / a - 1` up to one.
#[inline(always)]
fn erf_excess<V: Lanes>(a: V) -> V {
    horner(a * a, V::Elem::ERF)
}

/// `whole - erfc |x|`, for a small whole number.
#[inline(always)]
fn whole_less_erfc<V: Lanes>(whole: V, n: V, y: Pair<V>) -> V {
    let y = y.scaled(power_of_negative(n));
    let sum = Pair::fast_sum(whole, -y.hi);
    sum.hi + (sum.lo - y.lo)
}

/// `erfc x = 1 - erf x`: from the polynomial of `erf` for small arguments, from the tail for others.
#[inline(always)]
pub(crate) fn erfc<V: Lanes>(x: V) -> V {
    let (zero, one) = (x.lit(V::Elem::ZERO), x.lit(V::Elem::ONE));
    let (n, y) = erfc_pair(x);
    let negative = x.lt(zero);
    let far = V::select(negative, whole_less_erfc(one + one, n, y), y.value().scale2(n));
    let sum = Pair::fast_sum(one, -x);
    let near = sum.hi + (sum.lo - x * erf_excess(x));
    V::select(x.abs().lt(x.lit(V::Elem::from_f64(0.75))), near, far)
}

/// `erf x`: an odd polynomial up to one, `1 - erfc |x|` beyond.
#[inline(always)]
pub(crate) fn erf<V: Lanes>(x: V) -> V {
    let one = x.lit(V::Elem::ONE);
    let a = x.abs();
    let (n, y) = erfc_pair(x);
    let near = a.mul_add(erf_excess(a), a);
    V::select(a.lt(one), near, whole_less_erfc(one, n, y)).copysign(x)
}

/// `erf x`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Erf;

impl<E: Element> VectorFn<E> for Erf {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        erf(x)
    }
}

/// `erfc x`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Erfc;

impl<E: Element> VectorFn<E> for Erfc {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        erfc(x)
    }
}
