//! `y = floor(x)`; the derivative is zero.

use wengert_kernels::elementwise::Simple;

#[cfg(any(test, feature = "testing"))]
use super::support::BETWEEN_WHOLE;

unary! {
    /// The largest integer that is not above each element. The derivative is 0, also at the jumps.
    floor / try_floor = Floor, Simple::Floor;
    |_, _, _| None;
    order 0, BETWEEN_WHOLE, f64::floor
}
