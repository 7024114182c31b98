//! `y = sin(x)`; the cotangent is `gy cos(x)`.

use wengert_kernels::math;

use crate::testing::Domain;

unary! {
    /// The sine of each element, in radians, of any size.
    sin = Sin, math::sin;
    |gy, x, _| Some(gy * x.cos());
    order 2, Domain::REAL, f64::sin
}
