//! What is folded: sums, products, extremes.

use crate::Float;
use crate::simd::Lanes;

use super::fold::Fold;

/// The sum.
#[derive(Clone, Copy)]
pub(super) struct Sum;

impl<E: Float> Fold<E> for Sum {
    const NEUTRAL: E = E::ZERO;

    #[inline(always)]
    fn combine<V: Lanes<Elem = E>>(self, a: V, b: V) -> V {
        a + b
    }

    #[inline(always)]
    fn combine_scalars(self, a: E, b: E) -> E {
        a + b
    }
}

/// The product.
#[derive(Clone, Copy)]
pub(super) struct Prod;

impl<E: Float> Fold<E> for Prod {
    const NEUTRAL: E = E::ONE;

    #[inline(always)]
    fn combine<V: Lanes<Elem = E>>(self, a: V, b: V) -> V {
        a * b
    }

    #[inline(always)]
    fn combine_scalars(self, a: E, b: E) -> E {
        a * b
    }
}

/// The sum of a term for each element.
#[derive(Clone, Copy)]
pub(super) struct SumOf<T>(pub(super) T);

/// The terms of a sum.
pub(super) trait Term<E: Float>: Copy + Send + Sync {
    /// `acc` and the term of `x`.
    fn add_to<V: Lanes<Elem = E>>(self, acc: V, x: V) -> V;
}

impl<E: Float, T: Term<E>> Fold<E> for SumOf<T> {
    const NEUTRAL: E = E::ZERO;

    #[inline(always)]
    fn add<V: Lanes<Elem = E>>(self, acc: V, x: V) -> V {
        self.0.add_to(acc, x)
    }

    #[inline(always)]
    fn combine<V: Lanes<Elem = E>>(self, a: V, b: V) -> V {
        a + b
    }

    #[inline(always)]
    fn combine_scalars(self, a: E, b: E) -> E {
        a + b
    }
}

/// The magnitude.
#[derive(Clone, Copy)]
pub(super) struct Magnitude;

impl<E: Float> Term<E> for Magnitude {
    #[inline(always)]
    fn add_to<V: Lanes<Elem = E>>(self, acc: V, x: V) -> V {
        acc + x.abs()
    }
}

/// The square.
#[derive(Clone, Copy)]
pub(super) struct Square;

impl<E: Float> Term<E> for Square {
    #[inline(always)]
    fn add_to<V: Lanes<Elem = E>>(self, acc: V, x: V) -> V {
        x.mul_add(x, acc)
    }
}

/// The square of the element times a factor, for squares that leave the range.
#[derive(Clone, Copy)]
pub(super) struct ScaledSquare<E>(pub(super) E);

impl<E: Float> Term<E> for ScaledSquare<E> {
    #[inline(always)]
    fn add_to<V: Lanes<Elem = E>>(self, acc: V, x: V) -> V {
        Square.add_to(acc, x * x.lit(self.0))
    }
}

/// The largest magnitude; NaN if there is one.
#[derive(Clone, Copy)]
pub(super) struct MaxAbs;

impl<E: Float> Fold<E> for MaxAbs {
    const NEUTRAL: E = E::ZERO;

    #[inline(always)]
    fn add<V: Lanes<Elem = E>>(self, acc: V, x: V) -> V {
        Max.combine(acc, x.abs())
    }

    #[inline(always)]
    fn combine<V: Lanes<Elem = E>>(self, a: V, b: V) -> V {
        Max.combine(a, b)
    }

    #[inline(always)]
    fn combine_scalars(self, a: E, b: E) -> E {
        Max.combine_scalars(a, b)
    }
}

/// The maximum; NaN if there is one.
#[derive(Clone, Copy)]
pub(super) struct Max;

impl<E: Float> Fold<E> for Max {
    const NEUTRAL: E = E::NEG_INFINITY;
    const PASSES_NAN: bool = true;

    #[inline(always)]
    fn add_quick<V: Lanes<Elem = E>>(self, acc: V, x: V) -> V {
        acc.max(x)
    }

    #[inline(always)]
    fn combine<V: Lanes<Elem = E>>(self, a: V, b: V) -> V {
        V::select(a.unordered(a), a, a.max(b))
    }

    #[inline(always)]
    fn combine_scalars(self, a: E, b: E) -> E {
        if a > b || a.is_nan() { a } else { b }
    }
}

/// The minimum; NaN if there is one.
#[derive(Clone, Copy)]
pub(super) struct Min;

impl<E: Float> Fold<E> for Min {
    const NEUTRAL: E = E::INFINITY;
    const PASSES_NAN: bool = true;

    #[inline(always)]
    fn add_quick<V: Lanes<Elem = E>>(self, acc: V, x: V) -> V {
        acc.min(x)
    }

    #[inline(always)]
    fn combine<V: Lanes<Elem = E>>(self, a: V, b: V) -> V {
        V::select(a.unordered(a), a, a.min(b))
    }

    #[inline(always)]
    fn combine_scalars(self, a: E, b: E) -> E {
        if a < b || a.is_nan() { a } else { b }
    }
}
