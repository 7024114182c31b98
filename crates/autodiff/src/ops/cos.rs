//! `y = cos(x)`; the cotangent is `-gy sin(x)`.

use wengert_kernels::math::Unary;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

unary! {
    /// The cosine of each element, in radians. The argument may have any magnitude.
    cos / try_cos = Cos, Unary::Cos;
    |gy, x, _| Some(-gy.cotangent_mul(x.sin()));
    order 2, Domain::REAL, f64::cos
}
