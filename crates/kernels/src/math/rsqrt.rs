//! The reciprocal square root.

use crate::Float;
use crate::simd::Lanes;
use crate::slices::VectorFn;
use crate::threads::Cost;

/// `1 / sqrt x`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Rsqrt;

impl<E: Float> VectorFn<E> for Rsqrt {
    const COST: Cost = Cost::Light;

    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V {
        x.lit(E::ONE) / x.sqrt()
    }
}
