//! Gelu, `x Phi(x)` with the standard normal distribution `Phi`, exactly and in its tanh form.
//! D. Hendrycks and K. Gimpel, "Gaussian error linear units", 2016.

use crate::math::double::constants::{
    GELU_TANH_CUBIC, GELU_TANH_ROOT, GELU_TANH_ROOT_EXP, GELU_TANH_SLOPE,
};
use crate::math::double::{
    self, DerivativeInDouble, InDouble, derivatives_in_double, values_in_double,
};
use crate::math::{
    LogisticParts, Pair, Reduced, exp_pair_fine, gauss, gelu_slope, normal_tail, power_of_negative,
    short_gelu_slope, short_normal_tail, upstream,
};
use crate::simd::Lanes;

use super::silu;

/// `x Phi(x)`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Gelu;

/// Beyond this `x Phi(-x)` rounds to zero in `f64`.
const VANISHED: f64 = 39.0;
/// Beyond this the derivative at `-x` times any finite number does.
const LOST_SLOPE: f64 = 54.0;

impl InDouble for Gelu {
    /// `max(x, 0) - z Phi(-z)` with `z = |x|`.
    #[inline(always)]
    fn short<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let z = x.lit(15.0).min(x.abs());
        x.lit(0.0).max(x) - z * short_normal_tail(z)
    }

    /// As the other.
    #[inline(always)]
    fn long<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let limit = x.lit(VANISHED);
        let z = limit.min(x.abs());
        let (n, tail) = normal_tail(z);
        let y = tail.times_vector(z);
        let scaled = y.scaled(power_of_negative(n));
        let right = Pair::fast_sum(limit.min(x), -scaled.hi);
        let right = W::select(limit.lt(x), x, right.hi + (right.lo - scaled.lo));
        let left = -(y.value().scale2(n));
        W::select(x.lt(x.lit(0.0)), left, right)
    }
}

impl DerivativeInDouble for Gelu {
    #[inline(always)]
    fn short_slope<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let y = short_gelu_slope(x.lit(20.0).min(x.abs()));
        W::select(x.lt(x.lit(0.0)), y, x.lit(1.0) - y)
    }

    /// At `-z` it is `Phi(-z) - z phi(z)`, which is `phi` times a function with one zero; at `z` it
    /// is one less that.
    #[inline(always)]
    fn long_times<W: Lanes<Elem = f64>>(self, gy: W, x: W) -> W {
        let z = x.lit(LOST_SLOPE).min(x.abs());
        let (n, power) = gauss(z);
        let y = gelu_slope(z).times(power);
        let scale = power_of_negative(n);
        let right = Pair::fast_sum(x.lit(1.0), -(y.hi * scale));
        let right = right.hi + (right.lo - y.lo * scale);
        W::select(x.lt(x.lit(0.0)), upstream(gy, n, y.value()), gy * right)
    }
}

/// `x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`, as a vector function.
///
/// That is `x logistic(y)` with `y` twice the hyperbolic tangent's argument.
#[derive(Clone, Copy, Debug)]
pub struct GeluTanh;

/// Where the exponential in the tanh form's tail is certain to have vanished: the cubic's value
/// there is 774.
const VANISHED_TANH: f64 = 21.8;
/// Where it times any finite number underflows: the value is 1,528.
const LOST_SLOPE_TANH: f64 = 27.5;

impl InDouble for GeluTanh {
    #[inline(always)]
    fn short<W: Lanes<Elem = f64>>(self, x: W) -> W {
        // The cubic's value at the limit is 694.
        let bounded = x.lit(-21.0).max(x);
        let z = x.lit(21.0).min(bounded);
        let slope = (z * z).mul_add(x.lit(GELU_TANH_CUBIC[0]), x.lit(GELU_TANH_SLOPE[0]));
        silu::short_weighted(bounded, z * slope)
    }

    #[inline(always)]
    fn long<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let z = x.lit(VANISHED_TANH).min(x.abs());
        let slope = Pair::splat(x.token(), GELU_TANH_SLOPE);
        let cubic = Pair::splat(x.token(), GELU_TANH_CUBIC);
        let bent = Pair::product(z, z).times(cubic);
        let y = slope.plus(bent).times_vector(-z);
        silu::weighted(x, &LogisticParts::of_exp(exp_pair_fine(y)))
    }
}

values_in_double!(Gelu, GeluTanh);

impl DerivativeInDouble for GeluTanh {
    /// With `d = x - x0` and `s = x^2 + x x0 + x0^2` the cubic and `x` times its slope differ from
    /// those at the root by `d (slope + cubic s)` and `d (slope + 3 cubic s)`.
    #[inline(always)]
    fn short_slope<W: Lanes<Elem = f64>>(self, x: W) -> W {
        // The cubic's value at the limit is 265.
        let z = double::clamp(x, -15.0, 15.0);
        let [root, lacks] = GELU_TANH_ROOT.map(|part| -part);
        let d = silu::short_distance(z, [root, lacks]);
        let squares = z.mul_add(z + x.lit(root), x.lit(root * root));
        let bent = squares * x.lit(GELU_TANH_CUBIC[0]);
        let slope = x.lit(GELU_TANH_SLOPE[0]);
        let steep = bent.mul_add(x.lit(3.0), slope);
        silu::short_slope(d * (slope + bent), d * steep, GELU_TANH_ROOT_EXP[0])
    }

    /// At `-z`, with `t = e^-y`, it is `t (1 + t - z y') / (1 + t)^2`. As for silu the factor is
    /// taken from its zero `z0`: with `d = z - z0` and `s = z^2 + z z0 + z0^2` it is
    /// `t0 (e^(y0 - y) - 1) - d (slope + 3 cubic s)`, where `y - y0 = d (slope + cubic s)`.
    #[inline(always)]
    fn long_times<W: Lanes<Elem = f64>>(self, gy: W, x: W) -> W {
        let token = x.token();
        let z = x.lit(LOST_SLOPE_TANH).min(x.abs());
        let slope = Pair::splat(token, GELU_TANH_SLOPE);
        let cubic = Pair::splat(token, GELU_TANH_CUBIC);
        let root = Pair::splat(token, GELU_TANH_ROOT);
        let at_root = Pair::splat(token, GELU_TANH_ROOT_EXP);
        let minus_d = silu::distance(root, z);
        // z^2 + z z0 + z0^2 = z (z + z0) + z0^2
        let with_root = Pair::sum(z, root.hi);
        let squares = Pair { hi: with_root.hi, lo: with_root.lo + root.lo }.times_vector(z);
        let of_root = root.squared();
        let bent = squares.plus(of_root).times(cubic);
        let y = minus_d.times(slope.plus(bent));
        let steep = minus_d.times(slope.plus(bent.times_vector(x.lit(3.0))));
        let reduced = Reduced::fine(y);
        let n = reduced.n;
        let scale = power_of_negative(n);
        let difference = reduced.m1(scale).times(at_root);
        let mantissa = reduced.mantissa().times(at_root);
        let sum = mantissa.scaled(scale).plus_larger(x.lit(1.0));
        silu::finish(gy, x, n, mantissa.times(steep.plus(difference)), sum)
    }
}

derivatives_in_double!(Gelu, GeluTanh);
