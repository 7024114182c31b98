//! `y = ceil(x)`; the derivative is zero.

use wengert_kernels::elementwise::Simple;

#[cfg(any(test, feature = "testing"))]
use super::support::BETWEEN_WHOLE;

unary! {
    /// The smallest integer that is not below each element. The derivative is 0, also at the jumps.
    ceil / try_ceil = Ceil, Simple::Ceil;
    |_, _, _| None;
    order 0, BETWEEN_WHOLE, f64::ceil
}
