//! The error of the elementary functions in units in the last place, on every level.
//!
//! Every 4,099th `f32` there is, subnormal and infinite ones and NaNs included, against f64: the
//! reference's own error is below a millionth of an `f32`'s last place.

use wengert_kernels::math;
use wengert_kernels::simd::Level;
use wengert_kernels::testing::{for_each_level, ulp};

type Kernel = fn(&[f32], &mut [f32]);
type Reference = fn(f64) -> f64;

/// A prime, so that all exponents and many mantissas are met.
const STRIDE: usize = 4099;

fn sample() -> Vec<f32> {
    (0..=u32::MAX).step_by(STRIDE).map(f32::from_bits).collect()
}

#[test]
fn functions_are_within_their_bounds_on_all_magnitudes() {
    let functions: [(&str, Kernel, Reference); 4] = [
        ("exp", math::exp, f64::exp),
        ("exp_m1", math::exp_m1, f64::exp_m1),
        ("tanh", math::tanh, f64::tanh),
        ("logistic", math::logistic, |x| 1.0 / (1.0 + (-x).exp())),
    ];
    let x = sample();
    let mut y = vec![0.0; x.len()];
    for_each_level(|level| {
        let bound = if level == Level::Portable { 2.0 } else { 1.0 };
        for (name, kernel, reference) in functions {
            kernel(&x, &mut y);
            for (&x, &y) in x.iter().zip(&y) {
                let error = ulp::error(y, reference(f64::from(x)), 0.0);
                assert!(error <= bound, "{level}: {name}({x:e}) = {y:e} is off by {error} ULP");
            }
        }
    });
}
