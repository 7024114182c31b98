//! `y = trunc(x)`; the derivative is zero.

use wengert_kernels::elementwise::Simple;

#[cfg(any(test, feature = "testing"))]
use super::support::BETWEEN_WHOLE;

unary! {
    /// Each element without what stands behind its point. The derivative is 0, at the jumps too.
    trunc / try_trunc = Trunc, Simple::Trunc;
    |_, _, _| None;
    order 0, BETWEEN_WHOLE, f64::trunc
}
