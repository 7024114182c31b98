//! Kernels on slices: activations, elementwise arithmetic, reductions, softmax, norms, optimizer
//! updates, random fills, matrix products, convolutions, pools.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use wengert::kernels::activation::{self, Activation};
use wengert::kernels::conv::{Channels, Conv, ConvGeometry, ConvTranspose, ConvWeightGrad};
use wengert::kernels::elementwise::{self, Run};
use wengert::kernels::gemm::{BatchedGemm, Gemm, MatMut, MatRef};
use wengert::kernels::norm::{self, Affine, LayerNormGrad, NormGrads};
use wengert::kernels::optim::{self, Adam, Momentum};
use wengert::kernels::pool::{self, PoolGeometry};
use wengert::kernels::random::{Stream, fill_uniform};
use wengert::kernels::testing::activation::value;
use wengert::kernels::testing::conv::each_product;
use wengert::kernels::window::Window;
use wengert::kernels::{reduce, softmax};

/// A length in the first-level cache, and one far beyond the last-level cache.
const LENGTHS: [usize; 2] = [4096, 1 << 22];

fn wave(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i as f32 * 0.37).sin() * 3.0).collect()
}

/// The largest error against a reference in f64, relative to one plus its magnitude.
fn distance(got: &[f32], want: impl Fn(usize) -> f64) -> f64 {
    let error = |(i, &got): (usize, &f32)| (f64::from(got) - want(i)).abs() / (1.0 + want(i).abs());
    got.iter().enumerate().map(error).fold(0.0, f64::max)
}

fn activations(c: &mut Criterion) {
    let mut group = c.benchmark_group("kernels/activation");
    let functions = [
        Activation::Logistic,
        Activation::Tanh,
        Activation::Relu,
        Activation::LeakyRelu { slope: 0.01 },
    ];
    for len in LENGTHS {
        group.throughput(Throughput::Elements(len as u64));
        let (x, mut y) = (wave(len), vec![0.0; len]);
        for function in functions {
            activation::forward(function, &x, &mut y);
            assert!(distance(&y, |i| value(function, f64::from(x[i]))) < 1e-6, "{function}");
            group.bench_function(BenchmarkId::new(function.to_string(), len), |b| {
                b.iter(|| activation::forward(function, black_box(&x), &mut y));
            });
            let saved = y.clone();
            group.bench_function(BenchmarkId::new(format!("{function}, gradient"), len), |b| {
                b.iter(|| activation::backward(function, black_box(&x), &saved, &mut y));
            });
        }
    }
    group.finish();
}

fn arithmetic(c: &mut Criterion) {
    let mut group = c.benchmark_group("kernels/elementwise");
    for len in LENGTHS {
        group.throughput(Throughput::Elements(len as u64));
        let (x, mut y) = (wave(len), vec![0.0; len]);
        elementwise::add(Run::Slice(&x), Run::Splat(1.0), &mut y);
        assert!(distance(&y, |i| f64::from(x[i]) + 1.0) < 1e-6);
        let z = y.clone();
        group.bench_function(BenchmarkId::new("add", len), |b| {
            b.iter(|| elementwise::add(Run::Slice(black_box(&x)), Run::Slice(&z), &mut y));
        });
        group.bench_function(BenchmarkId::new("add_assign", len), |b| {
            b.iter(|| elementwise::add_assign(&mut y, black_box(&x)));
        });
    }
    group.finish();
}

fn reductions(c: &mut Criterion) {
    let mut group = c.benchmark_group("kernels/reduce");
    for len in LENGTHS {
        group.throughput(Throughput::Elements(len as u64));
        let x = wave(len);
        let exact: f64 = x.iter().map(|&x| f64::from(x)).sum();
        let magnitude: f64 = x.iter().map(|&x| f64::from(x.abs())).sum();
        assert!((f64::from(reduce::sum(&x)) - exact).abs() < 1e-6 * magnitude);
        group.bench_function(BenchmarkId::new("sum", len), |b| {
            b.iter(|| reduce::sum(black_box(&x)));
        });
        group.bench_function(BenchmarkId::new("max", len), |b| {
            b.iter(|| reduce::max(black_box(&x)));
        });
        let mean = exact / len as f64;
        let squares: f64 = x.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum();
        let (dims, mut average, mut variance) = ([1, len, 1], [0.0], [0.0]);
        reduce::mean_variance_axis(&x, dims, 0, &mut average, &mut variance);
        assert!((f64::from(variance[0]) - squares / len as f64).abs() < 1e-4);
        group.bench_function(BenchmarkId::new("mean_variance", len), |b| {
            b.iter(|| {
                reduce::mean_variance_axis(black_box(&x), dims, 0, &mut average, &mut variance);
            });
        });
        group.bench_function(BenchmarkId::new("norm", len), |b| {
            b.iter(|| reduce::norm(black_box(&x)));
        });
        let mut place = [0];
        reduce::argmax_rows(&x, len, &mut place);
        assert_eq!(x[place[0]], reduce::max(&x));
        group.bench_function(BenchmarkId::new("argmax", len), |b| {
            b.iter(|| reduce::argmax_rows(black_box(&x), len, &mut place));
        });
    }
    group.finish();
}

