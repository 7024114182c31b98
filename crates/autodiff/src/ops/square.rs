//! `y = x^2`; the cotangent is `2 gy x`.

use wengert_kernels::elementwise::Simple;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

unary! {
    /// The square of each element.
    square / try_square = Square, Simple::Square;
    |gy, x, _| Some(gy.cotangent_mul(x + x));
    order 2, Domain::REAL, |x| x * x
}
