//! What an activation is to the kernels: a function with a derivative.

use crate::Float;
use crate::simd::Lanes;
use crate::slices::{VectorFn, VectorFn2};
use crate::threads::Cost;

/// A function's derivative, times the upstream gradient.
///
/// Mark implementations `#[inline(always)]` (see [`crate::simd`]).
pub trait Derivative<E: Float>: VectorFn<E> {
    /// `gy f'`, the derivative being computed from what
    /// [`Activation::saves`](super::Activation::saves) names.
    fn times<V: Lanes<Elem = E>>(self, gy: V, saved: V) -> V;

    /// [`times`](Self::times), but zero where `gy` is, though the derivative be NaN or infinite.
    #[inline(always)]
    fn cotangent<V: Lanes<Elem = E>>(self, gy: V, saved: V) -> V {
        let zero = gy.lit(E::ZERO);
        V::select(gy.eq(zero), zero, self.times(gy, saved))
    }
}

/// `y = x`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Identity;

impl<E: Float> VectorFn<E> for Identity {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        x
    }
}

impl<E: Float> Derivative<E> for Identity {
    #[inline(always)]
    fn times<V: Lanes<Elem = E>>(self, gy: V, _: V) -> V {
        gy
    }

    #[inline(always)]
    fn cotangent<V: Lanes<Elem = E>>(self, gy: V, _: V) -> V {
        gy
    }
}

/// What is done with the function that an [`Activation`](super::Activation) is.
///
/// Mark implementations `#[inline(always)]` (see [`crate::simd`]).
pub(crate) trait Visit<E: Float> {
    type Output;

    fn visit<F: Derivative<E>>(self, f: F) -> Self::Output;
}

/// A derivative, by [`Derivative::cotangent`], as a function of two operands.
#[derive(Clone, Copy)]
pub(crate) struct Times<F>(pub(crate) F);

impl<E: Float, F: Derivative<E>> VectorFn2<E> for Times<F> {
    const COST: Cost = F::COST;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, gy: V, saved: V) -> V {
        self.0.cotangent(gy, saved)
    }
}
