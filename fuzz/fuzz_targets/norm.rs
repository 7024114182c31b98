//! Layer, RMS and batch norms of shapes and numbers made of arbitrary bytes, forward and backward, on
//! every level the CPU has: within an error bound of the formulas in f64, the same bits for one to three
//! threads, and nothing beyond the outputs is written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rayon::ThreadPoolBuilder;
use wengert_fuzz::Bytes;
use wengert_kernels::Element;
use wengert_kernels::norm::{self, Affine, LayerNormGrad, NormGrads, RmsNormGrad};
use wengert_kernels::simd::{Level, with_level};
use wengert_kernels::testing::{Guarded, assert_same_bits, noise};

#[derive(Clone, Copy, Debug)]
struct Case {
    rows: usize,
    cols: usize,
    rms: bool,
    affine: bool,
    scale: f64,
    shift: f64,
    eps: f64,
    seed: u64,
}

/// The output and the gradients by input, weight and bias, one after the other.
fn kernel<E: Element>(case: &Case, x: &[E], gy: &[E], weight: &[E], bias: &[E]) -> Vec<Vec<E>> {
    let &Case { rows, cols, rms, affine, eps, .. } = case;
    let some = |values| affine.then_some(values);
    let mut y = Guarded::poisoned(rows * cols, cols % 5);
    let (mut mean, mut rstd) = (Guarded::poisoned(rows, 1), Guarded::poisoned(rows, 2));
    let mut gx = Guarded::poisoned(rows * cols, cols % 3);
    let (mut gw, mut gb) = (Guarded::poisoned(cols, 3), Guarded::poisoned(cols, 4));
    if rms {
        norm::rms_norm(x, cols, some(weight), eps, &mut y, &mut rstd);
        let from = RmsNormGrad { gy, x, cols, weight: some(weight), rstd: &rstd, eps };
        let to = NormGrads { x: &mut gx, weight: affine.then_some(&mut gw[..]), bias: None };
        norm::rms_norm_grad(&from, to);
    } else {
        let affine =
            if affine { Affine { weight: Some(weight), bias: Some(bias) } } else { Affine::NONE };
        norm::layer_norm(x, cols, affine, eps, &mut y, &mut mean, &mut rstd);
        let from =
            LayerNormGrad { gy, x, cols, weight: some(weight), mean: &mean, rstd: &rstd, eps };
        let to = NormGrads {
            x: &mut gx,
            weight: affine.weight.map(|_| &mut gw[..]),
            bias: affine.bias.map(|_| &mut gb[..]),
        };
        norm::layer_norm_grad(&from, to);
    }
    [y, gx, gw, gb].map(|values| values.to_vec()).into()
}

fn check<E: Element>(case: &Case, threads: usize) {
    let &Case { rows, cols, rms, affine, scale, shift, eps, seed } = case;
    let wide = |values: Vec<f64>| -> Vec<E> { values.into_iter().map(E::from_f64).collect() };
    let x: Vec<E> =
        wide(noise::<f64>(rows * cols, seed).into_iter().map(|x| x * scale + shift).collect());
    let gy: Vec<E> = noise(rows * cols, seed ^ 1);
    let (weight, bias): (Vec<E>, Vec<E>) = (noise(cols, seed ^ 2), noise(cols, seed ^ 3));
    let alone = kernel(case, &x, &gy, &weight, &bias);
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("a few threads");
    let level = Level::current();
    let shared = || with_level(level, || kernel(case, &x, &gy, &weight, &bias));
    let shared = pool.install(shared).expect("the same level");
    for (what, (shared, alone)) in ["y", "gx", "gw", "gb"].iter().zip(shared.iter().zip(&alone)) {
        assert_same_bits(shared, alone, &format!("{what} of {case:?} on {threads} threads"));
    }
    let n = cols as f64;
    let bound = E::EPSILON.to_f64() * (700.0 + n);
    for row in 0..rows {
        let at = row * cols..(row + 1) * cols;
        let numbers: Vec<f64> = x[at.clone()].iter().map(|x| x.to_f64()).collect();
        let mean = if rms { 0.0 } else { numbers.iter().sum::<f64>() / n };
        let variance = numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        let rstd = (variance + eps).sqrt().recip();
        if !rstd.is_finite() {
            continue;
        }
        let factor = |i: usize| if affine { weight[i].to_f64() } else { 1.0 };
        let added = |i: usize| if affine && !rms { bias[i].to_f64() } else { 0.0 };
        let hat: Vec<f64> = numbers.iter().map(|x| (x - mean) * rstd).collect();
        let g: Vec<f64> =
            gy[at.clone()].iter().enumerate().map(|(i, g)| g.to_f64() * factor(i)).collect();
        let mean_g = if rms { 0.0 } else { g.iter().sum::<f64>() / n };
        let mean_gh = g.iter().zip(&hat).map(|(g, h)| g * h).sum::<f64>() / n;
        // The mean is rounded to an element.
        let slack = bound * (1.0 + mean.abs() * rstd);
        for i in 0..cols {
            let (y, want) = (alone[0][at.start + i].to_f64(), hat[i] * factor(i) + added(i));
            let size = 1.0 + (hat[i] * factor(i)).abs() + added(i).abs();
            assert!(
                (y - want).abs() <= slack * size,
                "{case:?}: y[{row}, {i}] is {y:e}, not {want:e}"
            );
            let (gx, want) =
                (alone[1][at.start + i].to_f64(), rstd * (g[i] - mean_g - hat[i] * mean_gh));
            let size = rstd * (g[i].abs() + 1.0 + hat[i].abs()) * (1.0 + hat[i].abs());
            let slack = slack * size * (1.0 + mean.abs() * rstd);
            assert!((gx - want).abs() <= slack, "{case:?}: gx[{row}, {i}] is {gx:e}, not {want:e}");
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes(data);
    let mut size = || if bytes.below(4) == 3 { bytes.wide(600) } else { bytes.below(40) };
    let (rows, cols) = (size(), size().max(1));
    if rows * cols > 1 << 13 {
        return;
    }
    let case = Case {
        rows,
        cols,
        rms: bytes.below(2) == 1,
        affine: bytes.below(2) == 1,
        scale: [1.0, 1e-3, 1e3, 1e6][bytes.below(4)],
        shift: [0.0, 1.0, -30.0][bytes.below(3)],
        eps: [1e-5, 1e-3, 0.0][bytes.below(3)],
        seed: bytes.next() as u64,
    };
    let (double, threads) = (bytes.below(2) == 1, 2 + bytes.below(2));
    for level in Level::available() {
        let run =
            || if double { check::<f64>(&case, threads) } else { check::<f32>(&case, threads) };
        with_level(level, run).expect("the level is available");
    }
});
