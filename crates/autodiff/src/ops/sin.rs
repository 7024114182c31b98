//! `y = sin(x)`; the cotangent is `gy cos(x)`.

use wengert_kernels::math::Unary;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

unary! {
    /// The sine of each element, in radians. The argument may have any magnitude.
    sin / try_sin = Sin, Unary::Sin;
    |gy, x, _| Some(gy.cotangent_mul(x.cos()));
    order 2, Domain::REAL, f64::sin
}
