//! `y = a / b`; the cotangents are `gy / b` and `-gy y / b`.

use wengert_kernels::elementwise::Binary;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

binary! {
    /// `a / b`, element by element.
    div / try_div = Div, Binary::Div;
    |gy, _, b, y| [
        Some(gy.div_keep_zero(b)),
        Some(-gy.div_keep_zero(b).cotangent_mul(y)),
    ];
    order 2, |s| {
        let (a, b) = s.broadcast_pair();
        vec![s.tensor(&a, &Domain::REAL), s.tensor(&b, &Domain::AWAY_FROM_ZERO)]
    }, |a, b| a / b
}
