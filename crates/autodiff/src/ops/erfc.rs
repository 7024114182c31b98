//! `y = 1 - erf(x)`; the cotangent is `-gy 2 / sqrt(pi) e^(-x^2)`.

use std::f64::consts::FRAC_2_SQRT_PI;

use wengert_kernels::math::Unary;

#[cfg(any(test, feature = "testing"))]
use super::support::reference_erf;
#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

unary! {
    /// `1 - erf(x)` of each element, accurate in the tail.
    erfc / try_erfc = Erfc, Unary::Erfc;
    |gy, x, _| Some(gy.cotangent_mul((-x.square()).exp()) * E::from_f64(-FRAC_2_SQRT_PI));
    order 2, Domain::REAL, |x| 1.0 - reference_erf(x)
}
