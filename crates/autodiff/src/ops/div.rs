//! `y = a / b`; the cotangents are `gy / b` and `-(gy y) / b`. In this order the second is zero
//! where `y` is, also for a `b` so small that `gy / b` overflows. It is wrong only where `gy y`
//! leaves the range and the cotangent does not.

use wengert_kernels::elementwise::Binary;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

binary! {
    /// `a / b`, element by element.
    div / try_div = Div, Binary::Div;
    |gy, _, b, y| [
        Some(gy.div_keep_zero(b)),
        Some(-gy.cotangent_mul(y).div_keep_zero(b)),
    ];
    order 2, |s| {
        let (a, b) = s.broadcast_pair();
        vec![s.tensor(&a, &Domain::REAL), s.tensor(&b, &Domain::AWAY_FROM_ZERO)]
    }, |a, b| a / b
}
