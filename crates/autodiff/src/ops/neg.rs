//! `y = -x`; the cotangent is `-gy`.

use wengert_kernels::elementwise::Simple;

#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

unary! {
    /// `-x`, element by element.
    neg / try_neg = Neg, Simple::Neg;
    |gy, _, _| Some(-gy);
    order 2, Domain::REAL, |x| -x
}
