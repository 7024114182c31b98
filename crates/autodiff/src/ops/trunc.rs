//! `y = trunc(x)`; the derivative is zero.

use wengert_kernels::elementwise::Simple;

#[cfg(any(test, feature = "testing"))]
use super::support::BETWEEN_WHOLE;

unary! {
    /// The integer part of each element, rounded towards zero. The derivative is 0, also at the
    /// jumps.
    trunc / try_trunc = Trunc, Simple::Trunc;
    |_, _, _| None;
    order 0, BETWEEN_WHOLE, f64::trunc
}
