//! Powers with arbitrary exponents.
//!
//! Lane by lane, by the f64 function of the standard library: for `f32` that is correctly rounded
//! but for ties of one in millions; for `f64` it is as accurate as the platform's `pow`.

use crate::Float;
use crate::simd::{Lanes, MAX_LANES};
use crate::slices::VectorFn2;

/// `a^b`, as a vector function.
#[derive(Clone, Copy, Debug)]
pub struct Pow;

impl<E: Float> VectorFn2<E> for Pow {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, a: V, b: V) -> V {
        let (mut bases, mut exponents) = ([E::ZERO; MAX_LANES], [E::ZERO; MAX_LANES]);
        a.store(&mut bases);
        b.store(&mut exponents);
        for (base, exponent) in bases.iter_mut().zip(exponents).take(V::LANES) {
            *base = E::from_f64(base.to_f64().powf(exponent.to_f64()));
        }
        V::load(a.token(), &bases)
    }
}
