//! Optimizer updates of arrays and numbers decoded from arbitrary bytes, on one to three threads
//! and every level that the CPU has: the result for an array has the same bits as updating each
//! element separately, for any numbers, and nothing beyond the arrays is written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wengert_fuzz::{Bytes, on_threads};
use wengert_kernels::Element;
use wengert_kernels::optim::{self, Adam, Momentum, RmsProp};
use wengert_kernels::simd::{Level, with_level};
use wengert_kernels::testing::{Guarded, assert_same_bits};

fn check<E: Element>(mut bytes: Bytes<'_>) {
    let len = if bytes.below(2) == 0 { bytes.below(70) } else { bytes.wide(5000) };
    let arrays: [Vec<E>; 5] = std::array::from_fn(|_| bytes.elements(len));
    let mut number = || E::from_f64(bytes.number());
    let [lr, momentum, dampening, weight_decay] = std::array::from_fn(|_| number());
    let adam = Adam {
        lr: lr.to_f64(),
        beta1: [0.9, 0.0, 0.5][bytes.below(3)],
        beta2: [0.999, 0.0, 0.5][bytes.below(3)],
        eps: [1e-8, 0.0, 1.0][bytes.below(3)],
        weight_decay: weight_decay.to_f64(),
        decoupled: bytes.below(2) == 1,
        step: 1 + bytes.next() as u64,
    };
    let nesterov = bytes.below(2) == 1;
    let rule = bytes.below(5);
    let step = |g: &[E], [w, a, b, c]: [&mut [E]; 4]| match rule {
        0 => optim::sgd_step(w, g, lr, weight_decay),
        1 => {
            let rule = Momentum { lr, momentum, dampening, weight_decay, nesterov };
            optim::sgd_momentum_step(w, g, a, rule);
        }
        2 => optim::adam_step(w, g, a, b, adam),
        3 => optim::amsgrad_step(w, g, a, b, c, adam),
        _ => {
            let rule = RmsProp { lr, alpha: momentum.to_f64(), eps: dampening, weight_decay };
            optim::rmsprop_step(w, g, a, rule);
        }
    };
    let [g, state @ ..] = &arrays;
    let mut together: [Guarded<E>; 4] =
        std::array::from_fn(|k| Guarded::new(&state[k], (len + k) % 5));
    step(&Guarded::new(g, len % 3), together.each_mut().map(|array| &mut array[..]));
    let mut alone = state.clone();
    for i in 0..len {
        step(&g[i..=i], alone.each_mut().map(|array| &mut array[i..=i]));
    }
    for (k, (together, alone)) in together.iter().zip(&alone).enumerate() {
        assert_same_bits(together, alone, &format!("rule {rule}, array {k}"));
    }
}

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes(data);
    let (threads, double) = (1 + bytes.below(3), bytes.below(2) == 1);
    for level in Level::available() {
        let check = || if double { check::<f64>(bytes) } else { check::<f32>(bytes) };
        with_level(level, || on_threads(threads, check)).expect("the level is available");
    }
});
