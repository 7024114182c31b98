//! `y = min(a, b)`; the cotangent goes to the smaller operand, and half of it to each of two equal
//! ones.

use wengert_kernels::elementwise::Binary;

#[cfg(any(test, feature = "testing"))]
use super::support::apart;

binary! {
    /// The smaller of two elements; NaN if either is. Equal ones share the gradient equally.
    minimum / try_minimum = Minimum, Binary::Minimum;
    |gy, a, b, _| [Some(gy.mul_absorbing(b.share(a))), Some(gy.mul_absorbing(a.share(b)))];
    order 2, apart, f64::min
}
