//! Layer, RMS and batch norms of shapes and numbers decoded from arbitrary bytes, forward and
//! backward: the results are within the documented error bounds of the formulas in f64 and have the
//! same bits for one to three threads, and nothing beyond the outputs is written; on every level
//! that the CPU has.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wengert_fuzz::{Bytes, on_threads};
use wengert_kernels::Element;
use wengert_kernels::norm::{self, Affine, BatchNormGrad, LayerNormGrad, NormGrads, RmsNormGrad};
use wengert_kernels::simd::{Level, with_level};
use wengert_kernels::testing::{Guarded, assert_same_bits, noise, oracle};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Layer,
    Rms,
    /// With the batch's own statistics.
    Training,
    /// With given statistics.
    Inference,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    kind: Kind,
    /// Rows, columns and 1; or batch, channels and pixels.
    dims: [usize; 3],
    affine: bool,
    scale: f64,
    shift: f64,
    eps: f64,
    seed: u64,
    threads: usize,
}

struct Operands<E> {
    x: Vec<E>,
    gy: Vec<E>,
    weight: Vec<E>,
    bias: Vec<E>,
    /// The given mean for inference.
    mean: Vec<E>,
    variance: Vec<E>,
}

/// The results of a norm.
struct Results<E> {
    y: Vec<E>,
    gx: Vec<E>,
    gw: Vec<E>,
    gb: Vec<E>,
    mean: Vec<E>,
    /// For each line `1 / sqrt(variance + eps)`, or the variance for batch norms.
    spread: Vec<E>,
}

impl Case {
    fn is_batch(&self) -> bool {
        matches!(self.kind, Kind::Training | Kind::Inference)
    }

    /// The number of normalized lines: rows or channels.
    fn lines(&self) -> usize {
        if self.is_batch() { self.dims[1] } else { self.dims[0] }
    }

    /// The line of an element, and the index of its weight.
    fn places(&self, element: usize) -> (usize, usize) {
        let [_, middle, inner] = self.dims;
        let channel = element / inner % middle;
        if self.is_batch() { (channel, channel) } else { (element / middle, channel) }
    }

    fn kernel<E: Element>(&self, from: &Operands<E>) -> Results<E> {
        let &Case { kind, dims, affine, eps, .. } = self;
        let Operands { x, gy, weight, bias, .. } = from;
        let (cols, lines) = (dims[1], self.lines());
        let weight = affine.then_some(&weight[..]);
        let bias = bias.as_slice();
        let pair = Affine { weight, bias: affine.then_some(bias) };
        let mut y = Guarded::poisoned(x.len(), cols % 5);
        let mut gx = Guarded::poisoned(x.len(), cols % 3);
        let (mut mean, mut spread) = (Guarded::poisoned(lines, 1), Guarded::poisoned(lines, 2));
        let (mut gw, mut gb) = (Guarded::poisoned(cols, 3), Guarded::poisoned(cols, 4));
        let to = NormGrads { x: &mut gx, weight: Some(&mut gw), bias: Some(&mut gb) };
        match kind {
            Kind::Layer => {
                norm::layer_norm(x, cols, pair, eps, &mut y, &mut mean, &mut spread);
                let from = LayerNormGrad { gy, x, cols, weight, mean: &mean, rstd: &spread, eps };
                norm::layer_norm_grad(&from, to);
            }
            Kind::Rms => {
                norm::rms_norm(x, cols, weight, eps, &mut y, &mut spread);
                norm::rms_norm_grad(&RmsNormGrad { gy, x, cols, weight, rstd: &spread, eps }, to);
                mean.fill(E::ZERO);
            }
            Kind::Training | Kind::Inference => {
                let training = kind == Kind::Training;
                if training {
                    norm::batch_norm_statistics(x, dims, &mut mean, &mut spread);
                    norm::batch_norm_training(x, dims, (&mean, &spread), pair, eps, &mut y);
                } else {
                    mean.copy_from_slice(&from.mean);
                    spread.copy_from_slice(&from.variance);
                    norm::batch_norm(x, dims, (&mean, &spread), pair, eps, &mut y);
                }
                let (mean, variance) = (&mean[..], &spread[..]);
                let from = BatchNormGrad { gy, x, dims, weight, mean, variance, eps, training };
                norm::batch_norm_grad(&from, to);
            }
        }
        let [y, gx, gw, gb, mean, spread] = [y, gx, gw, gb, mean, spread].map(|out| out.to_vec());
        Results { y, gx, gw, gb, mean, spread }
    }

