//! `y = erf(x)`; the cotangent is `gy 2 / sqrt(pi) e^(-x^2)`.

use std::f64::consts::FRAC_2_SQRT_PI;

use wengert_kernels::math::Unary;

#[cfg(any(test, feature = "testing"))]
use super::support::reference_erf;
#[cfg(any(test, feature = "testing"))]
use crate::testing::Domain;

unary! {
    /// The error function of each element, `2 / sqrt(pi)` times the integral of `e^(-t^2)` from 0.
    erf / try_erf = Erf, Unary::Erf;
    |gy, x, _| Some(gy.cotangent_mul((-x.square()).exp()) * E::from_f64(FRAC_2_SQRT_PI));
    order 2, Domain::REAL, reference_erf
}