fn rows(c: &mut Criterion) {
    let mut group = c.benchmark_group("kernels/softmax");
    for cols in [10, 64, 4096] {
        let rows = (1 << 16) / cols;
        let (x, mut y) = (wave(rows * cols), vec![0.0; rows * cols]);
        group.throughput(Throughput::Elements(x.len() as u64));
        softmax::softmax_rows(&x, cols, &mut y);
        assert!(y.chunks(cols).all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-4));
        group.bench_function(BenchmarkId::new("softmax", cols), |b| {
            b.iter(|| softmax::softmax_rows(black_box(&x), cols, &mut y));
        });
        group.bench_function(BenchmarkId::new("log_softmax", cols), |b| {
            b.iter(|| softmax::log_softmax_rows(black_box(&x), cols, &mut y));
        });
        let (gy, probabilities) = (wave(x.len()), y.clone());
        group.bench_function(BenchmarkId::new("softmax, gradient", cols), |b| {
            b.iter(|| softmax::softmax_grad_rows(black_box(&gy), &probabilities, cols, &mut y));
        });
    }
    let dims = [4, 64, 256];
    let (x, mut y) = (wave(1 << 16), vec![0.0; 4 * 256]);
    softmax::log_sum_exp_axis(&x, dims, &mut y);
    let total: f64 = (0..64).map(|k| f64::from(x[k * 256]).exp()).sum();
    assert!((f64::from(y[0]) - total.ln()).abs() < 1e-4);
    group.bench_function("log_sum_exp/4x64x256, axis 1", |b| {
        b.iter(|| softmax::log_sum_exp_axis(black_box(&x), dims, &mut y));
    });
    group.finish();
}

fn norms(c: &mut Criterion) {
    let mut group = c.benchmark_group("kernels/norm");
    for cols in [64, 512, 4096] {
        let rows = (1 << 16) / cols;
        let (x, mut y) = (wave(rows * cols), vec![0.0; rows * cols]);
        let (weight, bias) = (wave(cols), wave(cols));
        let (mut mean, mut rstd) = (vec![0.0; rows], vec![0.0; rows]);
        group.throughput(Throughput::Elements(x.len() as u64));
        norm::layer_norm(&x, cols, Affine::NONE, 0.0, &mut y, &mut mean, &mut rstd);
        let squares: f32 = y[..cols].iter().map(|y| y * y).sum();
        assert!((squares / cols as f32 - 1.0).abs() < 1e-3);
        let affine = Affine { weight: Some(&weight[..]), bias: Some(&bias[..]) };
        group.bench_function(BenchmarkId::new("layer_norm", cols), |b| {
            b.iter(|| {
                norm::layer_norm(black_box(&x), cols, affine, 1e-5, &mut y, &mut mean, &mut rstd);
            });
        });
        group.bench_function(BenchmarkId::new("rms_norm", cols), |b| {
            b.iter(|| {
                norm::rms_norm(black_box(&x), cols, Some(&weight), 1e-5, &mut y, &mut rstd);
            });
        });
        let gy = wave(x.len());
        let (mut gweight, mut gbias) = (vec![0.0; cols], vec![0.0; cols]);
        let weight = Some(&weight[..]);
        group.bench_function(BenchmarkId::new("layer_norm, gradient", cols), |b| {
            b.iter(|| {
                let (gy, x, mean, rstd) = (&gy[..], black_box(&x[..]), &mean[..], &rstd[..]);
                let from = LayerNormGrad { gy, x, cols, weight, mean, rstd, eps: 1e-5 };
                let (weight, bias) = (Some(&mut gweight[..]), Some(&mut gbias[..]));
                norm::layer_norm_grad(&from, NormGrads { x: &mut y, weight, bias });
            });
        });
    }
    for (name, dims) in [("64 features", [1024, 64, 1]), ("64 channels", [4, 64, 256])] {
        let (x, mut y) = (wave(1 << 16), vec![0.0; 1 << 16]);
        let (mut mean, mut variance) = (vec![0.0; 64], vec![0.0; 64]);
        group.bench_function(BenchmarkId::new("batch_norm", name), |b| {
            b.iter(|| {
                norm::batch_norm_statistics(black_box(&x), dims, &mut mean, &mut variance);
                let statistics = (&mean[..], &variance[..]);
                norm::batch_norm(&x, dims, statistics, Affine::NONE, 1e-5, &mut y);
            });
        });
        assert!(y.iter().map(|y| f64::from(*y)).sum::<f64>().abs() < 1.0);
    }
    group.finish();
}

