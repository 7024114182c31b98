//! `softplus(x) = ln(1 + e^(beta x)) / beta` and `log_sigmoid(x) = ln logistic(x) = -softplus(-x)`.
//! C. Dugas et al., "Incorporating second-order functional knowledge for better option pricing",
//! NIPS 2000. No threshold switches to `x`: the function is accurate everywhere.

use crate::math::constants::Constants as _;
use crate::math::double::constants::{LOST, short};
use crate::math::double::{
    self, DerivativeInDouble, InDouble, derivatives_in_double, values_in_double,
};
use crate::math::{
    Logistic, LogisticParts, Pair, exp_pair_fine, horner, log_1p_pair, power_of_negative, upstream,
};
use crate::simd::Lanes;

/// `ln(1 + e^(beta x)) / beta`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Softplus {
    beta: f64,
    /// `1 / beta`, a pair.
    inverse: [f64; 2],
}

impl Softplus {
    /// With this `beta`, which must not be zero.
    pub(super) fn new(beta: f64) -> Self {
        let hi = 1.0 / beta;
        // What the rounded reciprocal lacks: (1 - hi beta) / beta.
        Self { beta, inverse: [hi, (-hi).mul_add(beta, 1.0) * hi] }
    }

    /// `-|beta x|`, at least `-limit`, and `beta x`.
    #[inline(always)]
    fn exponent<W: Lanes<Elem = f64>>(self, x: W, limit: f64) -> (Pair<W>, W) {
        let y = Pair::product(x, x.lit(self.beta));
        let limit = x.lit(limit);
        let inside = y.hi.abs().lt(limit);
        let sign = y.hi.lt(x.lit(0.0));
        let lo = W::select(inside, W::select(sign, y.lo, -y.lo), x.lit(0.0));
        (Pair { hi: (-limit).max(-y.hi.abs()), lo }, y.hi)
    }
}

/// Where the exponential is lost whatever it is divided by, but for tiny `beta`s.
const VANISHED: f64 = 1400.0;

impl InDouble for Softplus {
    /// `(max(beta x, 0) + ln(1 + e^-|beta x|)) / beta`, the logarithm as twice the inverse
    /// hyperbolic tangent of `t / (2 + t)`.
    #[inline(always)]
    fn short<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let y = x * x.lit(self.beta);
        let t = double::exp(-x.lit(700.0).min(y.abs()));
        let q = t / (t + x.lit(2.0));
        let log = q * horner(q * q, short::LOG_1P);
        (x.lit(0.0).max(y) + log) * x.lit(self.inverse[0])
    }

    /// `(max(beta x, 0) + ln(1 + e^-|beta x|)) / beta`.
    #[inline(always)]
    fn long<W: Lanes<Elem = f64>>(self, x: W) -> W {
        let zero = x.lit(0.0);
        let (exponent, y) = self.exponent(x, VANISHED);
        let (n, mantissa) = exp_pair_fine(exponent);
        let log = log_1p_pair(mantissa.scaled(power_of_negative(n)));
        let bound = x.lit(-f64::VANISHING);
        // The part of the argument that its rounding left out belongs to the positive side only.
        let positive = zero.lt(y);
        let left_out = W::select(positive, -exponent.lo, zero);
        let sum = Pair::sum(zero.max(bound.min(y)), log.hi);
        let sum = Pair { hi: sum.hi, lo: sum.lo + (log.lo + left_out) };
        let inverse = Pair::splat(x.token(), self.inverse);
        // Tiny results keep their scale to the end.
        let tiny = n.lt(x.lit(f64::HALF_SCALE));
        let small = mantissa.times(inverse).value().scale2(n);
        let usual = W::select(tiny & !positive, small, sum.times(inverse).value());
        W::select(bound.lt(y), x, usual)
    }
}

values_in_double!(Softplus);

impl DerivativeInDouble for Softplus {
    #[inline(always)]
    fn short_slope<W: Lanes<Elem = f64>>(self, x: W) -> W {
        Logistic.short(x * x.lit(self.beta))
    }

    /// `logistic(beta x)`.
    #[inline(always)]
    fn long_times<W: Lanes<Elem = f64>>(self, gy: W, x: W) -> W {
        let (exponent, y) = self.exponent(x, -LOST);
        let parts = LogisticParts::of_exp(exp_pair_fine(exponent));
        let (n, numerator) = parts.numerator(y);
        upstream(gy, n, numerator.over_rounded(parts.sum))
    }
}

derivatives_in_double!(Softplus);

/// `ln(1 / (1 + e^-x))`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct LogSigmoid;

impl LogSigmoid {
    /// The function of which it is the reflection at the origin.
    const REFLECTED: Softplus = Softplus { beta: 1.0, inverse: [1.0, 0.0] };
}

impl InDouble for LogSigmoid {
    #[inline(always)]
    fn short<W: Lanes<Elem = f64>>(self, x: W) -> W {
        -Self::REFLECTED.short(-x)
    }

    #[inline(always)]
    fn long<W: Lanes<Elem = f64>>(self, x: W) -> W {
        -Self::REFLECTED.long(-x)
    }
}

values_in_double!(LogSigmoid);

impl DerivativeInDouble for LogSigmoid {
    #[inline(always)]
    fn short_slope<W: Lanes<Elem = f64>>(self, x: W) -> W {
        Logistic.short(-x)
    }

    /// `logistic(-x)`.
    #[inline(always)]
    fn long_times<W: Lanes<Elem = f64>>(self, gy: W, x: W) -> W {
        let parts = LogisticParts::of(x, LOST);
        let (n, numerator) = parts.numerator(-x);
        upstream(gy, n, numerator.over_rounded(parts.sum))
    }
}

derivatives_in_double!(LogSigmoid);
