//! `y = |x|`; the cotangent is `gy sign(x)`, 0 at the kink `x = 0`.

use wengert_kernels::elementwise::Simple;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

unary! {
    /// The absolute value of each element. The derivative at 0 is 0.
    abs / try_abs = Abs, Simple::Abs;
    |gy, x, _| Some(gy.mul_absorbing(x.sign()));
    order 2, Domain::AWAY_FROM_ZERO, f64::abs
}