fn updates(c: &mut Criterion) {
    let mut group = c.benchmark_group("kernels/optim");
    for len in LENGTHS {
        group.throughput(Throughput::Elements(len as u64));
        let (g, mut w) = (wave(len), vec![0.0; len]);
        let (mut m, mut v) = (vec![0.0; len], vec![0.0; len]);
        let rule = Momentum { lr: 0.125, momentum: 0.5, ..Momentum::default() };
        optim::sgd_momentum_step(&mut w, &g, &mut m, rule);
        assert!(distance(&w, |i| -0.125 * f64::from(g[i])) < 1e-6);
        group.bench_function(BenchmarkId::new("momentum", len), |b| {
            b.iter(|| optim::sgd_momentum_step(&mut w, black_box(&g), &mut m, rule));
        });
        let rule = Adam { step: 10, ..Adam::default() };
        group.bench_function(BenchmarkId::new("adam", len), |b| {
            b.iter(|| optim::adam_step(&mut w, black_box(&g), &mut m, &mut v, rule));
        });
    }
    group.finish();
}

fn fills(c: &mut Criterion) {
    let mut group = c.benchmark_group("kernels/random");
    for len in LENGTHS {
        group.throughput(Throughput::Elements(len as u64));
        let mut y = vec![0.0_f32; len];
        let stream = Stream::new(1, 0);
        fill_uniform(stream, 2.0, 4.0, &mut y);
        assert!((reduce::sum(&y) / len as f32 - 3.0).abs() < 0.1);
        group.bench_function(BenchmarkId::new("uniform", len), |b| {
            b.iter(|| fill_uniform(stream, 0.0, 1.0, black_box(&mut y)));
        });
    }
    group.finish();
}

fn products(c: &mut Criterion) {
    let mut group = c.benchmark_group("kernels/gemm");
    for [m, n, k] in
        [[32, 32, 32], [512, 512, 512], [128, 512, 784], [64, 10, 128], [1, 1024, 1024]]
    {
        let (a, b, mut c) = (wave(m * k), wave(k * n), vec![0.0; m * n]);
        let product = |c: &mut [f32]| {
            let (a, b) = (MatRef::row_major(&a, m, k), MatRef::row_major(&b, k, n));
            Gemm::new(a, b, MatMut::row_major(c, m, n)).run();
        };
        product(&mut c);
        let last: f64 =
            (0..k).map(|i| f64::from(a[m * k - k + i]) * f64::from(b[i * n + n - 1])).sum();
        assert!((f64::from(c[m * n - 1]) - last).abs() < 1e-2, "{m}x{n}x{k}");
        // Multiply-adds per second, each of which is two floating-point operations.
        group.throughput(Throughput::Elements((m * n * k) as u64));
        let name = BenchmarkId::from_parameter(format!("{m}x{n}x{k}"));
        group.bench_function(name, |bencher| bencher.iter(|| product(black_box(&mut c))));
    }
    group.finish();
}