    fn check<E: Element>(&self, from: &Operands<E>) {
        let got = self.kernel(from);
        let shared = on_threads(self.threads, || self.kernel(from));
        let all = |of: Results<E>| [of.y, of.gx, of.gw, of.gb, of.mean, of.spread];
        let (shared, alone) = (all(shared), all(self.kernel(from)));
        for (what, (shared, alone)) in
            ["y", "gx", "gw", "gb", "mean", "spread"].iter().zip(shared.iter().zip(&alone))
        {
            assert_same_bits(shared, alone, &format!("{what} of {self:?}"));
        }
        // For each weight, the sum over its elements and the sum of their magnitudes.
        let (mut gw, mut gb) = (vec![[0.0; 2]; self.dims[1]], vec![[0.0; 2]; self.dims[1]]);
        let mut checked = true;
        for index in 0..self.lines() {
            let line: Vec<usize> =
                (0..from.x.len()).filter(|&element| self.places(element).0 == index).collect();
            checked &= self.check_line(from, &got, (index, &line), [&mut gw, &mut gb]);
        }
        if !checked {
            return;
        }
        let bound = self.bound::<E>(from.x.len());
        for (what, got, want) in [("gw", &got.gw, &gw), ("gb", &got.gb, &gb)] {
            for (i, (g, &[want, size])) in got.iter().zip(want).enumerate() {
                let near = (g.to_f64() - want).abs() <= bound * size + tiny::<E>();
                assert!(near, "{self:?}: {what}[{i}] is {g:e}, not {want:e}", g = g.to_f64());
            }
        }
    }

    fn bound<E: Element>(&self, n: usize) -> f64 {
        (600.0 + n as f64 / 512.0) * E::EPSILON.to_f64()
    }

