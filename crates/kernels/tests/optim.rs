//! Optimizer updates against their formulas in `f64`.

use wengert_kernels::Element;
use wengert_kernels::optim::{self, Adam, Momentum, RmsProp};
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
            let rule =
                RmsProp { lr: e(0.125), alpha: e(0.75), eps: e(0.0625), weight_decay: e(0.25) };
            optim::rmsprop_step(w, g, mean, rule);
        },
        |g, [w, mean], _| {
            let d = g + 0.25 * w;
            let mean = 0.75 * mean + 0.25 * d * d;
            [w - 0.125 * d / (mean.sqrt() + 0.0625), mean]
        },
    );
}

#[test]
fn steps_follow_their_formulas_in_f32() {
    all::<f32>();
}

#[test]
fn steps_follow_their_formulas_in_f64() {
    all::<f64>();
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