/// Batches of products in one call.
fn batches(c: &mut Criterion) {
    let mut group = c.benchmark_group("kernels/batched gemm");
    let (count, [m, n, k]) = (64, [64, 64, 32]);
    let (a, b, mut c) = (wave(count * m * k), wave(count * k * n), vec![0.0; count * m * n]);
    group.throughput(Throughput::Elements((count * m * n * k) as u64));
    group.bench_function("64 of 64x64x32", |bencher| {
        bencher.iter(|| {
            let (a, b) = (MatRef::row_major(&a, m, k), MatRef::row_major(&b, k, n));
            let first = Gemm::new(a, b, MatMut::row_major(black_box(&mut c), m, n));
            let [a_step, b_step, c_step] = [m * k, k * n, m * n].map(|step| step as isize);
            BatchedGemm { count, first, a_step, b_step, c_step }.run().unwrap();
        });
    });
    group.finish();
}

/// Layers of well-known networks: batch, channels, size and window.
fn convolutions(c: &mut Criterion) {
    let mut group = c.benchmark_group("kernels/conv");
    let square = |kernel: usize, padding| Window::new([kernel, kernel]).padding([padding, padding]);
    for (name, batch, channels, size, window) in [
        ("8x64x56x56 -> 64, 3x3", 8, Channels::new(64, 64), 56, square(3, 1)),
        ("64x1x28x28 -> 6, 5x5", 64, Channels::new(1, 6), 28, square(5, 2)),
        ("64x6x14x14 -> 16, 5x5", 64, Channels::new(6, 16), 14, square(5, 0)),
        ("8x64x56x56, 3x3 depthwise", 8, Channels::depthwise(64, 1), 56, square(3, 1)),
    ] {
        let geometry = ConvGeometry::new(batch, channels, [size, size], window).unwrap();
        let length = |shape: [usize; 4]| shape.iter().product::<usize>();
        let (mut x, mut w) =
            (wave(length(geometry.input_shape())), wave(length(geometry.weight_shape())));
        let mut y = vec![0.0; length(geometry.output_shape())];
        Conv::new(geometry, &x, &w, &mut y).run();
        let mut first = 0.0;
        each_product(&geometry, |x_at, w_at, y_at| {
            if y_at == 0 {
                first += f64::from(x[x_at]) * f64::from(w[w_at]);
            }
        });
        assert!((f64::from(y[0]) - first).abs() < 1e-2, "{name}");
        let products = y.len() * w.len() / channels.output;
        group.throughput(Throughput::Elements(products as u64));
        group.bench_function(BenchmarkId::new("forward", name), |b| {
            b.iter(|| Conv::new(geometry, black_box(&x), &w, &mut y).run());
        });
        group.bench_function(BenchmarkId::new("d-input", name), |b| {
            b.iter(|| ConvTranspose::new(geometry, black_box(&y), &w, &mut x).run());
        });
        group.bench_function(BenchmarkId::new("d-weight", name), |b| {
            b.iter(|| ConvWeightGrad::new(geometry, black_box(&x), &y, &mut w).run());
        });
    }
    group.finish();
}

fn pools(c: &mut Criterion) {
    let mut group = c.benchmark_group("kernels/pool");
    let window = Window::new([2, 2]).stride([2, 2]);
    let geometry = PoolGeometry::new(64 * 6, [28, 28], window).unwrap();
    let (mut x, mut y) = (wave(64 * 6 * 28 * 28), vec![0.0; 64 * 6 * 14 * 14]);
    group.throughput(Throughput::Elements(x.len() as u64));
    pool::max_pool(&geometry, &x, &mut y);
    assert_eq!(y[0], x[0].max(x[1]).max(x[28]).max(x[29]));
    group.bench_function("max/2x2", |b| {
        b.iter(|| pool::max_pool(&geometry, black_box(&x), &mut y));
    });
    let gy = wave(y.len());
    let mut gx = x.clone();
    group.bench_function("max, gradient/2x2", |b| {
        b.iter(|| pool::max_pool_grad(&geometry, black_box(&x), &gy, &mut gx));
    });
    group.bench_function("average/2x2", |b| {
        b.iter(|| pool::avg_pool(&geometry, true, black_box(&x), &mut y));
    });
    group.bench_function("average, gradient/2x2", |b| {
        b.iter(|| pool::avg_pool_grad(&geometry, true, black_box(&gy), &mut x));
    });
    group.finish();
}

criterion_group!(
    benches,
    activations,
    arithmetic,
    reductions,
    rows,
    norms,
    updates,
    fills,
    products,
    batches,
    convolutions,
    pools
);
criterion_main!(benches);
