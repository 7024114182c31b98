//! `y = -1, 0 or 1` as `x` is below, at or above zero; the derivative is zero.

use wengert_kernels::elementwise::Simple;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

unary! {
    /// The sign of each element: -1 for negative, 1 for positive elements; zeros keep their sign.
    /// The derivative is 0, also at the jump.
    sign / try_sign = Sign, Simple::Sign;
    |_, _, _| None;
    order 0, Domain::AWAY_FROM_ZERO, f64::signum
}
