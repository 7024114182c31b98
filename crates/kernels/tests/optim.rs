//! Optimizer updates against their formulas in `f64`.

use wengert_kernels::Element;
use wengert_kernels::optim::{
    self, Adadelta, Adagrad, Adam, Adamax, Lion, Moments, Momentum, RmsProp,
};
use wengert_kernels::testing::{Guarded, assert_near, for_each_level, noise};

const STEPS: usize = 3;

/// Runs a few steps at every length and compares every array with its `f64` model.
fn follow<E: Element, const N: usize>(
    name: &str,
    step: impl Fn(&[E], [&mut [E]; N], usize),
    model: impl Fn(f64, [f64; N], usize) -> [f64; N],
) {
    for_each_level(|level| {
        for len in (0..=70).chain([100_000]) {
            let mut arrays: [Guarded<E>; N] = std::array::from_fn(|k| {
                let start = if k == 0 { noise(len, 1) } else { vec![E::ZERO; len] };
                Guarded::new(&start, (len + k) % 5)
            });
            let mut expected: Vec<[f64; N]> =
                (0..len).map(|i| std::array::from_fn(|k| arrays[k][i].to_f64())).collect();
            for t in 1..=STEPS {
                let g = Guarded::new(&noise::<E>(len, 10 + t as u64), 1);
                step(&g, arrays.each_mut().map(|array| &mut array[..]), t);
                for (e, g) in expected.iter_mut().zip(&g[..]) {
                    *e = model(g.to_f64(), *e, t);
                }
            }
            for k in 0..N {
                let expected: Vec<f64> = expected.iter().map(|e| e[k]).collect();
                let what = format!("{name}, array {k}, {len} {} on {level}", E::NAME);
                assert_near(&arrays[k], &expected, &what, |_| 20.0 * E::EPSILON.to_f64());
            }
        }
    });
}

fn all<E: Element>() {
    let e = E::from_f64;
    follow::<E, 1>(
        "sgd",
        |g, [w], _| optim::sgd_step(w, g, e(0.125), e(0.25)),
        |g, [w], _| [w - 0.125 * (g + 0.25 * w)],
    );
    for nesterov in [false, true] {
        follow::<E, 2>(
            "momentum",
            |g, [w, v], _| {
                let rule = Momentum {
                    lr: e(0.125),
                    momentum: e(0.5),
                    dampening: e(0.25),
                    weight_decay: e(0.0625),
                    nesterov,
                };
                optim::sgd_momentum_step(w, g, v, rule);
            },
            |g, [w, v], _| {
                let d = g + 0.0625 * w;
                let v = 0.5 * v + 0.75 * d;
                [w - 0.125 * if nesterov { d + 0.5 * v } else { v }, v]
            },
        );
    }
    for decoupled in [false, true] {
        let rule = |step: usize| Adam {
            lr: 0.125,
            beta1: 0.5,
            beta2: 0.75,
            eps: 0.0625,
            weight_decay: 0.25,
            decoupled,
            step: step as u64,
        };
        let moments = move |g: f64, w: f64, m: f64, v: f64| {
            let d = if decoupled { g } else { g + 0.25 * w };
            (0.5 * m + 0.5 * d, 0.75 * v + 0.25 * d * d)
        };
        let weights = move |w: f64, m: f64, v: f64, t: usize| {
            let w = if decoupled { w * (1.0 - 0.125 * 0.25) } else { w };
            let m = m / (1.0 - 0.5_f64.powi(t as i32));
            let v = v / (1.0 - 0.75_f64.powi(t as i32));
            w - 0.125 * m / (v.sqrt() + 0.0625)
        };
        follow::<E, 3>(
            "adam",
            |g, [w, m, v], t| optim::adam_step(w, g, m, v, rule(t)),
            |g, [w, m, v], t| {
                let (m, v) = moments(g, w, m, v);
                [weights(w, m, v, t), m, v]
            },
        );
        follow::<E, 4>(
            "amsgrad",
            |g, [w, m, v, top], t| optim::amsgrad_step(w, g, m, v, top, rule(t)),
            |g, [w, m, v, top], t| {
                let (m, v) = moments(g, w, m, v);
                let top = v.max(top);
                [weights(w, m, top, t), m, v, top]
            },
        );
    }
    follow::<E, 2>(
        "rmsprop",
        |g, [w, mean], _| {
            let rule = RmsProp { lr: e(0.125), alpha: 0.75, eps: e(0.0625), weight_decay: e(0.25) };
            optim::rmsprop_step(w, g, mean, rule);
        },
        |g, [w, mean], _| {
            let d = g + 0.25 * w;
            let mean = 0.75 * mean + 0.25 * d * d;
            [w - 0.125 * d / (mean.sqrt() + 0.0625), mean]
        },
    );
}

/// Rules on both moments, with and without the root in the denominator.
fn moments<E: Element>() {
    for root in [0.0, 1.5] {
        let rule = Moments {
            beta1: 0.5,
            beta2: 0.75,
            decay: 0.25,
            shrink: 0.875,
            gradient: 0.125,
            mean: 0.375,
            root,
            floor: 0.5,
        };
        let after = |d: f64, m: f64, v: f64| (0.5 * m + 0.5 * d, 0.75 * v + 0.25 * d * d);
        let along = move |d: f64, m: f64, v: f64| {
            (0.125 * d + 0.375 * m) / (if root > 0.0 { root * v.sqrt() } else { 0.0 } + 0.5)
        };
        follow::<E, 3>(
            "moments",
            |g, [w, m, v], _| optim::moments_step(w, g, m, v, rule),
            |g, [w, m, v], _| {
                let d = g + 0.25 * w;
                let (m, v) = after(d, m, v);
                [0.875 * w - along(d, m, v), m, v]
            },
        );
        follow::<E, 4>(
            "lamb",
            |g, [w, m, v, direction], _| optim::lamb_direction(w, g, m, v, direction, rule),
            |g, [w, m, v, _], _| {
                let (m, v) = after(g, m, v);
                [w, m, v, along(g, m, v) + 0.25 * w]
            },
        );
    }
}

