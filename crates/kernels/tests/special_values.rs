//! Special values, kinks, symmetries and seams of the elementary functions and activations.

use wengert_kernels::Element;
use wengert_kernels::activation::{self, Activation, Saved};
use wengert_kernels::elementwise::Run;
use wengert_kernels::math;
use wengert_kernels::testing::activation::limits;
use wengert_kernels::testing::{assert_near, assert_same_bits, for_each_level};

const INF: f64 = f64::INFINITY;

fn value<E: Element>(act: Activation, x: f64) -> E {
    let mut y = [E::ZERO];
    activation::forward(act, &[E::from_f64(x)], &mut y);
    y[0]
}

/// The derivative at `x`.
fn slope<E: Element>(act: Activation, x: f64) -> E {
    let mut y = [E::ZERO];
    let saved = match act.saves() {
        Saved::Input => E::from_f64(x),
        Saved::Output => value(act, x),
    };
    activation::backward(act, &[E::ONE], &[saved], &mut y);
    y[0]
}

fn special<E: Element>() {
    for_each_level(|level| {
        for act in Activation::ALL {
            let what = format!("{act} on {level}");
            for (sign, [limit, slope_limit]) in [-1.0, 1.0].into_iter().zip(limits(act)) {
                let [limit, slope_limit] = [limit, slope_limit].map(|v| E::from_f64(v).to_f64());
                assert_eq!(value::<E>(act, sign * INF).to_f64(), limit, "{what} at {sign} inf");
                if slope_limit.is_nan() {
                    let got = slope::<E>(act, sign * INF);
                    assert!(
                        got.is_nan(),
                        "{what}: the derivative at {sign} inf has no limit, but {got}"
                    );
                    continue;
                }
                // No branch that is not selected overflows.
                for x in [sign * INF, sign * E::from_f64(1e30).to_f64()] {
                    let got = slope::<E>(act, x).to_f64();
                    let close = (got - slope_limit).abs() < 1e-37;
                    assert!(close, "{what}: the derivative at {x:e} is {got}, not {slope_limit}");
                }
            }
            assert!(value::<E>(act, f64::NAN).is_nan(), "{what} of NaN");
            if act != Activation::Identity {
                assert!(slope::<E>(act, f64::NAN).is_nan(), "{what}' at NaN");
            }
            let mut y = [E::ZERO];
            activation::backward(act, &[E::NAN], &[E::from_f64(0.75)], &mut y);
            assert!(
                y[0].is_nan() || slope::<E>(act, 0.75) == E::ZERO,
                "{what}: a NaN from above is passed on where the derivative is not zero"
            );
        }
    });
}

#[test]
fn nan_stays_and_limits_are_reached() {
    special::<f32>();
    special::<f64>();
}

#[test]
fn zeros_keep_their_signs_and_small_slopes_their_limits() {
    for_each_level(|level| {
        for act in [Activation::Silu, Activation::Gelu, Activation::GeluTanh, Activation::Mish] {
            assert_eq!(value::<f64>(act, -0.0).to_bits(), (-0.0_f64).to_bits(), "{act} on {level}");
            assert_eq!(value::<f32>(act, 0.0).to_bits(), 0, "{act} on {level}");
        }
        let flat = Activation::LeakyRelu { slope: 0.0 };
        assert_eq!(value::<f32>(flat, -INF), 0.0, "{level}");
        assert_eq!(slope::<f32>(flat, -INF), 0.0, "{level}");
        assert_eq!(slope::<f32>(Activation::Tanh, INF), 0.0, "{level}");
        assert_eq!(slope::<f64>(Activation::Tanh, INF), 0.0, "{level}");
    });
}

#[test]
fn numbers_must_lie_in_their_domain_as_the_element_has_them() {
    for wrong in [
        Activation::Celu { alpha: 1e-50 },
        Activation::Celu { alpha: 1e50 },
        Activation::Softplus { beta: 1e-50 },
        Activation::Softshrink { lambda: 1e50 },
    ] {
        assert!(wrong.check_in::<f64>().is_ok(), "{wrong:?}");
        assert!(wrong.check_in::<f32>().is_err(), "{wrong:?}");
        let run = || activation::forward(wrong, &[-1.0_f32], &mut [0.0]);
        assert!(std::panic::catch_unwind(run).is_err(), "{wrong:?}");
    }
}

