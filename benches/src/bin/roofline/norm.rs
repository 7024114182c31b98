//! Layer norm, RMS norm and batch norm.

use wengert::kernels::Element;
use wengert::kernels::norm::{self, Affine, BatchNormGrad, LayerNormGrad, NormGrads};

use crate::data::{assert_agree, noise, zeros};
use crate::run::{Run, Work};
use crate::softmax::shapes;

const EPS: f64 = 1e-5;

/// Adds the norms of rows in caches and memory, and of channels.
pub(crate) fn cases(run: &mut Run) {
    for (place, rows, cols) in shapes() {
        rows_forward::<f32>(run, place, rows, cols);
    }
    for (place, rows, cols) in shapes().filter(|(place, ..)| *place != "L1") {
        rows_backward::<f32>(run, place, rows, cols);
    }
    for dims in [[1024, 64, 1], [8, 64, 1024]] {
        channels::<f32>(run, dims);
    }
}

fn plain_layer_norm<E: Element>(x: &[E], cols: usize, weight: &[E], bias: &[E], out: &mut [E]) {
    let count = E::from_f64(cols as f64);
    for (x, out) in x.chunks_exact(cols).zip(out.chunks_exact_mut(cols)) {
        let mean = x.iter().copied().sum::<E>() / count;
        let variance = x.iter().map(|&x| (x - mean) * (x - mean)).sum::<E>() / count;
        let rstd = E::ONE / (variance + E::from_f64(EPS)).sqrt();
        for j in 0..cols {
            out[j] = (x[j] - mean) * rstd * weight[j] + bias[j];
        }
    }
}

fn rows_forward<E: Element>(run: &mut Run, place: &str, rows: usize, cols: usize) {
    let len = rows * cols;
    let (x, weight, bias) = (noise::<E>(len), noise::<E>(cols), noise::<E>(cols));
    let (mut y, mut z) = (zeros(len), zeros(len));
    let (mut mean, mut rstd) = (zeros(rows), zeros(rows));
    let affine = Affine { weight: Some(&weight[..]), bias: Some(&bias[..]) };

    let case = format!("layer norm, {rows} rows of {cols} ({place})");
    norm::layer_norm(&x, cols, affine, EPS, &mut y, &mut mean, &mut rstd);
    plain_layer_norm(&x, cols, &weight, &bias, &mut z);
    assert_agree(&case, &y, &z);
    run.case::<E>(
        Work::out_of_place(case, len, len, len),
        || norm::layer_norm(&x, cols, affine, EPS, &mut y, &mut mean, &mut rstd),
        || plain_layer_norm(&x, cols, &weight, &bias, &mut z),
    );

    let plain = |out: &mut [E]| {
        for (x, out) in x.chunks_exact(cols).zip(out.chunks_exact_mut(cols)) {
            let square = x.iter().map(|&x| x * x).sum::<E>() / E::from_f64(cols as f64);
            let rstd = E::ONE / (square + E::from_f64(EPS)).sqrt();
            for j in 0..cols {
                out[j] = x[j] * rstd * weight[j];
            }
        }
    };
    let case = format!("RMS norm, {rows} rows of {cols} ({place})");
    norm::rms_norm(&x, cols, Some(&weight), EPS, &mut y, &mut rstd);
    plain(&mut z);
    assert_agree(&case, &y, &z);
    run.case::<E>(
        Work::out_of_place(case, len, len, len),
        || norm::rms_norm(&x, cols, Some(&weight), EPS, &mut y, &mut rstd),
        || plain(&mut z),
    );
}

fn rows_backward<E: Element>(run: &mut Run, place: &str, rows: usize, cols: usize) {
    let len = rows * cols;
    let (x, gy, weight) = (noise::<E>(len), noise::<E>(len), noise::<E>(cols));
    let (mut mean, mut rstd) = (zeros(rows), zeros(rows));
    let (mut a, mut b) = (zeros(len), zeros(len));
    let affine = Affine { weight: Some(&weight[..]), bias: None };
    norm::layer_norm(&x, cols, affine, EPS, &mut a, &mut mean, &mut rstd);
    let from = LayerNormGrad {
        gy: &gy,
        x: &x,
        cols,
        weight: Some(&weight),
        mean: &mean,
        rstd: &rstd,
        eps: EPS,
    };
    let (mut gweight, mut gbias) = (zeros(cols), zeros(cols));
    let mut kernel = || {
        let (weight, bias) = (Some(&mut gweight[..]), Some(&mut gbias[..]));
        norm::layer_norm_grad(&from, NormGrads { x: &mut a, weight, bias });
    };
    let (mut plain_gweight, mut plain_gbias) = (zeros(cols), zeros(cols));
    let mut plain = || plain_layer_norm_grad(&from, &mut b, &mut plain_gweight, &mut plain_gbias);
    kernel();
    plain();
    let case = format!("layer norm gradient, {rows} rows of {cols} ({place})");
    assert_agree(&case, &a, &b);
    let work = Work::out_of_place(case, len, 2 * len, len);
    let mut kernel = || {
        let (weight, bias) = (Some(&mut gweight[..]), Some(&mut gbias[..]));
        norm::layer_norm_grad(&from, NormGrads { x: &mut a, weight, bias });
    };
    let plain = || plain_layer_norm_grad(&from, &mut b, &mut plain_gweight, &mut plain_gbias);
    run.case::<E>(work, &mut kernel, plain);
}

