//! `y = ln(1 + x)`; the cotangent is `gy / (1 + x)`.

use wengert_kernels::math::Unary;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

unary! {
    /// `ln(1 + x)` of each element, accurate near zero; minus infinity at -1, NaN below.
    log_1p / try_log_1p = Log1p, Unary::Log1p;
    |gy, x, _| Some(gy.div_keep_zero(x.add_scalar(E::ONE)));
    order 2, Domain { low: -0.75, high: 2.0, avoid: &[], margin: 0.0 }, f64::ln_1p
}
