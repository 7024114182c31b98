//! Gelu, `x Phi(x)` with the standard normal distribution `Phi`, exactly and in its tanh form.
//! D. Hendrycks and K. Gimpel, "Gaussian error linear units", 2016.

use crate::Element;
use crate::math::{
    LogisticParts, Pair, Reduced, exp_pair_fine, gauss, gelu_slope, normal_tail, power_of_negative,
    upstream,
};
use crate::simd::Lanes;
use crate::slices::VectorFn;

use super::Derivative;
use super::silu;

/// `x Phi(x)`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Gelu;

impl<E: Element> VectorFn<E> for Gelu {
    /// `max(x, 0) - z Phi(-z)` with `z = |x|`.
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        let limit = x.lit(E::NORMAL_MAX);
        let z = limit.min(x.abs());
        let (n, tail) = normal_tail(z);
        let y = tail.times_vector(z);
        let scaled = y.scaled(power_of_negative(n));
        let right = Pair::fast_sum(limit.min(x), -scaled.hi);
        let right = V::select(limit.lt(x), x, right.hi + (right.lo - scaled.lo));
        let left = -(y.value().scale2(n));
        V::select(x.lt(x.lit(E::ZERO)), left, right)
    }
}

impl<E: Element> Derivative<E> for Gelu {
    /// At `-z` it is `Phi(-z) - z phi(z)`, which is `phi` times a function with one zero; at `z` it is
    /// one less that.
    #[inline(always)]
    fn times<V: Lanes<Elem = E>>(self, gy: V, x: V) -> V {
        let z = x.lit(E::NORMAL_MAX).min(x.abs());
        let (n, power) = gauss(z);
        let y = gelu_slope(z).times(power);
        let scale = power_of_negative(n);
        let right = Pair::fast_sum(x.lit(E::ONE), -(y.hi * scale));
        let right = right.hi + (right.lo - y.lo * scale);
        V::select(x.lt(x.lit(E::ZERO)), upstream(gy, n, y.value()), gy * right)
    }
}

/// `x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`, as a vector function.
///
/// That is `x logistic(y)` with `y` twice the hyperbolic tangent's argument.
#[derive(Clone, Copy, Debug)]
pub struct GeluTanh;

/// Where the exponential in the tanh form's tail is certain to have vanished.
fn limit<E: Element>() -> E {
    // The cubic's value there is 112, and 764.
    E::from_f64(if E::NAME == "f32" { 11.0 } else { 21.8 })
}

impl<E: Element> VectorFn<E> for GeluTanh {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        let z = x.lit(limit()).min(x.abs());
        let slope = Pair::splat(x.token(), E::GELU_TANH_SLOPE);
        let cubic = Pair::splat(x.token(), E::GELU_TANH_CUBIC);
        let bent = Pair::product(z, z).times(cubic);
        let y = slope.plus(bent).times_vector(-z);
        silu::weighted(x, &LogisticParts::of_exp(exp_pair_fine(y)))
    }
}

impl<E: Element> Derivative<E> for GeluTanh {
    /// At `-z`, with `t = e^-y`, it is `t (1 + t - z y') / (1 + t)^2`. As for silu the factor is taken
    /// from its zero `z0`: with `d = z - z0` and `s = z^2 + z z0 + z0^2` it is
    /// `t0 (e^(y0 - y) - 1) - d (slope + 3 cubic s)`, where `y - y0 = d (slope + cubic s)`.
    #[inline(always)]
    fn times<V: Lanes<Elem = E>>(self, gy: V, x: V) -> V {
        let token = x.token();
        let z = x.lit(limit()).min(x.abs());
        let slope = Pair::splat(token, E::GELU_TANH_SLOPE);
        let cubic = Pair::splat(token, E::GELU_TANH_CUBIC);
        let root = Pair::splat(token, E::GELU_TANH_ROOT);
        let at_root = Pair::splat(token, E::GELU_TANH_ROOT_EXP);
        let minus_d = silu::distance(root, z);
        // z^2 + z z0 + z0^2 = z (z + z0) + z0^2
        let with_root = Pair::sum(z, root.hi);
        let squares = Pair { hi: with_root.hi, lo: with_root.lo + root.lo }.times_vector(z);
        let of_root = root.squared();
        let bent = squares.plus(of_root).times(cubic);
        let y = minus_d.times(slope.plus(bent));
        let three = x.lit(E::from_f64(3.0));
        let steep = minus_d.times(slope.plus(bent.times_vector(three)));
        let reduced = Reduced::fine(y);
        let n = reduced.n;
        let scale = power_of_negative(n);
        let difference = reduced.m1(scale).times(at_root);
        let mantissa = reduced.mantissa().times(at_root);
        let sum = mantissa.scaled(scale).plus_larger(x.lit(E::ONE));
        silu::finish(gy, x, n, mantissa.times(steep.plus(difference)), sum)
    }
}
