//! `y = x` rounded to a whole number, halves to the even one; the derivative is zero.

use wengert_kernels::elementwise::Simple;

#[cfg(any(test, feature = "testing"))]
use super::support::BETWEEN_WHOLE;

unary! {
    /// The whole number nearest to each element; from the middle between two, the even one (as IEEE
    /// 754 and PyTorch round). The derivative is 0, at the jumps too.
    round / try_round = Round, Simple::Round;
    |_, _, _| None;
    order 0, BETWEEN_WHOLE, f64::round_ties_even
}
