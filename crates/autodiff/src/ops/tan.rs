//! `y = tan(x)`; the cotangent is `gy (1 + y^2)`.

use wengert_kernels::math::Unary;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

unary! {
    /// The tangent of each element, in radians. The argument may have any magnitude.
    tan / try_tan = Tan, Unary::Tan;
    |gy, _, y| Some(gy.cotangent_mul(y.square().add_scalar(E::ONE)));
    order 2, Domain { low: -1.2, high: 1.2, avoid: &[], margin: 0.0 }, f64::tan
}
