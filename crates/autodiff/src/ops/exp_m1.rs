//! `y = e^x - 1`; the cotangent is `gy e^x`.

use wengert_kernels::math::Unary;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

unary! {
    /// `e^x - 1` of each element, accurate near zero.
    exp_m1 / try_exp_m1 = ExpM1, Unary::ExpM1;
    |gy, x, _| Some(gy.cotangent_mul(x.exp()));
    order 2, Domain::REAL, f64::exp_m1
}