/// Tails that naive formulas lose.
#[test]
fn tails_are_kept() {
    for_each_level(|level| {
        let near = |got: f32, want: f64| {
            assert_near(&[got], &[want], &format!("{level}"), |_| 3e-7 * want.abs() + 3e-45);
        };
        near(value(Activation::Gelu, -10.0), -7.619853024160495e-23);
        near(value(Activation::Logistic, -100.0), 3.720075976020836e-44);
        near(slope(Activation::Logistic, 17.0), 4.1399375474289235e-8);
        near(slope(Activation::Tanh, 10.0), 8.244614512241723e-9);
        near(value(Activation::Softplus { beta: 1.0 }, -90.0), 8.194012623990515e-40);
        near(value(Activation::LogSigmoid, 90.0), -8.194012623990515e-40);
        near(slope(Activation::Elu { alpha: 1.0 }, 100.0), 1.0);
        near(value(Activation::Mish, -95.0), -5.245028184109e-40);
    });
}

fn kinks<E: Element>() {
    use Activation::{Elu, HardSigmoid, HardSwish, HardTanh, LeakyRelu, Relu, Relu6, Softshrink};
    for_each_level(|level| {
        for (act, x, expected) in [
            (Relu, 0.0, 0.0),
            (Relu, -0.0, 0.0),
            (LeakyRelu { slope: 0.125 }, 0.0, 0.125),
            (Relu6, 0.0, 0.0),
            (Relu6, 6.0, 0.0),
            (HardTanh { min: -1.0, max: 1.0 }, -1.0, 0.0),
            (HardTanh { min: -1.0, max: 1.0 }, 1.0, 0.0),
            (HardSigmoid, -3.0, 0.0),
            (HardSigmoid, 3.0, 0.0),
            (HardSwish, -3.0, 0.0),
            (HardSwish, 3.0, 1.0),
            (Softshrink { lambda: 0.5 }, 0.5, 0.0),
            (Softshrink { lambda: 0.5 }, -0.5, 0.0),
            (Elu { alpha: 0.5 }, 0.0, 0.5),
        ] {
            assert_eq!(slope::<E>(act, x).to_f64(), expected, "{act}'({x}) on {level}");
        }
    });
}

#[test]
fn kinks_have_the_stated_derivatives() {
    kinks::<f32>();
    kinks::<f64>();
}

/// Arguments of many magnitudes, subnormal ones included.
fn magnitudes() -> Vec<f32> {
    (0..0x7f80_0000_u32).step_by(9973).map(f32::from_bits).collect()
}

#[test]
fn odd_functions_are_odd_to_the_bit() {
    let x = magnitudes();
    let minus: Vec<f32> = x.iter().map(|x| -x).collect();
    for_each_level(|level| {
        type Kernel = fn(&[f32], &mut [f32]);
        let odd: [(&str, Kernel); 6] = [
            ("tanh", |x, y| activation::forward(Activation::Tanh, x, y)),
            ("sin", math::sin),
            ("erf", math::erf),
            ("softsign", |x, y| activation::forward(Activation::Softsign, x, y)),
            ("tanhshrink", |x, y| activation::forward(Activation::Tanhshrink, x, y)),
            ("softshrink", |x, y| {
                activation::forward(Activation::Softshrink { lambda: 0.5 }, x, y);
            }),
        ];
        for (name, kernel) in odd {
            let (mut y, mut z) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            kernel(&x, &mut y);
            kernel(&minus, &mut z);
            let negated: Vec<f32> = z.iter().map(|z| -z).collect();
            assert_same_bits(&y, &negated, &format!("{name} on {level}"));
            if ["tanh", "erf", "softsign"].contains(&name) {
                assert!(y.iter().all(|y| *y <= 1.0), "{name} on {level} exceeds one");
            }
        }
    });
}

