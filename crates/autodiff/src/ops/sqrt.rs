//! `y = sqrt(x)`; the cotangent is `gy / (2 y)`.

use wengert_kernels::elementwise::Simple;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

unary! {
    /// The square root of each element; NaN below zero. Its derivative at zero is infinite.
    sqrt / try_sqrt = Sqrt, Simple::Sqrt;
    |gy, _, y| Some(gy.div_keep_zero(y + y));
    order 2, Domain::POSITIVE, f64::sqrt
}
