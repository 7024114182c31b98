//! `y = max(a, b)`; the cotangent goes to the larger operand, and half of it to each of two equal
//! ones.

use wengert_kernels::elementwise::Binary;

#[cfg(any(test, feature = "testing"))]
use super::support::apart;

binary! {
    /// The larger of two elements; NaN if either is. Equal ones share the gradient equally.
    maximum / try_maximum = Maximum, Binary::Maximum;
    |gy, a, b, _| [Some(gy.mul_absorbing(a.share(b))), Some(gy.mul_absorbing(b.share(a)))];
    order 2, apart, f64::max
}
