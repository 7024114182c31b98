//! `y = e^x`; the cotangent is `gy y`.

use wengert_kernels::math::Unary;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

unary! {
    /// The exponential of each element.
    exp / try_exp = Exp, Unary::Exp;
    |gy, _, y| Some(gy.cotangent_mul(y));
    order 2, Domain::REAL, f64::exp
}
