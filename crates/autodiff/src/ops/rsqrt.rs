//! `y = 1 / sqrt(x)`; the cotangent is `-gy y^3 / 2`.

use wengert_kernels::math::Unary;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

unary! {
    /// One over the square root of each element: infinite at 0, NaN below.
    rsqrt / try_rsqrt = Rsqrt, Unary::Rsqrt;
    |gy, _, y| Some(gy.cotangent_mul(y * y * y) * E::from_f64(-0.5));
    order 2, Domain::POSITIVE, |x| 1.0 / x.sqrt()
}
