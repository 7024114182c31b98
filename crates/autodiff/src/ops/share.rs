//! `y = 1` where `a > b`, `1/2` where they are equal, else 0: the share of the first operand in the
//! gradient of a maximum. The derivative is zero.

use wengert_kernels::elementwise::Binary;

#[cfg(any(test, feature = "testing"))]
use super::support::apart;

binary! {
    /// The Heaviside step function of `a - b`: 1 where `a > b`, 0 where `a < b`, 1/2 where they are
    /// equal, NaN where `a` or `b` is NaN. The derivative is 0, also at the jump.
    share / try_share = Share, Binary::Share;
    |_gy, _a, _b, _| [None, None];
    order 0, apart, |a, b| if a > b { 1.0 } else { 0.0 }
}
