//! `y = ln x`; the cotangent is `gy / x`.

use wengert_kernels::math::Unary;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

unary! {
    /// The natural logarithm of each element; NaN below zero, -inf at zero.
    log / try_log = Log, Unary::Log;
    |gy, x, _| Some(gy.div_keep_zero(x));
    order 2, Domain::POSITIVE, f64::ln
}
