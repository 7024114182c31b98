//! What a program that embeds the facade does: learn a small problem, check a gradient.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use wengert::prelude::*;

/// Trains XOR for `steps` steps and returns the last loss.
fn xor(steps: usize) -> f32 {
    let inputs = Tensor::from_fn([4, 2], |i| ((i[0] >> i[1]) & 1) as f32);
    let targets = Tensor::from_fn([4, 1], |i| ((i[0] ^ (i[0] >> 1)) & 1) as f32);
    let mut model = Sequential::builder()
        .linear(2, 8, Activation::Tanh)
        .linear(8, 1, Activation::Identity)
        .build(&mut Pcg64::seed_from_u64(7))
        .expect("layers that fit");
    let mut sgd = Sgd::new(0.1).momentum(0.9);
    let mut tape = Tape::new();
    let mut last = f32::NAN;
    for _ in 0..steps {
        let loss = model.forward(tape.constant(&inputs)).mse_loss(tape.constant(&targets));
        last = loss.item();
        sgd.step(&mut model, &loss.backward());
        tape.clear();
    }
    last
}

fn learn(c: &mut Criterion) {
    assert!(xor(1000) < 0.01);
    c.bench_function("wengert/xor, 1000 steps", |b| b.iter(|| black_box(xor(1000))));
}

fn check(c: &mut Criterion) {
    let x = Tensor::from_fn([4, 5], |i| 0.2 * i[0] as f64 - 0.3 * i[1] as f64);
    let run = || gradgradcheck(|[x]| x.tanh().softmax(-1).log().mean(), [&x]).map(|r| r.checked);
    assert!(run().is_ok_and(|checked| checked > 20));
    c.bench_function("wengert/gradgradcheck, 20 inputs", |b| b.iter(|| black_box(run())));
}

criterion_group!(benches, learn, check);
criterion_main!(benches);
