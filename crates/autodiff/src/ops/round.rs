//! `y = x` rounded to an integer, halves to the even one; the derivative is zero.

use wengert_kernels::elementwise::Simple;

#[cfg(any(test, feature = "testing"))]
use super::support::BETWEEN_WHOLE;

unary! {
    /// The integer nearest to each element; a half is rounded to the even neighbour (as in IEEE 754
    /// and PyTorch). The derivative is 0, also at the jumps.
    round / try_round = Round, Simple::Round;
    |_, _, _| None;
    order 0, BETWEEN_WHOLE, f64::round_ties_even
}
