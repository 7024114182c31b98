//! The exponential linear units: elu (D.-A. Clevert et al., "Fast and accurate deep network
//! learning by exponential linear units", 2015), selu (G. Klambauer et al., "Self-normalizing
//! neural networks", 2017) and celu (J. T. Barron, "Continuously differentiable exponential linear
//! units", 2017).

use crate::math::constants::Constants as _;
use crate::math::double::constants::LOST;
use crate::math::double::{
    self, DerivativeInDouble, InDouble, derivatives_in_double, values_in_double,
};
use crate::math::{Pair, Reduced, product_error, upstream};
use crate::simd::Lanes;

/// `below` for negative `x`, else `above`, which a zero and NaN take too.
#[inline(always)]
fn by_sign<W: Lanes<Elem = f64>>(x: W, below: W, above: W) -> W {
    W::select(x.lt(x.lit(0.0)), below, above)
}

/// `above` for positive `x`, else `below`.
#[inline(always)]
fn slope_by_sign<W: Lanes<Elem = f64>>(x: W, below: W, above: W) -> W {
    W::select(x.lit(0.0).lt(x), above, below)
}

/// `e^x - 1` for `x <= 0`, to be rounded to `f32`; others give what is to be thrown away.
#[inline(always)]
fn short_below<W: Lanes<Elem = f64>>(x: W) -> W {
    double::exp_m1(double::clamp(x, -700.0, 0.0))
}

/// `e^x` for `x <= 0`, to be rounded to `f32`; others give what is to be thrown away, and NaN is
/// kept.
#[inline(always)]
fn short_slope_below<W: Lanes<Elem = f64>>(x: W) -> W {
    double::exp(double::clamp(x, -700.0, 0.0))
}

/// `e^(x + lo) - 1` for `x <= 0`; others give what is to be thrown away, and NaN is kept.
#[inline(always)]
fn below_zero<W: Lanes<Elem = f64>>(x: W, lo: W) -> Pair<W> {
    let (least, zero) = (x.lit(f64::EXP_M1_MIN), x.lit(0.0));
    let lo = W::select(x.lt(least), zero, lo);
    let reduced = Reduced::fine(Pair { hi: least.max(zero.min(x)), lo });
    reduced.m1_of_negative(reduced.n.pow2())
}

/// `gy factor e^(x + lo)` for `x <= 0`; others give what is to be thrown away, and NaN is kept.
#[inline(always)]
fn slope_below<W: Lanes<Elem = f64>>(gy: W, x: W, lo: W, factor: f64) -> W {
    let (least, zero) = (x.lit(LOST), x.lit(0.0));
    let lo = W::select(x.lt(least), zero, lo);
    let reduced = Reduced::fine(Pair { hi: least.max(zero.min(x)), lo });
    upstream(gy, reduced.n, reduced.mantissa().hi * x.lit(factor))
}

/// `x` for positive `x`, else `alpha (e^x - 1)`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Elu {
    /// `alpha`.
    pub alpha: f64,
}

impl InDouble for Elu {
    #[inline(always)]
    fn short<W: Lanes<Elem = f64>>(self, x: W) -> W {
        by_sign(x, x.lit(self.alpha) * short_below(x), x)
    }

    #[inline(always)]
    fn long<W: Lanes<Elem = f64>>(self, x: W) -> W {
        by_sign(x, below_zero(x, x.lit(0.0)).times_vector(x.lit(self.alpha)).value(), x)
    }
}

impl DerivativeInDouble for Elu {
    /// One, or `alpha e^x` from zero down.
    #[inline(always)]
    fn short_slope<W: Lanes<Elem = f64>>(self, x: W) -> W {
        slope_by_sign(x, x.lit(self.alpha) * short_slope_below(x), x.lit(1.0))
    }

    /// As the other.
    #[inline(always)]
    fn long_times<W: Lanes<Elem = f64>>(self, gy: W, x: W) -> W {
        slope_by_sign(x, slope_below(gy, x, x.lit(0.0), self.alpha), gy)
    }
}

/// `scale x` for positive `x`, else `scale alpha (e^x - 1)`, with the two numbers for which zero
/// mean and unit variance are a fixed point, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Selu;

impl InDouble for Selu {
    #[inline(always)]
    fn short<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let (right, left) = (x.lit(f64::SELU_SCALE[0]), x.lit(f64::SELU_SCALE_ALPHA[0]));
        by_sign(x, left * short_below(x), right * x)
    }

    #[inline(always)]
    fn long<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let factor = Pair::splat(x.token(), f64::SELU_SCALE_ALPHA);
        let left = below_zero(x, x.lit(0.0)).times(factor).value();
        let [scale, rest] = f64::SELU_SCALE;
        // What the rounded scale lacks of infinity would be minus infinity.
        let lacks = W::select(x.eq(x.lit(f64::INFINITY)), x.lit(0.0), x * x.lit(rest));
        let right = x.mul_add(x.lit(scale), lacks);
        // A zero keeps its sign.
        by_sign(x, left, W::select(x.eq(x.lit(0.0)), x, right))
    }
}

impl DerivativeInDouble for Selu {
    /// The scale, or `scale alpha e^x` from zero down.
    #[inline(always)]
    fn short_slope<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let (right, left) = (x.lit(f64::SELU_SCALE[0]), x.lit(f64::SELU_SCALE_ALPHA[0]));
        slope_by_sign(x, left * short_slope_below(x), right)
    }

    /// As the other.
    #[inline(always)]
    fn long_times<W: Lanes<Elem = f64>>(self, gy: W, x: W) -> W {
        let [right, left] = [f64::SELU_SCALE[0], f64::SELU_SCALE_ALPHA[0]];
        slope_by_sign(x, slope_below(gy, x, x.lit(0.0), left), gy * x.lit(right))
    }
}

/// `x` for positive `x`, else `alpha (e^(x / alpha) - 1)`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Celu {
    /// `alpha`, not zero.
    pub alpha: f64,
}

impl Celu {
    /// `x / alpha` and what its rounding leaves out.
    #[inline(always)]
    fn quotient<W: Lanes<Elem = f64>>(self, x: W) -> Pair<W> {
        let alpha = x.lit(self.alpha);
        let bounded = (alpha * x.lit(LOST)).max(x);
        let q = bounded / alpha;
        Pair { hi: q, lo: -product_error(q, alpha, bounded) / alpha }
    }
}

impl InDouble for Celu {
    #[inline(always)]
    fn short<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let alpha = x.lit(self.alpha);
        by_sign(x, alpha * short_below(x / alpha), x)
    }

    #[inline(always)]
    fn long<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let q = self.quotient(x);
        by_sign(x, below_zero(q.hi, q.lo).times_vector(x.lit(self.alpha)).value(), x)
    }
}

values_in_double!(Elu, Selu, Celu);

impl DerivativeInDouble for Celu {
    /// One, or `e^(x / alpha)` from zero down.
    #[inline(always)]
    fn short_slope<W: Lanes<Elem = f64>>(self, x: W) -> W {
        slope_by_sign(x, short_slope_below(x / x.lit(self.alpha)), x.lit(1.0))
    }

    /// As the other.
    #[inline(always)]
    fn long_times<W: Lanes<Elem = f64>>(self, gy: W, x: W) -> W {
        let q = self.quotient(x);
        slope_by_sign(x, slope_below(gy, q.hi, q.lo, 1.0), gy)
    }
}

derivatives_in_double!(Elu, Selu, Celu);