    /// Checks the results that have the shape of `x`, and adds to the gradients of weight and bias.
    /// False if the line's statistics are outside the checked range.
    fn check_line<E: Element>(
        &self,
        from: &Operands<E>,
        got: &Results<E>,
        (index, line): (usize, &[usize]),
        [gw, gb]: [&mut [[f64; 2]]; 2],
    ) -> bool {
        let Operands { x, gy, weight, bias, .. } = from;
        let n = line.len() as f64;
        let bound = self.bound::<E>(line.len());
        let numbers: Vec<f64> = line.iter().map(|&element| x[element].to_f64()).collect();
        let average = |terms: &dyn Fn(usize) -> f64| oracle::sum((0..line.len()).map(terms)).0 / n;
        let given = got.mean[index].to_f64();
        let exact = match self.kind {
            Kind::Layer | Kind::Training => average(&|i| numbers[i]),
            Kind::Rms => 0.0,
            Kind::Inference => given,
        };
        let variance = match self.kind {
            Kind::Inference => got.spread[index].to_f64(),
            _ => average(&|i| (numbers[i] - exact).powi(2)),
        };
        let rstd = (variance + self.eps).sqrt().recip();
        // Excludes constant lines, whose variance is zero, if `eps` is zero too.
        if !(1e-11..1e11).contains(&rstd) {
            return line.is_empty();
        }
        let factor = |i: usize| match self.affine {
            true => weight[self.places(line[i]).1].to_f64(),
            false => 1.0,
        };
        let added = |i: usize| match self.affine && self.kind != Kind::Rms {
            true => bias[self.places(line[i]).1].to_f64(),
            false => 0.0,
        };
        for (i, &element) in line.iter().enumerate() {
            let hat = (numbers[i] - exact) * rstd;
            let (y, want) = (got.y[element].to_f64(), hat * factor(i) + added(i));
            let size = (1.0 + hat.abs() + exact.abs() * rstd) * factor(i).abs() + added(i).abs();
            let near = (y - want).abs() <= bound * size + tiny::<E>();
            assert!(near, "{self:?}: y[{element}] is {y:e}, not {want:e}");
        }
        // The reference gradients use the statistics that the backward pass is given.
        let spread = got.spread[index].to_f64();
        let rstd = if self.is_batch() { (spread + self.eps).sqrt().recip() } else { spread };
        let hat = |i: usize| (numbers[i] - given) * rstd;
        let g = |i: usize| gy[line[i]].to_f64() * factor(i);
        let dependent = self.kind != Kind::Inference;
        let centered = dependent && self.kind != Kind::Rms;
        let [mean_g, size_g] =
            if centered { [average(&g), average(&|i| g(i).abs())] } else { [0.0; 2] };
        let [mean_gh, size_gh] = match dependent {
            true => [average(&|i| g(i) * hat(i)), average(&|i| (g(i) * hat(i)).abs())],
            false => [0.0; 2],
        };
        for (i, &element) in line.iter().enumerate() {
            let want = rstd * (g(i) - mean_g - hat(i) * mean_gh);
            let size = rstd * (g(i).abs() + size_g + hat(i).abs() * size_gh);
            let gx = got.gx[element].to_f64();
            let near = (gx - want).abs() <= bound * size + tiny::<E>();
            assert!(near, "{self:?}: gx[{element}] is {gx:e}, not {want:e}");
            let (gy, place) = (gy[element].to_f64(), self.places(element).1);
            for (sum, term) in [(&mut gw[place], gy * hat(i)), (&mut gb[place], gy)] {
                *sum = [sum[0] + term, sum[1] + term.abs()];
            }
        }
        true
    }
}

/// The largest rounding error at the lower end of the range.
fn tiny<E: Element>() -> f64 {
    E::MIN_EXPONENT.to_f64().exp2()
}

fn check<E: Element>(case: &Case) {
    let (len, seed) = (case.dims.iter().product(), case.seed);
    let numbers = |of: f64, by: f64, seed: u64, len: usize| -> Vec<E> {
        noise::<f64>(len, seed).into_iter().map(|x| E::from_f64(x * of + by)).collect()
    };
    let params = case.dims[1];
    case.check(&Operands {
        x: numbers(case.scale, case.shift, seed, len),
        gy: numbers(1.0, 0.0, seed ^ 1, len),
        weight: numbers(1.0, 0.0, seed ^ 2, params),
        bias: numbers(1.0, 0.0, seed ^ 3, params),
        mean: numbers(case.scale, case.shift, seed ^ 4, params),
        variance: numbers(case.scale, case.scale, seed ^ 5, params),
    });
}

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes(data);
    let kind = [Kind::Layer, Kind::Rms, Kind::Training, Kind::Inference][bytes.below(4)];
    let Some(mut dims) = bytes.dims() else { return };
    if matches!(kind, Kind::Layer | Kind::Rms) {
        dims = [dims[0], (dims[1] * dims[2]).max(1), 1];
    }
    let case = Case {
        kind,
        dims,
        affine: bytes.below(2) == 1,
        scale: [1.0, 1e-3, 1e3, 1e6][bytes.below(4)],
        shift: [0.0, 1.0, -30.0][bytes.below(3)],
        eps: [1e-5, 1e-3, 0.0][bytes.below(3)],
        seed: bytes.next() as u64,
        threads: 1 + bytes.below(3),
    };
    let double = bytes.below(2) == 1;
    for level in Level::available() {
        let run = || if double { check::<f64>(&case) } else { check::<f32>(&case) };
        with_level(level, run).expect("the level is available");
    }
});
