//! `y = a b`, but 0 where `a` or `b` is 0, even if the other is infinite or NaN; the cotangents are
//! `gy b` and `gy a`, by the same rule. Derivatives use it to multiply cotangents by the slopes at
//! kinks, so that a flat side passes no gradient, not even an infinite one, and to multiply
//! cotangents by each other in second derivatives.

use wengert_kernels::elementwise::Binary;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

binary! {
    /// `a b`, element by element, but 0 where either is 0, even if the other is infinite or NaN:
    /// zero is the absorbing element, as it is among finite numbers.
    mul_absorbing / try_mul_absorbing = MulAbsorbing, Binary::MulAbsorbing;
    |gy, a, b, _| [Some(gy.mul_absorbing(b)), Some(gy.mul_absorbing(a))];
    order 2, |s| {
        let (a, b) = s.broadcast_pair();
        vec![s.tensor(&a, &Domain::REAL), s.tensor(&b, &Domain::REAL)]
    }, |a, b| a * b
}
