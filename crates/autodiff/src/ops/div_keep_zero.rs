//! `y = a / b`, but 0 where `a` is 0, even if `b` is zero or NaN. A vjp divides a cotangent `a` by
//! it, so that a cotangent of zero stays zero. The cotangents are `gy / b`, by the same rule, and
//! `-(gy y) / b`, 0 where `gy` or `y` is.

use wengert_kernels::elementwise::Binary;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

binary! {
    /// `a / b`, element by element, but 0 where `a` is 0, even if `b` is 0 or NaN. Use this
    /// operation in the vector-Jacobian product of your own operation, to divide a cotangent `a`: a
    /// cotangent of zero then stays zero.
    div_keep_zero / try_div_keep_zero = DivKeepZero, Binary::DivKeepZero;
    |gy, _, b, y| [
        Some(gy.div_keep_zero(b)),
        Some(-gy.mul_absorbing(y).div_keep_zero(b)),
    ];
    order 2, |s| {
        let (a, b) = s.broadcast_pair();
        vec![s.tensor(&a, &Domain::REAL), s.tensor(&b, &Domain::AWAY_FROM_ZERO)]
    }, |a, b| a / b
}
