//! `y = 1` where `a > b`, `1/2` where they are equal, else 0: how much of a maximum's gradient is its
//! first operand's. The derivative is zero.

use wengert_kernels::elementwise::Binary;

#[cfg(any(test, feature = "testing"))]
use super::support::apart;

binary! {
    /// Which of two elements is the larger: 1 where `a > b`, 0 where `a < b`, 1/2 where they are equal,
    /// NaN where one is (the Heaviside step of `a - b`). The derivative is 0, at the jump too.
    share / try_share = Share, Binary::Share;
    |_gy, _a, _b, _| [None, None];
    order 0, apart, |a, b| if a > b { 1.0 } else { 0.0 }
}
