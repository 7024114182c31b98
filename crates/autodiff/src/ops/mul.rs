//! `y = a b`; the cotangents are `gy b` and `gy a`.

use wengert_kernels::elementwise::Binary;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

binary! {
    /// `a b`, element by element.
    mul / try_mul = Mul, Binary::Mul;
    |gy, a, b, _| [Some(gy.cotangent_mul(b)), Some(gy.cotangent_mul(a))];
    order 2, |s| {
        let (a, b) = s.broadcast_pair();
        vec![s.tensor(&a, &Domain::REAL), s.tensor(&b, &Domain::REAL)]
    }, |a, b| a * b
}
