//! The piecewise linear activations. NaN in, NaN out; the values at the kinks are stated.

use crate::Element;
use crate::simd::Lanes;
use crate::slices::{VectorFn, VectorFn2};
use crate::threads::Cost;

/// `max(x, 0)`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Relu;

impl<E: Element> VectorFn<E> for Relu {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        // In this order a NaN in x stays.
        x.lit(E::ZERO).max(x)
    }
}

/// `x` for positive `x`, else `slope * x`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct LeakyRelu<E> {
    slope: E,
}

impl<E: Element> LeakyRelu<E> {
    /// With this slope for negative arguments.
    #[inline(always)]
    pub fn new(slope: E) -> Self {
        Self { slope }
    }
}

impl<E: Element> VectorFn<E> for LeakyRelu<E> {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        let zero = x.lit(E::ZERO);
        V::select(zero.lt(x), x, x * x.lit(self.slope))
    }
}

/// `gy` where `y > 0`, else 0; NaN where `y` is.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReluGrad;

impl<E: Element> VectorFn2<E> for ReluGrad {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, gy: V, y: V) -> V {
        let zero = y.lit(E::ZERO);
        // A NaN is neither: it is passed on.
        V::select(zero.lt(y), gy, V::select(y.le(zero), zero, y))
    }
}

/// `gy` where `y > 0`, else `slope * gy`; NaN where `y` is.
#[derive(Clone, Copy, Debug)]
pub(super) struct LeakyReluGrad<E> {
    slope: E,
}

impl<E: Element> LeakyReluGrad<E> {
    pub(super) fn new(slope: E) -> Self {
        Self { slope }
    }
}

impl<E: Element> VectorFn2<E> for LeakyReluGrad<E> {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, gy: V, y: V) -> V {
        let zero = y.lit(E::ZERO);
        let below = V::select(y.le(zero), gy * gy.lit(self.slope), y);
        V::select(zero.lt(y), gy, below)
    }
}

/// The first of two vectors.
#[derive(Clone, Copy, Debug)]
pub(super) struct First;

impl<E: Element> VectorFn2<E> for First {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, a: V, _: V) -> V {
        a
    }
}