/// Neighbouring numbers around where a kernel changes its formula; the function must not step back.
#[test]
fn monotonic_functions_are_monotonic_across_seams() {
    let seams: [f32; 12] =
        [0.5, 0.7, 0.75, 1.0, std::f32::consts::SQRT_2, 2.0, 9.01, 9.5, 10.2, 20.0, 88.0, 104.0];
    for_each_level(|level| {
        type Kernel = fn(&[f32], &mut [f32]);
        let rising: [(&str, Kernel); 8] = [
            ("exp", math::exp),
            ("exp_m1", math::exp_m1),
            ("tanh", |x, y| activation::forward(Activation::Tanh, x, y)),
            ("logistic", |x, y| activation::forward(Activation::Logistic, x, y)),
            ("erf", math::erf),
            ("log", math::log),
            ("log_1p", math::log_1p),
            ("softplus", |x, y| activation::forward(Activation::Softplus { beta: 1.0 }, x, y)),
        ];
        for (name, kernel) in rising {
            for seam in seams.into_iter().chain(seams.map(|s| -s)) {
                if seam <= -1.0 && name.starts_with("log_") || seam < 0.0 && name == "log" {
                    continue;
                }
                // Values a few ULP apart: far enough for the function to rise by its own error.
                let x: Vec<f32> = (-64..=64_i32)
                    .map(|i| f32::from_bits(seam.to_bits().wrapping_add_signed(32 * i)))
                    .collect();
                let mut y = vec![0.0; x.len()];
                kernel(&x, &mut y);
                let sorted = |a: &f32, b: &f32| if seam > 0.0 { a <= b } else { a >= b };
                assert!(y.is_sorted_by(sorted), "{name} steps back near {seam} on {level}");
            }
        }
    });
}

#[test]
fn powers_follow_the_standard() {
    for_each_level(|_| {
        let a = [2.0_f32, -2.0, -2.0, 0.0, f32::NAN, 1.0, 1e20];
        let b = [0.5_f32, 3.0, 0.5, -1.0, 0.0, f32::NAN, 2.0];
        let mut y = [0.0; 7];
        math::pow(Run::Slice(&a), Run::Slice(&b), &mut y);
        let expected = [2f32.sqrt(), -8.0, f32::NAN, f32::INFINITY, 1.0, 1.0, f32::INFINITY];
        assert_same_bits(&y, &expected, "powers");
    });
}

/// However large the gradient that comes from above, a derivative that has decayed far below it
/// gives zero.
fn decayed<E: Element>(gy: f64, x: f64) {
    use Activation::{
        Celu, Elu, Gelu, GeluTanh, LogSigmoid, Logistic, Mish, Selu, Silu, Softplus, Tanh,
    };
    let left = [
        Celu { alpha: 1.0 },
        Elu { alpha: 1.0 },
        Gelu,
        GeluTanh,
        Logistic,
        Mish,
        Selu,
        Silu,
        Softplus { beta: 1.0 },
        Tanh,
    ];
    let gradient = |act: Activation, x: f64| {
        let mut y = [E::NAN];
        activation::backward(act, &[E::from_f64(gy)], &[E::from_f64(x)], &mut y);
        y[0].to_f64()
    };
    for x in [-x, -1e4, -INF] {
        for act in left {
            assert_eq!(gradient(act, x), 0.0, "{} at {x:?}", act.name());
        }
        for act in [Logistic, LogSigmoid, Tanh] {
            assert_eq!(gradient(act, -x), 0.0, "{} at {:?}", act.name(), -x);
        }
    }
    // And one that has not, yet: e^(x/2) in both factors.
    let (gy, x) = (gy.sqrt(), -gy.ln());
    let mut y = [E::ZERO];
    activation::backward(Elu { alpha: 1.0 }, &[E::from_f64(gy)], &[E::from_f64(x)], &mut y);
    let want = E::from_f64(gy).to_f64() * (E::from_f64(x).to_f64() / 2.0).exp().powi(2);
    assert!((y[0].to_f64() / want - 1.0).abs() < 1e-6, "{:?} for {want:?}", y[0]);
}

#[test]
fn decayed_derivatives_win_over_large_gradients() {
    for_each_level(|_| {
        decayed::<f32>(1e38, 200.0);
        decayed::<f64>(1e300, 1500.0);
    });
}

#[test]
fn infinite_gradients_stay_infinite() {
    fn check<E: Element>() {
        for act in [Activation::HardSigmoid, Activation::Softsign, Activation::Tanh] {
            for gy in [INF, -INF] {
                let mut y = [E::NAN];
                activation::backward(act, &[E::from_f64(gy)], &[E::from_f64(0.5)], &mut y);
                assert_eq!(y[0].to_f64(), gy, "{}", act.name());
            }
        }
    }
    for_each_level(|_| {
        check::<f32>();
        check::<f64>();
    });
}
