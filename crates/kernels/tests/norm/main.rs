//! Layer norm, RMS norm and batch norm against naive `f64`, and their gradients against central
//! differences.

mod scale;

use wengert_kernels::Element;
use wengert_kernels::norm::{self, Affine, BatchNormGrad, LayerNormGrad, NormGrads, RmsNormGrad};
use wengert_kernels::simd::with_level;
use wengert_kernels::testing::{
    Guarded, assert_near, assert_same_bits, for_each_level, noise, oracle,
};

const EPS: f64 = 1e-3;

fn shifted<E: Element>(len: usize, seed: u64, by: f64) -> Guarded<E> {
    let x: Vec<E> = noise::<f64>(len, seed).iter().map(|x| E::from_f64(x + by)).collect();
    Guarded::new(&x, seed as usize % 5)
}

/// The mean and the variance about it, or zero and the mean square.
fn statistics(x: &[f64], center: bool) -> (f64, f64) {
    let count = x.len() as f64;
    let mean = if center { oracle::sum(x.iter().copied()).0 / count } else { 0.0 };
    (mean, oracle::sum(x.iter().map(|x| (x - mean) * (x - mean))).0 / count)
}

/// A row's output.
fn normalized(x: &[f64], center: bool) -> Vec<f64> {
    let (mean, variance) = statistics(x, center);
    x.iter().map(|x| (x - mean) / (variance + EPS).sqrt()).collect()
}

/// The bound of the module's documentation.
fn bound<E: Element>(n: usize, magnitude: f64) -> f64 {
    (600.0 + n as f64 / 512.0) * E::EPSILON.to_f64() * magnitude
}

const SHAPES: [[usize; 2]; 8] =
    [[3, 1], [2, 5], [5, 16], [9, 64], [6, 100], [18, 1000], [37, 33], [3, 9000]];

fn rows<E: Element>(center: bool) {
    for_each_level(|level| {
        for [rows, cols] in SHAPES {
            for by in [0.0, 100.0] {
                let what = format!("{rows} rows of {cols} about {by}, {} on {level}", E::NAME);
                let x = shifted::<E>(rows * cols, 1, by);
                let weight = shifted::<E>(cols, 2, 1.5);
                let bias = shifted::<E>(cols, 3, 0.0);
                let mut y = Guarded::<E>::poisoned(rows * cols, 2);
                let mut mean = Guarded::poisoned(if center { rows } else { 0 }, 1);
                let mut rstd = Guarded::poisoned(rows, 2);
                let affine = Affine { weight: Some(&weight[..]), bias: Some(&bias[..]) };
                if center {
                    norm::layer_norm(&x, cols, affine, EPS, &mut y, &mut mean, &mut rstd);
                } else {
                    norm::rms_norm(&x, cols, Some(&weight), EPS, &mut y, &mut rstd);
                }
                let wide = oracle::widen(&x);
                let (mut expected, mut scale) = (Vec::new(), Vec::new());
                let mut of_rows = Vec::new();
                for row in wide.chunks(cols) {
                    let (m, v) = statistics(row, center);
                    let r = 1.0 / (v + EPS).sqrt();
                    of_rows.push((m, r));
                    for (j, y) in normalized(row, center).into_iter().enumerate() {
                        let (w, b) = (weight[j].to_f64(), bias[j].to_f64());
                        let b = if center { b } else { 0.0 };
                        expected.push(y * w + b);
                        scale.push(w * (1.0 + y.abs() + m.abs() * r) + b.abs());
                    }
                }
                assert_near(&y, &expected, &what, |i| bound::<E>(cols, scale[i]));
                let means: Vec<f64> = of_rows.iter().map(|row| row.0).collect();
                let rstds: Vec<f64> = of_rows.iter().map(|row| row.1).collect();
                if center {
                    assert_near(&mean, &means, &what, |i| bound::<E>(cols, 1.0 + means[i].abs()));
                }
                assert_near(&rstd, &rstds, &what, |i| bound::<E>(cols, rstds[i]));
            }
        }
    });
}

#[test]
fn rows_are_normalized_within_the_bound() {
    for center in [true, false] {
        rows::<f32>(center);
        rows::<f64>(center);
    }
}

/// The upstream gradient's product with the output, row by row, as a function of the input: what
/// the gradients are the derivatives of.
fn objective(x: &[f64], gy: &[f64], weight: &[f64], center: bool) -> f64 {
    normalized(x, center).iter().zip(gy).zip(weight).map(|((y, gy), w)| y * gy * w).sum()
}