/// Rules that follow the gradients' sizes, Lion and the average.
fn adaptive<E: Element>() {
    let e = E::from_f64;
    follow::<E, 3>(
        "adamax",
        |g, [w, m, largest], _| {
            let (lr, beta2, eps) = (e(0.125), e(0.75), e(0.0625));
            let rule = Adamax { lr, beta1: 0.5, beta2, eps, weight_decay: e(0.25) };
            optim::adamax_step(w, g, m, largest, rule);
        },
        |g, [w, m, largest], _| {
            let d = g + 0.25 * w;
            let m = 0.5 * m + 0.5 * d;
            let largest = (0.75 * largest).max(d.abs() + 0.0625);
            [w - 0.125 * m / largest, m, largest]
        },
    );
    follow::<E, 2>(
        "adagrad",
        |g, [w, sum], _| {
            let rule = Adagrad { lr: e(0.125), eps: e(0.0625), weight_decay: e(0.25) };
            optim::adagrad_step(w, g, sum, rule);
        },
        |g, [w, sum], _| {
            let d = g + 0.25 * w;
            let sum = sum + d * d;
            [w - 0.125 * d / (sum.sqrt() + 0.0625), sum]
        },
    );
    follow::<E, 3>(
        "adadelta",
        |g, [w, squares, steps], _| {
            let (lr, eps) = (e(0.5), e(0.0625));
            let rule = Adadelta { lr, rho: 0.75, eps, weight_decay: e(0.25) };
            optim::adadelta_step(w, g, squares, steps, rule);
        },
        |g, [w, squares, steps], _| {
            let d = g + 0.25 * w;
            let squares = 0.75 * squares + 0.25 * d * d;
            let step = ((steps + 0.0625) / (squares + 0.0625)).sqrt() * d;
            [w - 0.5 * step, squares, 0.75 * steps + 0.25 * step * step]
        },
    );
    follow::<E, 2>(
        "lion",
        |g, [w, m], _| {
            let (lr, weight_decay) = (e(0.125), e(0.25));
            optim::lion_step(w, g, m, Lion { lr, beta1: 0.5, beta2: 0.75, weight_decay });
        },
        |g, [w, m], _| {
            let mixed = 0.5 * m + 0.5 * g;
            let sign = if mixed == 0.0 { 0.0 } else { mixed.signum() };
            [w - 0.125 * (sign + 0.25 * w), 0.75 * m + 0.25 * g]
        },
    );
    follow::<E, 1>(
        "average",
        |g, [average], _| optim::average_step(average, g, e(0.125)),
        |g, [average], _| [average + 0.125 * (g - average)],
    );
}

#[test]
fn steps_follow_their_formulas_in_f32() {
    all::<f32>();
    moments::<f32>();
    adaptive::<f32>();
}

#[test]
fn steps_follow_their_formulas_in_f64() {
    all::<f64>();
    moments::<f64>();
    adaptive::<f64>();
}

#[test]
fn lion_moves_by_the_sign_of_zero_and_nan() {
    for_each_level(|level| {
        let mut w = [1.0_f32; 3];
        let rule = Lion { lr: 0.5, beta1: 0.5, beta2: 0.5, weight_decay: 0.0 };
        optim::lion_step(&mut w, &[0.0, -1e-40, f32::NAN], &mut [0.0; 3], rule);
        assert!(w[0] == 1.0 && w[1] == 1.5 && w[2].is_nan(), "{w:?} on {level}");
    });
}

#[test]
fn without_a_root_the_denominator_is_the_floor() {
    let rule = Moments {
        beta1: 0.5,
        beta2: 0.5,
        decay: 0.0,
        shrink: 1.0,
        gradient: 0.0,
        mean: 1.0,
        root: 0.0,
        floor: 1.0,
    };
    let (mut w, mut m, mut v) = ([0.0_f32], [0.0], [0.0]);
    optim::moments_step(&mut w, &[1e20], &mut m, &mut v, rule);
    assert_eq!((w, v), ([-5e19], [f32::INFINITY]));
}

#[test]
#[should_panic(expected = "steps count from 1")]
fn adams_steps_count_from_one() {
    let rule = Adam { step: 0, ..Adam::default() };
    optim::adam_step(&mut [1.0], &[1.0], &mut [0.0], &mut [0.0], rule);
}

#[test]
#[should_panic(expected = "the operand `velocity` has 1 elements and the output 2")]
fn lengths_must_agree() {
    optim::sgd_momentum_step(&mut [1.0; 2], &[1.0; 2], &mut [0.0], Momentum::default());
}

#[test]
fn large_gradients_have_moments_where_these_are_finite() {
    use wengert_kernels::optim::{Adam, adam_step};
    let (mut w, mut m, mut v) = ([0.0_f32], [0.0], [0.0]);
    adam_step(&mut w, &[2e19], &mut m, &mut v, Adam::default());
    assert!((v[0] / 4e35 - 1.0).abs() < 1e-5 && (w[0] + 1e-3).abs() < 1e-8, "{v:?} {w:?}");
}
