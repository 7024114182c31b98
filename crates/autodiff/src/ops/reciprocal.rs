//! `y = 1 / x`; the cotangent is `-(gy y) y`: `y^2` may leave the range where the cotangent does
//! not.

use wengert_kernels::elementwise::Simple;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

unary! {
    /// One over each element.
    reciprocal / try_reciprocal = Reciprocal, Simple::Recip;
    |gy, _, y| Some(-gy.cotangent_mul(y).cotangent_mul(y));
    order 2, Domain::AWAY_FROM_ZERO, f64::recip
}
