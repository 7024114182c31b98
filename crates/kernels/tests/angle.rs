//! `atan2` on all octants and magnitudes, and its special values and those of `tan`.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

use wengert_kernels::Element;
use wengert_kernels::elementwise::Run;
use wengert_kernels::math;
use wengert_kernels::testing::{for_each_level, noise, ulp};

fn atan2<E: Element>(y: f64, x: f64) -> f64 {
    let mut out = [E::ZERO];
    math::atan2(Run::Splat(E::from_f64(y)), Run::Splat(E::from_f64(x)), &mut out);
    out[0].to_f64()
}

/// Points on rays around the origin, near the axes and diagonals, close and far.
fn points<E: Element>() -> (Vec<E>, Vec<E>) {
    let spread = |seed| {
        let size = noise::<E>(20_000, seed).into_iter().zip(noise::<E>(20_000, seed + 1));
        size.map(|(a, b)| a * E::from_f64((40.0 * b.to_f64()).exp2()))
    };
    let (mut y, mut x): (Vec<E>, Vec<E>) = (spread(1).collect(), spread(3).collect());
    let tilted = noise::<E>(20_000, 5);
    for (i, &t) in tilted.iter().enumerate() {
        let radius = E::from_f64(0.1 + i as f64);
        let slope = [E::ONE, E::from_f64(2_f64.sqrt() - 1.0), t][i % 3];
        let near = slope * (E::ONE + t * E::EPSILON * E::from_f64(8.0));
        let sign = E::from_f64(if i % 2 == 0 { 1.0 } else { -1.0 });
        y.extend([radius * near, radius]);
        x.extend([radius * sign, radius * near * sign]);
    }
    (y, x)
}

#[test]
fn single_precision_is_within_one_ulp() {
    let (y, x) = points::<f32>();
    let mut out = vec![0.0; y.len()];
    for_each_level(|level| {
        math::atan2(Run::Slice(&y), Run::Slice(&x), &mut out);
        for ((&y, &x), &got) in y.iter().zip(&x).zip(&out) {
            let want = libm::atan2(f64::from(y), f64::from(x));
            let error = ulp::error(got, want, 0.0);
            assert!(error <= 0.51, "{level}: atan2({y:e}, {x:e}) is {got:e}, off by {error} ULP");
        }
    });
}

/// `libm`'s own error is below one unit.
#[test]
fn double_precision_is_within_two_ulp() {
    let (y, x) = points::<f64>();
    let mut out = vec![0.0; y.len()];
    for_each_level(|level| {
        math::atan2(Run::Slice(&y), Run::Slice(&x), &mut out);
        for ((&y, &x), &got) in y.iter().zip(&x).zip(&out) {
            let error = ulp::error(got, libm::atan2(y, x), 0.0);
            assert!(error <= 2.0, "{level}: atan2({y:e}, {x:e}) is {got:e}, off by {error} ULP");
        }
    });
}

fn special<E: Element>() {
    let inf = f64::INFINITY;
    let round = |x: f64| E::from_f64(x).to_f64();
    for_each_level(|level| {
        for (y, x, want) in [
            (0.0, 0.0, 0.0),
            (0.0, -0.0, PI),
            (0.0, 1.0, 0.0),
            (0.0, -1.0, PI),
            (1.0, 0.0, FRAC_PI_2),
            (1.0, -0.0, FRAC_PI_2),
            (1.0, inf, 0.0),
            (1.0, -inf, PI),
            (inf, 1.0, FRAC_PI_2),
            (inf, inf, FRAC_PI_4),
            (inf, -inf, 3.0 * FRAC_PI_4),
            (1.0, 1.0, FRAC_PI_4),
            (1e-30, 1e-30, FRAC_PI_4),
            (1e30, 1e-30, FRAC_PI_2),
        ] {
            for sign in [1.0, -1.0] {
                let got = atan2::<E>(sign * y, x);
                assert_eq!(got.to_bits(), (sign * round(want)).to_bits(), "{level}: {y:e}, {x:e}");
            }
        }
        assert!(atan2::<E>(f64::NAN, 1.0).is_nan() && atan2::<E>(0.0, f64::NAN).is_nan());
        // A subnormal angle.
        let least = E::MIN_EXPONENT.to_f64().exp2() * E::EPSILON.to_f64();
        assert_eq!(atan2::<E>(least, 1.0), least, "{level}");
        let x = [E::INFINITY, E::NEG_INFINITY, E::NAN, -E::ZERO, E::from_f64(least)];
        let mut y = [E::ZERO; 5];
        math::tan(&x, &mut y);
        assert!(y[..3].iter().all(|y| y.is_nan()), "{level}: {y:?}");
        assert_eq!(y[3].to_f64().to_bits(), (-0.0_f64).to_bits(), "{level}");
        assert_eq!(y[4].to_f64(), least, "{level}");
    });
}

#[test]
fn zeros_infinities_and_nan_are_those_of_ieee() {
    special::<f32>();
    special::<f64>();
}
