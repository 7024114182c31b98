//! `y = floor(x)`; the derivative is zero.

use wengert_kernels::elementwise::Simple;

#[cfg(any(test, feature = "testing"))]
use super::support::BETWEEN_WHOLE;

unary! {
    /// The largest whole number that is not above each element. The derivative is 0, at the jumps too.
    floor / try_floor = Floor, Simple::Floor;
    |_, _, _| None;
    order 0, BETWEEN_WHOLE, f64::floor
}