/// Fourth-order central differences.
fn derivative(x: &mut [f64], j: usize, f: impl Fn(&[f64]) -> f64) -> f64 {
    let (at, h) = (x[j], 1e-3);
    let mut moved = |by: f64| {
        x[j] = at + by;
        f(x)
    };
    let value = (8.0 * (moved(h) - moved(-h)) - (moved(2.0 * h) - moved(-2.0 * h))) / (12.0 * h);
    x[j] = at;
    value
}

fn row_gradients<E: Element>(center: bool) {
    for_each_level(|level| {
        for [rows, cols] in [[3, 1], [2, 5], [5, 16], [9, 37], [70, 3], [40, 1000]] {
            let what = format!("{rows} rows of {cols}, {} on {level}", E::NAME);
            let (x, gy) = (shifted::<E>(rows * cols, 1, 0.25), shifted::<E>(rows * cols, 2, 0.0));
            let weight = shifted::<E>(cols, 3, 1.5);
            let [x64, gy64, weight64] = [&x, &gy, &weight].map(|v| oracle::widen(v));
            let of_rows: Vec<(f64, f64)> = x64
                .chunks(cols)
                .map(|row| {
                    let (mean, variance) = statistics(row, center);
                    (mean, 1.0 / (variance + EPS).sqrt())
                })
                .collect();
            let mean: Vec<E> = of_rows.iter().map(|row| E::from_f64(row.0)).collect();
            let rstd: Vec<E> = of_rows.iter().map(|row| E::from_f64(row.1)).collect();
            let mut gx = Guarded::<E>::poisoned(rows * cols, 1);
            let mut gweight = Guarded::<E>::poisoned(cols, 2);
            let mut gbias = Guarded::<E>::poisoned(cols, 3);
            let to = NormGrads { x: &mut gx, weight: Some(&mut gweight), bias: Some(&mut gbias) };
            let (weight, rstd) = (Some(&weight[..]), &rstd[..]);
            if center {
                let (gy, x, mean) = (&gy[..], &x[..], &mean[..]);
                norm::layer_norm_grad(
                    &LayerNormGrad { gy, x, cols, weight, mean, rstd, eps: EPS },
                    to,
                );
            } else {
                let (gy, x) = (&gy[..], &x[..]);
                norm::rms_norm_grad(&RmsNormGrad { gy, x, cols, weight, rstd, eps: EPS }, to);
            }
            let (mut expected, mut scale) = (Vec::new(), Vec::new());
            let mut sums = vec![[0.0; 2]; cols];
            let mut sizes = vec![[0.0; 2]; cols];
            for (i, row) in x64.chunks(cols).enumerate() {
                let gy = &gy64[i * cols..(i + 1) * cols];
                let mut row = row.to_vec();
                for (j, y) in normalized(&row, center).into_iter().enumerate() {
                    sums[j][0] += gy[j] * y;
                    sums[j][1] += gy[j];
                    sizes[j][0] += (gy[j] * y).abs() + gy[j].abs() * of_rows[i].1;
                    sizes[j][1] += gy[j].abs();
                }
                // Differences of a thousand columns a row take long: some of them.
                for j in 0..cols {
                    let some = cols < 100 || j % 97 == 0;
                    expected.push(if some {
                        derivative(&mut row, j, |x| objective(x, gy, &weight64, center))
                    } else {
                        gx[i * cols + j].to_f64()
                    });
                    scale.push(of_rows[i].1.max(1.0));
                }
            }
            // The differences themselves are good for seven digits or more.
            assert_near(&gx, &expected, &what, |i| {
                bound::<E>(cols, 8.0 * scale[i]) + 1e-7 * scale[i]
            });
            let column = |k: usize| sums.iter().map(|sums| sums[k]).collect::<Vec<f64>>();
            assert_near(&gweight, &column(0), &what, |j| bound::<E>(rows, sizes[j][0]));
            assert_near(&gbias, &column(1), &what, |j| bound::<E>(rows, sizes[j][1]));
        }
    });
}

#[test]
fn gradients_of_rows_are_derivatives() {
    for center in [true, false] {
        row_gradients::<f32>(center);
        row_gradients::<f64>(center);
    }
}

/// The elements of a channel.
fn channel<E: Element>(x: &[E], [outer, channels, inner]: [usize; 3], c: usize) -> Vec<f64> {
    let run = |n: usize| (0..inner).map(move |i| (n * channels + c) * inner + i);
    (0..outer).flat_map(run).map(|i| x[i].to_f64()).collect()
}

const DIMS: [[usize; 3]; 8] = [
    [1, 1, 1],
    [7, 3, 1],
    [40, 70, 1],
    [3, 2, 5],
    [2, 5, 16],
    [4, 3, 49],
    [1, 4, 9000],
    [300, 33, 1],
];

