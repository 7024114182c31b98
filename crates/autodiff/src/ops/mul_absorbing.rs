//! `y = a b`, but 0 where `a` or `b` is 0, whatever the other is; the cotangents are `gy b` and `gy a`, with
//! the same rule. It multiplies cotangents by the slopes at kinks (nothing comes back from a flat side, not
//! even of an infinite gradient), and cotangents by each other in derivatives of derivatives.

use wengert_kernels::elementwise::Binary;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

binary! {
    /// `a b`, element by element, but 0 where either is 0, though the other be infinite or NaN: zero is the
    /// absorbing element, as it is among finite numbers.
    mul_absorbing / try_mul_absorbing = MulAbsorbing, Binary::MulAbsorbing;
    |gy, a, b, _| [Some(gy.mul_absorbing(b)), Some(gy.mul_absorbing(a))];
    order 2, |s| {
        let (a, b) = s.broadcast_pair();
        vec![s.tensor(&a, &Domain::REAL), s.tensor(&b, &Domain::REAL)]
    }, |a, b| a * b
}
