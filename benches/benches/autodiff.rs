//! The cost of recording operations on a tape and of the backward pass.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use wengert::prelude::*;

/// `y = 1.0001 y + 1e-6`, repeated, on one element.
fn chain(tape: &Tape<f32>, operations: usize) -> (Var<'_, f32>, Var<'_, f32>) {
    let x = tape.variable(&Tensor::scalar(1.0));
    let mut y = x;
    for _ in 0..operations / 2 {
        y = y * 1.0001 + 1e-6;
    }
    (x, y)
}

fn overhead(c: &mut Criterion) {
    const OPERATIONS: usize = 1000;
    let mut tape = Tape::new();
    {
        let (x, y) = chain(&tape, OPERATIONS);
        let got = y.backward().get(x).map_or(f32::NAN, Tensor::item);
        let expected = 1.0001_f64.powi(OPERATIONS as i32 / 2);
        assert!((f64::from(got) - expected).abs() < 1e-4, "{got} {expected}");
    }
    let mut group = c.benchmark_group("autodiff/chain");
    group.throughput(Throughput::Elements(OPERATIONS as u64));
    group.bench_function("record", |b| {
        b.iter(|| {
            tape.clear();
            black_box(chain(&tape, OPERATIONS).1.item())
        });
    });
    group.bench_function("record and backward", |b| {
        b.iter(|| {
            tape.clear();
            let (x, y) = chain(&tape, OPERATIONS);
            black_box(y.backward().get(x).map(Tensor::item))
        });
    });
    #[cfg(feature = "peers")]
    group.bench_function("record and backward/candle", |b| {
        let step = || -> candle_core::Result<f32> {
            let x = candle_core::Var::new(1_f32, &candle_core::Device::Cpu)?;
            let mut y = x.as_tensor().clone();
            for _ in 0..OPERATIONS / 2 {
                y = (y * 1.0001)?;
                y = (y + 1e-6)?;
            }
            let gradients = y.backward()?;
            gradients.get(&x).map_or(Ok(f32::NAN), candle_core::Tensor::to_scalar)
        };
        let got = step().expect("candle computes the chain");
        let expected = 1.0001_f64.powi(OPERATIONS as i32 / 2);
        assert!((f64::from(got) - expected).abs() < 1e-4, "{got} {expected}");
        b.iter(|| black_box(step()));
    });
    group.finish();
}

/// `mean(tanh(x w) * x)` for matrices, forward and backward.
fn expression(c: &mut Criterion) {
    let mut group = c.benchmark_group("autodiff/expression");
    for n in [32, 256] {
        let mut rng = Pcg64::seed_from_u64(1);
        let data = Tensor::<f32>::uniform([n, n], -1.0, 1.0, &mut rng);
        let weight = Tensor::<f32>::uniform([n, n], -0.1, 0.1, &mut rng);
        let mut tape = Tape::new();
        let mut step = || {
            tape.clear();
            let (x, w) = (tape.variable(&data), tape.variable(&weight));
            let gradients = (x.matmul(w).tanh() * x).mean().backward();
            gradients.get(w).map(|g| g.get(&[0, 0]))
        };
        let first = step();
        assert!(first.is_some() && first == step());
        group.bench_function(BenchmarkId::from_parameter(n), |b| b.iter(|| black_box(step())));
    }
    group.finish();
}

/// Elementwise operations on operands that broadcast or are transposed.
fn layouts(c: &mut Criterion) {
    let mut rng = Pcg64::seed_from_u64(1);
    let x = Tensor::<f32>::uniform([512, 512], -1.0, 1.0, &mut rng);
    let row = Tensor::<f32>::uniform([512], -1.0, 1.0, &mut rng);
    let column = row.reshape([512, 1]);
    let transposed = x.transpose(0, 1);
    let element = |sum: &Tensor<f32>, with: &Tensor<f32>| {
        let expected = x.get(&[3, 5]).unwrap_or_default() + with.get(&[3, 5]).unwrap_or_default();
        assert_eq!(sum.get(&[3, 5]), Some(expected));
    };
    let mut group = c.benchmark_group("autodiff/add");
    group.throughput(Throughput::Elements(x.len() as u64));
    for (name, other) in
        [("contiguous", &x), ("row", &row), ("column", &column), ("transposed", &transposed)]
    {
        element(&x.add(other), &other.broadcast_to([512, 512]));
        group.bench_function(name, |b| b.iter(|| black_box(x.add(other))));
    }
    group.finish();
}

criterion_group!(benches, overhead, expression, layouts);
criterion_main!(benches);
