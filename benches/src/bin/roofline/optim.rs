//! Optimizer updates, each one pass over its arrays.

use wengert::kernels::Element;
use wengert::kernels::optim::{self, Adam, Momentum, RmsProp};

use crate::data::{LARGE, SMALL, assert_agree, noise, zeros};
use crate::run::{Run, Work};

/// A step on weights, gradient, and two states, which some rules do not use.
type Step<E> = fn(&mut [E], &[E], &mut [E], &mut [E]);

/// A name, the numbers of arrays read and written, the kernel, and the plain loop.
type Update<E> = (&'static str, usize, usize, Step<E>, Step<E>);

/// Adds the updates, in cache and in memory.
pub(crate) fn cases(run: &mut Run) {
    for len in [SMALL, LARGE] {
        of_type::<f32>(run, len);
    }
    of_type::<f64>(run, LARGE);
}

const ADAM: Adam = Adam {
    lr: 1e-3,
    beta1: 0.9,
    beta2: 0.999,
    eps: 1e-8,
    weight_decay: 0.0,
    decoupled: false,
    step: 10,
};

fn momentum<E: Element>() -> Momentum<E> {
    let e = E::from_f64;
    Momentum { lr: e(1e-3), momentum: e(0.9), ..Momentum::default() }
}

fn rmsprop<E: Element>() -> RmsProp<E> {
    let e = E::from_f64;
    RmsProp { lr: e(1e-3), alpha: 0.99, eps: e(1e-8), weight_decay: e(0.0) }
}

fn of_type<E: Element>(run: &mut Run, len: usize) {
    let steps: [Update<E>; 5] = [
        (
            "sgd",
            2,
            1,
            |w, g, _, _| optim::sgd_step(w, g, E::from_f64(1e-3), E::ZERO),
            |w, g, _, _| {
                let lr = E::from_f64(1e-3);
                w.iter_mut().zip(g).for_each(|(w, &g)| *w -= lr * g);
            },
        ),
        (
            "momentum",
            3,
            2,
            |w, g, v, _| optim::sgd_momentum_step(w, g, v, momentum()),
            |w, g, v, _| {
                let Momentum { lr, momentum, .. } = momentum::<E>();
                for ((w, &g), v) in w.iter_mut().zip(g).zip(v) {
                    *v = momentum * *v + g;
                    *w -= lr * *v;
                }
            },
        ),
        (
            "rmsprop",
            3,
            2,
            |w, g, v, _| optim::rmsprop_step(w, g, v, rmsprop()),
            |w, g, v, _| {
                let RmsProp { lr, alpha, eps, .. } = rmsprop::<E>();
                let (kept, rest) = (E::from_f64(alpha), E::from_f64(1.0 - alpha));
                for ((w, &g), v) in w.iter_mut().zip(g).zip(v) {
                    *v = kept * *v + rest * g * g;
                    *w -= lr * g / (v.sqrt() + eps);
                }
            },
        ),
        (
            "adam",
            4,
            3,
            |w, g, m, v| optim::adam_step(w, g, m, v, ADAM),
            |w, g, m, v| {
                plain_adam(w, g, m, v, 0.0);
            },
        ),
        (
            "adamw",
            4,
            3,
            |w, g, m, v| {
                let rule = Adam { weight_decay: 0.01, decoupled: true, ..ADAM };
                optim::adam_step(w, g, m, v, rule);
            },
            |w, g, m, v| plain_adam(w, g, m, v, 0.01),
        ),
    ];
    let g = noise::<E>(len);
    for (name, read, written, kernel, plain) in steps {
        let case = format!("{name}, {len}");
        let mut ours = [noise::<E>(len), zeros(len), zeros(len)];
        let mut theirs = ours.clone();
        let [w, m, v] = &mut ours;
        kernel(w, &g, m, v);
        let [plain_w, plain_m, plain_v] = &mut theirs;
        plain(plain_w, &g, plain_m, plain_v);
        assert_agree(&case, w, plain_w);
        assert_agree(&case, m, plain_m);
        assert_agree(&case, v, plain_v);
        let (read, written) = (read * len, written * len);
        let work = Work { case, elements: len, read, written, places: read };
        run.case::<E>(work, || kernel(w, &g, m, v), || plain(plain_w, &g, plain_m, plain_v));
    }
}

fn plain_adam<E: Element>(w: &mut [E], g: &[E], m: &mut [E], v: &mut [E], decay: f64) {
    let e = E::from_f64;
    let (beta1, beta2, eps) = (e(ADAM.beta1), e(ADAM.beta2), e(ADAM.eps));
    let first = e(1.0 / (1.0 - ADAM.beta1.powi(ADAM.step as i32)));
    let second = e(1.0 / (1.0 - ADAM.beta2.powi(ADAM.step as i32)));
    let (lr, shrink) = (e(ADAM.lr), e(1.0 - ADAM.lr * decay));
    for (((w, &g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
        *m = beta1 * *m + (E::ONE - beta1) * g;
        *v = beta2 * *v + (E::ONE - beta2) * g * g;
        *w = shrink * *w - lr * (*m * first) / ((*v * second).sqrt() + eps);
    }
}
