//! `y = -1, 0 or 1` as `x` is below, at or above zero; the derivative is zero.

use wengert_kernels::elementwise::Simple;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

unary! {
    /// -1 for negative elements, 1 for positive ones; zeros stay as they are. The derivative is 0, at
    /// the jump too.
    sign / try_sign = Sign, Simple::Sign;
    |_, _, _| None;
    order 0, Domain::AWAY_FROM_ZERO, f64::signum
}