fn channels<E: Element>() {
    for_each_level(|level| {
        for dims @ [outer, channels, inner] in DIMS {
            let len = outer * channels * inner;
            let what = format!("{outer} x {channels} x {inner}, {} on {level}", E::NAME);
            let (x, gy) = (shifted::<E>(len, 1, 10.0), shifted::<E>(len, 2, 0.0));
            let (weight, bias) = (shifted::<E>(channels, 3, 1.5), shifted::<E>(channels, 4, 0.0));
            let mut y = Guarded::<E>::poisoned(len, 1);
            let mut mean = Guarded::<E>::poisoned(channels, 2);
            let mut variance = Guarded::<E>::poisoned(channels, 3);
            norm::batch_norm_statistics(&x, dims, &mut mean, &mut variance);
            let affine = Affine { weight: Some(&weight[..]), bias: Some(&bias[..]) };
            norm::batch_norm(&x, dims, (&mean, &variance), affine, EPS, &mut y);
            let n = outer * inner;
            for training in [true, false] {
                let mut gx = Guarded::<E>::poisoned(len, 2);
                let mut gweight = Guarded::<E>::poisoned(channels, 1);
                let mut gbias = Guarded::<E>::poisoned(channels, 3);
                let from = BatchNormGrad {
                    gy: &gy,
                    x: &x,
                    dims,
                    weight: Some(&weight),
                    mean: &mean,
                    variance: &variance,
                    eps: EPS,
                    training,
                };
                let to =
                    NormGrads { x: &mut gx, weight: Some(&mut gweight), bias: Some(&mut gbias) };
                norm::batch_norm_grad(&from, to);
                for c in 0..channels {
                    let what = format!("{what}, channel {c}, training {training}");
                    let [mut x, gy] = [&x, &gy].map(|v| channel(v, dims, c));
                    let (m, v) = statistics(&x, true);
                    let (w, b) = (weight[c].to_f64(), bias[c].to_f64());
                    let r = 1.0 / (v + EPS).sqrt();
                    assert_near(&[mean[c]], &[m], &what, |_| bound::<E>(n, m.abs()));
                    assert_near(&[variance[c]], &[v], &what, |_| bound::<E>(n, v));
                    let normal = normalized(&x, true);
                    let expected: Vec<f64> = normal.iter().map(|y| y * w + b).collect();
                    let got: Vec<E> = channel(&y, dims, c).into_iter().map(E::from_f64).collect();
                    let size = w * (2.0 + m.abs() * r) + b.abs();
                    assert_near(&got, &expected, &what, |_| bound::<E>(n, size));

                    let weights = vec![w; n];
                    let got: Vec<E> = channel(&gx, dims, c).into_iter().map(E::from_f64).collect();
                    let expected: Vec<f64> = (0..n)
                        .map(|j| match training {
                            true if n < 100 || j % 997 == 0 => {
                                derivative(&mut x, j, |x| objective(x, &gy, &weights, true))
                            }
                            true => got[j].to_f64(),
                            false => gy[j] * w * r,
                        })
                        .collect();
                    // The mean is an element: its rounding is an error of the distances from it.
                    let rounding = (1.0 + m.abs() * r) * r * w;
                    assert_near(&got, &expected, &what, |_| bound::<E>(n, 4.0 * rounding) + 1e-7);
                    let dot: f64 = normal.iter().zip(&gy).map(|(y, gy)| y * gy).sum();
                    let sum: f64 = gy.iter().sum();
                    let size: f64 = gy.iter().map(|gy| gy.abs()).sum();
                    assert_near(&[gweight[c]], &[dot], &what, |_| {
                        bound::<E>(n, size * (2.0 + m.abs() * r))
                    });
                    assert_near(&[gbias[c]], &[sum], &what, |_| bound::<E>(n, size));
                }
            }
        }
    });
}

#[test]
fn channels_are_normalized_and_their_gradients_are_derivatives() {
    channels::<f32>();
    channels::<f64>();
}

