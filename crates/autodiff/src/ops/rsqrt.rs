//! `y = 1 / sqrt(x)`; the cotangent is `-gy y y y / 2`, from left to right: `y^3` may leave the
//! range where the cotangent does not.

use wengert_kernels::math::Unary;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

unary! {
    /// One over the square root of each element: infinite at 0, NaN below.
    rsqrt / try_rsqrt = Rsqrt, Unary::Rsqrt;
    |gy, _, y| {
        let cotangent = gy.cotangent_mul(y).cotangent_mul(y).cotangent_mul(y);
        Some(cotangent * E::from_f64(-0.5))
    };
    order 2, Domain::POSITIVE, |x| 1.0 / x.sqrt()
}
