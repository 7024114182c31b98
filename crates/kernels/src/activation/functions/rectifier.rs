//! The piecewise linear activations. NaN in, NaN out; the values at the kinks are stated.

use crate::Float;
use crate::math::constants::Constants as _;
use crate::simd::Lanes;
use crate::slices::VectorFn;
use crate::threads::Cost;

use crate::activation::function::Derivative;

/// `gy` where `inside`, else zero; NaN where `x` is and `gy` is not zero.
#[inline(always)]
fn gate<V: Lanes>(inside: V::Mask, gy: V, x: V) -> V {
    let zero = x.lit(V::Elem::ZERO);
    V::select(inside, gy, V::select(x.unordered(x) & !gy.eq(zero), x, zero))
}

/// The derivatives that treat a zero gradient as [`Derivative::cotangent`] demands.
macro_rules! keeps_zero {
    () => {
        #[inline(always)]
        fn cotangent<V: Lanes<Elem = E>>(self, gy: V, saved: V) -> V {
            self.times(gy, saved)
        }
    };
}

/// `max(x, 0)`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Relu;

impl<E: Float> VectorFn<E> for Relu {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        // In this order a NaN in x stays.
        x.lit(E::ZERO).max(x)
    }
}

impl<E: Float> Derivative<E> for Relu {
    /// From the output: one where it is positive, else zero.
    #[inline(always)]
    fn times<V: Lanes<Elem = E>>(self, gy: V, y: V) -> V {
        let zero = y.lit(E::ZERO);
        gate(zero.lt(y), gy, y)
    }

    keeps_zero!();
}

/// `x` for positive `x`, else `slope * x`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct LeakyRelu<E> {
    slope: E,
}

impl<E: Float> LeakyRelu<E> {
    /// With this slope for negative arguments.
    #[inline(always)]
    pub(crate) fn new(slope: f64) -> Self {
        Self { slope: E::from_f64(slope) }
    }
}

impl<E: Float> VectorFn<E> for LeakyRelu<E> {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        let zero = x.lit(E::ZERO);
        V::select(zero.lt(x), x, x * x.lit(self.slope))
    }
}

impl<E: Float> Derivative<E> for LeakyRelu<E> {
    /// From the output, which has the argument's sign: one where it is positive, else the slope.
    #[inline(always)]
    fn times<V: Lanes<Elem = E>>(self, gy: V, y: V) -> V {
        let zero = y.lit(E::ZERO);
        // NaN where the output is and the gradient is not zero.
        let below = V::select(y.le(zero) | gy.eq(zero), gy * gy.lit(self.slope), y);
        V::select(zero.lt(y), gy, below)
    }

    keeps_zero!();
}

/// `min(max(x, 0), 6)`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Relu6;

impl<E: Float> VectorFn<E> for Relu6 {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        x.lit(E::from_f64(6.0)).min(x.lit(E::ZERO).max(x))
    }
}

impl<E: Float> Derivative<E> for Relu6 {
    /// From the output: one between the ends, zero at them.
    #[inline(always)]
    fn times<V: Lanes<Elem = E>>(self, gy: V, y: V) -> V {
        let inside = y.lit(E::ZERO).lt(y) & y.lt(y.lit(E::from_f64(6.0)));
        gate(inside, gy, y)
    }

    keeps_zero!();
}

/// `min(max(x, low), high)`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub(super) struct HardTanh<E> {
    low: E,
    high: E,
}

impl<E: Float> HardTanh<E> {
    /// With this least and this largest value.
    #[inline(always)]
    pub(super) fn new(min: f64, max: f64) -> Self {
        Self { low: E::from_f64(min), high: E::from_f64(max) }
    }
}

impl<E: Float> VectorFn<E> for HardTanh<E> {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        x.lit(self.high).min(x.lit(self.low).max(x))
    }
}

impl<E: Float> Derivative<E> for HardTanh<E> {
    /// One between the ends, zero at and beyond them.
    #[inline(always)]
    fn times<V: Lanes<Elem = E>>(self, gy: V, x: V) -> V {
        gate(x.lit(self.low).lt(x) & x.lt(x.lit(self.high)), gy, x)
    }

    keeps_zero!();
}

/// `x / 6` with the divisor's reciprocal in two parts.
#[inline(always)]
fn sixth<V: Lanes>(x: V) -> V {
    let [most, rest] = V::Elem::SIXTH;
    // What the rounded sixth lacks of infinity would be minus infinity.
    let infinite = x.abs().eq(x.lit(V::Elem::INFINITY));
    let lacks = V::select(infinite, x.lit(V::Elem::ZERO), x * x.lit(rest));
    x.mul_add(x.lit(most), lacks)
}

/// `min(max(x + 3, 0), 6) / 6`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct HardSigmoid;

impl<E: Float> VectorFn<E> for HardSigmoid {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        sixth(Relu6.eval(x + x.lit(E::from_f64(3.0))))
    }
}

impl<E: Float> Derivative<E> for HardSigmoid {
    /// One sixth between -3 and 3, zero at and beyond them.
    #[inline(always)]
    fn times<V: Lanes<Elem = E>>(self, gy: V, x: V) -> V {
        gate(x.abs().lt(x.lit(E::from_f64(3.0))), sixth(gy), x)
    }

    keeps_zero!();
}

/// `x min(max(x + 3, 0), 6) / 6`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct HardSwish;

impl<E: Float> VectorFn<E> for HardSwish {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        let three = x.lit(E::from_f64(3.0));
        let inside = x * sixth(x + three);
        let y = V::select(x.lt(three), inside, x);
        V::select(x.le(-three), x.lit(E::ZERO), y)
    }
}

impl<E: Float> Derivative<E> for HardSwish {
    /// `x / 3 + 1 / 2` between -3 and 3; zero at -3 and below, one at 3 and above.
    #[inline(always)]
    fn times<V: Lanes<Elem = E>>(self, gy: V, x: V) -> V {
        let three = x.lit(E::from_f64(3.0));
        // (2 x + 3) / 6, exact where it is small.
        let inside = gy * sixth(x + x + three);
        let y = V::select(three.le(x), gy, inside);
        V::select(x.le(-three), x.lit(E::ZERO), y)
    }
}

/// `x - lambda` beyond `lambda`, `x + lambda` below `-lambda`, zero between, as a vector function.
#[derive(Clone, Copy, Debug)]
pub(super) struct Softshrink<E> {
    lambda: E,
}

impl<E: Float> Softshrink<E> {
    /// With this `lambda`, which is not negative.
    #[inline(always)]
    pub(super) fn new(lambda: f64) -> Self {
        Self { lambda: E::from_f64(lambda) }
    }
}

impl<E: Float> VectorFn<E> for Softshrink<E> {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        x.lit(E::ZERO).max(x.abs() - x.lit(self.lambda)).copysign(x)
    }
}

impl<E: Float> Derivative<E> for Softshrink<E> {
    /// One beyond `lambda` on either side, zero between and at the ends.
    #[inline(always)]
    fn times<V: Lanes<Elem = E>>(self, gy: V, x: V) -> V {
        gate(x.lit(self.lambda).lt(x.abs()), gy, x)
    }

    keeps_zero!();
}