#[test]
fn threads_change_no_bit() {
    let run = || {
        let (rows, cols) = (2000, 100);
        let len = rows * cols;
        let (x, gy) = (noise::<f32>(len, 1), noise::<f32>(len, 2));
        let (mut y, mut mean, mut rstd) = (vec![0.0; len], vec![0.0; rows], vec![0.0; rows]);
        norm::layer_norm(&x, cols, Affine::NONE, EPS, &mut y, &mut mean, &mut rstd);
        let (mut gx, mut gweight, mut gbias) = (vec![0.0; len], vec![0.0; cols], vec![0.0; cols]);
        let (gy, x) = (&gy[..], &x[..]);
        let to = NormGrads { x: &mut gx, weight: Some(&mut gweight), bias: Some(&mut gbias) };
        let from = LayerNormGrad { gy, x, cols, weight: None, mean: &mean, rstd: &rstd, eps: EPS };
        norm::layer_norm_grad(&from, to);
        let mut all = [y, mean, rstd, gx.clone(), gweight, gbias].concat();
        for dims in [[2000, 100, 1], [20, 100, 100]] {
            let (mut mean, mut variance) = (vec![0.0; 100], vec![0.0; 100]);
            norm::batch_norm_statistics(x, dims, &mut mean, &mut variance);
            norm::batch_norm(x, dims, (&mean, &variance), Affine::NONE, EPS, &mut gx);
            all.extend(gx.iter().copied());
            let (mean, variance) = (&mean[..], &variance[..]);
            let (eps, weight, training) = (EPS, None, true);
            let from = BatchNormGrad { gy, x, dims, weight, mean, variance, eps, training };
            norm::batch_norm_grad(&from, NormGrads { x: &mut gx, weight: None, bias: None });
            all.extend(gx.iter().copied());
        }
        all
    };
    for_each_level(|level| {
        let here = run();
        for threads in [1, 2, 3] {
            let pool =
                rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            let there = pool.install(|| with_level(level, run)).expect("an available level");
            assert_same_bits(&there, &here, &format!("{threads} threads, {level}"));
        }
    });
}

#[test]
fn a_nan_stays_in_its_row() {
    for_each_level(|level| {
        for at in 0..40 {
            let mut x = noise::<f32>(80, 1);
            x[at] = f32::NAN;
            let (mut y, mut mean, mut rstd) = ([0.0; 80], [0.0; 2], [0.0; 2]);
            norm::layer_norm(&x, 40, Affine::NONE, EPS, &mut y, &mut mean, &mut rstd);
            assert!(y[..40].iter().all(|y| y.is_nan()), "{at} on {level}");
            assert!(y[40..].iter().all(|y| y.is_finite()), "{at} on {level}");
        }
    });
}

#[test]
fn empty_inputs_are_fine() {
    norm::layer_norm::<f32>(&[], 4, Affine::NONE, EPS, &mut [], &mut [], &mut []);
    let (mut mean, mut variance) = ([0.0], [0.0]);
    norm::batch_norm_statistics::<f64>(&[], [0, 1, 4], &mut mean, &mut variance);
    assert!(mean[0].is_nan() && variance[0].is_nan());
    let (mut gweight, mut gbias) = ([1.0_f32; 4], [1.0; 4]);
    let from = RmsNormGrad { gy: &[], x: &[], cols: 4, weight: None, rstd: &[], eps: EPS };
    let to = NormGrads { x: &mut [], weight: Some(&mut gweight), bias: Some(&mut gbias) };
    norm::rms_norm_grad(&from, to);
    assert_eq!((gweight, gbias), ([0.0; 4], [0.0; 4]));
}

/// The methods that the entry points call are reachable, and check for themselves.
#[test]
fn wrong_lengths_are_refused_below_the_entry_points_too() {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use wengert_kernels::norm::NormKernels;
    let long = [1.0_f32; 32];
    let refused = |what: &str, call: &mut dyn FnMut()| {
        assert!(catch_unwind(AssertUnwindSafe(call)).is_err(), "{what}");
    };
    let short = &mut [0.0; 4][..];
    let rows = &mut [0.0; 8][..];
    refused("layer norm", &mut || {
        f32::layer_norm_kernel((&long, 4), Affine::NONE, EPS, short, &mut [0.0; 8], rows);
    });
    let affine = Affine { weight: Some(&long[..3]), bias: None };
    refused("weight", &mut || {
        f32::layer_norm_kernel((&long, 4), affine, EPS, &mut [0.0; 32], &mut [0.0; 8], rows);
    });
    refused("batch norm", &mut || {
        let statistics = (&long[..4], &long[..3]);
        f32::batch_norm_kernel(
            (&long, [8, 4, 1]),
            statistics,
            Affine::NONE,
            (EPS, true),
            &mut [0.0; 32],
        );
    });
    refused("gradient", &mut || {
        let from =
            RmsNormGrad { gy: &long, x: &long, cols: 4, weight: None, rstd: &long[..8], eps: EPS };
        let to = NormGrads { x: &mut [0.0; 32], weight: Some(&mut [0.0; 3]), bias: None };
        f32::rms_norm_grad_kernel(&from, to);
    });
}

#[test]
fn no_rows_may_have_no_columns() {
    for_each_level(|_| {
        let affine = Affine { weight: None, bias: None };
        norm::layer_norm::<f32>(&[], 0, affine, EPS, &mut [], &mut [], &mut []);
        norm::layer_norm::<f64>(&[], 3, affine_64(), EPS, &mut [], &mut [], &mut []);
    });
}

fn affine_64() -> Affine<'static, f64> {
    Affine { weight: None, bias: None }
}
