//! Whole training steps: forward, loss, backward, update.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use wengert::prelude::*;

/// A fully connected network of the given widths and its batch.
struct Step {
    model: Sequential<f32>,
    inputs: Tensor<f32>,
    labels: Vec<usize>,
    sgd: Sgd<f32>,
    tape: Tape<f32>,
}

impl Step {
    fn new(widths: &[usize], batch: usize, activation: Activation) -> Self {
        let mut rng = Pcg64::seed_from_u64(1);
        let mut builder = Sequential::builder();
        for (i, pair) in widths.windows(2).enumerate() {
            let last = i + 2 == widths.len();
            let activation = if last { Activation::Identity } else { activation };
            builder = builder.linear(pair[0], pair[1], activation);
        }
        let model = builder.build(&mut rng).expect("widths that fit");
        let inputs = Tensor::uniform([batch, widths[0]], -1.0, 1.0, &mut rng);
        let classes = widths[widths.len() - 1];
        let labels = (0..batch).map(|i| i % classes).collect();
        Step { model, inputs, labels, sgd: Sgd::new(0.01), tape: Tape::new() }
    }

    fn run(&mut self) -> f32 {
        self.tape.clear();
        let x = self.tape.constant(&self.inputs);
        let loss = self.model.forward(x).cross_entropy(&self.labels[..]);
        self.sgd.step(&mut self.model, &loss.backward());
        loss.item()
    }
}

fn steps(c: &mut Criterion) {
    let mut group = c.benchmark_group("nn/step");
    let deep: Vec<usize> = std::iter::once(64).chain([100; 20]).chain([10]).collect();
    for (name, widths, batch, activation) in [
        ("mlp 784-128-10, batch 64, relu", vec![784, 128, 10], 64, Activation::Relu),
        ("mlp 784-512-512-10, batch 128, relu", vec![784, 512, 512, 10], 128, Activation::Relu),
        ("mlp 2-8-2, batch 4, tanh", vec![2, 8, 2], 4, Activation::Tanh),
        ("mlp 64-20x100-10, batch 32, tanh", deep, 32, Activation::Tanh),
    ] {
        let mut step = Step::new(&widths, batch, activation);
        let first = step.run();
        let later = (0..20).map(|_| step.run()).last().unwrap_or(f32::NAN);
        assert!(later < first, "{name}: the loss falls, {first} to {later}");
        group.bench_function(name, |b| b.iter(|| black_box(step.run())));
    }
    group.finish();
}

/// A step so small that it measures the cost of recording and of the backward pass.
fn overhead(c: &mut Criterion) {
    let mut rng = Pcg64::seed_from_u64(1);
    let builder = Sequential::builder().linear(2, 8, Activation::Tanh);
    let mut model =
        builder.linear(8, 1, Activation::Identity).build(&mut rng).expect("widths that fit");
    let inputs = Tensor::<f32>::uniform([4, 2], -1.0, 1.0, &mut rng);
    let targets = Tensor::<f32>::uniform([4, 1], -1.0, 1.0, &mut rng);
    let (mut sgd, mut tape) = (Sgd::new(0.01), Tape::new());
    let mut step = || {
        tape.clear();
        let loss = model.forward(tape.constant(&inputs)).mse_loss(tape.constant(&targets));
        sgd.step(&mut model, &loss.backward());
        loss.item()
    };
    let first = step();
    let later = (0..200).map(|_| step()).last().unwrap_or(f32::NAN);
    assert!(later < first, "the loss falls, {first} to {later}");
    c.bench_function("nn/step/mlp 2-8-1, batch 4, tanh, mean squared error", |b| {
        b.iter(|| black_box(step()));
    });
}

fn initializers(c: &mut Criterion) {
    let mut group = c.benchmark_group("nn/init");
    for (name, init) in [("he normal", Init::he_normal()), ("he uniform", Init::he_uniform())] {
        let mut rng = Pcg64::seed_from_u64(1);
        let mut draw = || init.sample::<f32>([512, 784], &mut rng).expect("a shape with a fan");
        let squares = draw().square().mean().item();
        assert!((squares * 784.0 / 2.0 - 1.0).abs() < 0.02, "{name}: {squares}");
        group.bench_function(name, |b| b.iter(|| black_box(draw())));
    }
    group.finish();
}

criterion_group!(benches, steps, overhead, initializers);
criterion_main!(benches);