fn plain_layer_norm_grad<E: Element>(
    from: &LayerNormGrad<'_, E>,
    gx: &mut [E],
    gweight: &mut [E],
    gbias: &mut [E],
) {
    let LayerNormGrad { gy, x, cols, weight, mean, rstd, .. } = *from;
    let weight = weight.expect("the case has a weight");
    let count = E::from_f64(cols as f64);
    gweight.fill(E::ZERO);
    gbias.fill(E::ZERO);
    for (i, (gy, x)) in gy.chunks_exact(cols).zip(x.chunks_exact(cols)).enumerate() {
        let y = |j: usize| (x[j] - mean[i]) * rstd[i];
        let sum = (0..cols).map(|j| gy[j] * weight[j]).sum::<E>() / count;
        let dot = (0..cols).map(|j| gy[j] * weight[j] * y(j)).sum::<E>() / count;
        for (j, gx) in gx[i * cols..(i + 1) * cols].iter_mut().enumerate() {
            *gx = rstd[i] * (gy[j] * weight[j] - sum - y(j) * dot);
            gweight[j] += gy[j] * y(j);
            gbias[j] += gy[j];
        }
    }
}

fn channels<E: Element>(run: &mut Run, dims: [usize; 3]) {
    let [outer, channels, inner] = dims;
    let len = outer * channels * inner;
    let (x, gy) = (noise::<E>(len), noise::<E>(len));
    let (mut y, mut z) = (zeros(len), zeros(len));
    let (mut mean, mut variance) = (zeros(channels), zeros(channels));
    let shape = format!("{outer} x {channels} x {inner}");

    let (mut plain_mean, mut plain_variance) = (zeros(channels), zeros(channels));
    let mut plain = |out: &mut [E]| {
        plain_statistics(&x, dims, &mut plain_mean, &mut plain_variance);
        for (i, (out, &x)) in out.iter_mut().zip(x.iter()).enumerate() {
            let channel = i / inner % channels;
            let deviation = (plain_variance[channel] + E::from_f64(EPS)).sqrt();
            *out = (x - plain_mean[channel]) / deviation;
        }
    };
    let mut kernel = |out: &mut [E]| {
        norm::batch_norm_statistics(&x, dims, &mut mean, &mut variance);
        norm::batch_norm(&x, dims, (&mean, &variance), Affine::NONE, EPS, out);
    };
    let case = format!("batch norm, {shape}");
    kernel(&mut y);
    plain(&mut z);
    assert_agree(&case, &y, &z);
    let work = Work { case, elements: len, read: 2 * len, written: len, places: 2 * len };
    run.case::<E>(work, || kernel(&mut y), || plain(&mut z));

    let from = BatchNormGrad {
        gy: &gy,
        x: &x,
        dims,
        weight: None,
        mean: &mean,
        variance: &variance,
        eps: EPS,
        training: true,
    };
    let kernel = |out: &mut [E]| {
        norm::batch_norm_grad(&from, NormGrads { x: out, weight: None, bias: None });
    };
    let case = format!("batch norm gradient, {shape}");
    kernel(&mut y);
    plain_batch_norm_grad(&from, &mut z);
    assert_agree(&case, &y, &z);
    let work = Work { case, elements: len, read: 4 * len, written: len, places: 3 * len };
    run.case::<E>(work, || kernel(&mut y), || plain_batch_norm_grad(&from, &mut z));
}

fn plain_statistics<E: Element>(x: &[E], dims: [usize; 3], mean: &mut [E], variance: &mut [E]) {
    let [outer, channels, inner] = dims;
    let count = E::from_f64((outer * inner) as f64);
    mean.fill(E::ZERO);
    variance.fill(E::ZERO);
    for (i, &x) in x.iter().enumerate() {
        mean[i / inner % channels] += x;
    }
    for mean in mean.iter_mut() {
        *mean /= count;
    }
    for (i, &x) in x.iter().enumerate() {
        let distance = x - mean[i / inner % channels];
        variance[i / inner % channels] += distance * distance;
    }
    for variance in variance.iter_mut() {
        *variance /= count;
    }
}

fn plain_batch_norm_grad<E: Element>(from: &BatchNormGrad<'_, E>, gx: &mut [E]) {
    let BatchNormGrad { gy, x, dims: [outer, channels, inner], mean, variance, .. } = *from;
    let count = E::from_f64((outer * inner) as f64);
    let rstd: Vec<E> = variance.iter().map(|&v| E::ONE / (v + E::from_f64(EPS)).sqrt()).collect();
    let (mut sum, mut dot) = (vec![E::ZERO; channels], vec![E::ZERO; channels]);
    for (i, (&gy, &x)) in gy.iter().zip(x).enumerate() {
        let c = i / inner % channels;
        sum[c] += gy;
        dot[c] += gy * (x - mean[c]) * rstd[c];
    }
    for (i, gx) in gx.iter_mut().enumerate() {
        let c = i / inner % channels;
        let y = (x[i] - mean[c]) * rstd[c];
        *gx = rstd[c] * (gy[i] - sum[c] / count - y * dot[c] / count);
    }
}
