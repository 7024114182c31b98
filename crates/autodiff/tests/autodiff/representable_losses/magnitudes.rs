//! Results of f32 compared with those of f64, on inputs of any magnitude.

use wengert_autodiff::ops::{self, CrossEntropyOptions, Reduction};
use wengert_autodiff::{CreateGraph, Tape, Tensor, Var, grad};
use wengert_kernels::Element;
use wengert_kernels::testing::noise;

use super::{TINY, clipped};

/// Something to compute from one or two matrices, with a derivative in the first.
#[derive(Clone, Copy, Debug)]
enum Loss {
    Softmax,
    LogSoftmax,
    LogSumExp,
    CrossEntropy,
    CrossEntropyWith { smoothing: f64, ignore: bool, reduction: Reduction },
    Nll { ignore: bool, reduction: Reduction },
    SoftCrossEntropy(Reduction),
    BinaryCrossEntropy(Reduction),
    KlDiv { log_target: bool },
    Mse,
    Huber { delta: f64 },
    SmoothL1 { beta: f64 },
    L1(Reduction),
    Cumsum { axis: isize },
}

const ROWS: usize = 4;
const CLASSES: usize = 5;
const LABELS: [usize; ROWS] = [0, 3, 1, 4];

impl Loss {
    fn apply<'t, E: Element>(self, x: Var<'t, E>, y: Var<'t, E>) -> Var<'t, E> {
        let ignored = |ignore: bool| ignore.then_some(LABELS[2]);
        let result = match self {
            Loss::Softmax => ops::softmax(x, -1),
            Loss::LogSoftmax => ops::log_softmax(x, -1),
            Loss::LogSumExp => ops::logsumexp_axes(x, &[1], false),
            Loss::CrossEntropy => ops::cross_entropy(x, &LABELS[..]),
            Loss::CrossEntropyWith { smoothing, ignore, reduction } => {
                let options =
                    CrossEntropyOptions::new().label_smoothing(smoothing).reduction(reduction);
                let ignored = ignored(ignore);
                let options = ignored.map_or(options, |label| options.ignore_index(label));
                ops::cross_entropy_with(x, LABELS, options)
            }
            Loss::Nll { ignore, reduction } => ops::nll_loss(x, LABELS, ignored(ignore), reduction),
            Loss::SoftCrossEntropy(reduction) => ops::soft_cross_entropy(x, y, reduction),
            Loss::BinaryCrossEntropy(reduction) => {
                ops::binary_cross_entropy_with_logits(x, y, None, reduction)
            }
            Loss::KlDiv { log_target } => ops::kl_div(x, y, log_target, Reduction::None),
            Loss::Mse => ops::mse_loss(x, y),
            Loss::Huber { delta } => ops::huber_loss(x, y, delta, Reduction::None),
            Loss::SmoothL1 { beta } => ops::smooth_l1_loss(x, y, beta, Reduction::None),
            Loss::L1(reduction) => ops::l1_loss(x, y, reduction),
            Loss::Cumsum { axis } => ops::cumsum(x, axis),
        };
        result.unwrap()
    }

    /// The same with a parameter that f32 represents.
    fn rounded(self) -> Self {
        let round = |v: f64| f64::from(v as f32);
        match self {
            Loss::Huber { delta } => Loss::Huber { delta: round(delta) },
            Loss::SmoothL1 { beta } => Loss::SmoothL1 { beta: round(beta) },
            other => other,
        }
    }

    /// The error of value, gradient and second derivative, in units of the relative precision, from
    /// the results' magnitudes and those of the inputs: relative errors where no terms cancel, and
    /// otherwise errors relative to what is subtracted.
    fn bounds(self, value: f64, first: f64, second: f64, x: f64, y: f64) -> [f64; 3] {
        let (value, first, second) = (value.abs(), first.abs(), second.abs());
        match self {
            // Probabilities: the exponent is a difference of up to a hundred, rounded.
            Loss::Softmax => [100.0 * value, 100.0, 400.0],
            Loss::LogSoftmax | Loss::LogSumExp => [4.0 * (1.0 + value), 100.0, 400.0],
            Loss::CrossEntropy | Loss::CrossEntropyWith { .. } | Loss::SoftCrossEntropy(_) => {
                [8.0 * (1.0 + value), 100.0, 400.0]
            }
            // Terms of either sign.
            Loss::Nll { .. } => [2.0 * x, 2.0 * first, 0.0],
            Loss::BinaryCrossEntropy(_) => [8.0 * value, 16.0, 16.0],
            Loss::KlDiv { log_target: false } => {
                let term = if y == 0.0 { 0.0 } else { y * (y.ln().abs() + x.abs()) };
                [4.0 * term, 2.0 * first, 0.0]
            }
            Loss::KlDiv { log_target: true } => {
                // An exponential of less than the least normal number has lost bits.
                let term = (y.exp() + TINY / f64::from(f32::EPSILON)) * (y.abs() + x.abs());
                [4.0 * term, 4.0 * first + TINY / f64::from(f32::EPSILON), 0.0]
            }
            Loss::Mse | Loss::Huber { .. } | Loss::SmoothL1 { .. } => {
                [8.0 * value, 8.0 * first, 8.0 * second]
            }
            Loss::L1(_) => [8.0 * value, 2.0 * first, 0.0],
            Loss::Cumsum { .. } => [value + 1e-6 * x, first + 1e-6, 0.0],
        }
    }
}

/// The value, the gradient of the weighted values by `x`, and the gradient of the weighted
/// gradient.
fn derivatives<E: Element>(loss: Loss, x: &[f64], y: &[f64]) -> [Vec<f64>; 3] {
    let tape = Tape::<E>::new();
    let tensor = |data: &[f64]| {
        let data = data.iter().map(|&v| E::from_f64(v)).collect();
        Tensor::from_vec(data, [ROWS, CLASSES]).unwrap()
    };
    let (x, y) = (tape.variable(&tensor(x)), tape.constant(&tensor(y)));
    let value = loss.apply(x, y);
    // Weights that f32 represents.
    let weights = |like: Var<'_, E>, seed: u64| {
        let weights = noise::<f32>(like.shape().numel(), seed);
        let weights = weights.into_iter().map(|w| E::from_f64(f64::from(w))).collect();
        Tensor::from_vec(weights, like.shape()).unwrap()
    };
    let seed = tape.constant(&weights(value, 1));
    let first = grad(&[value], &[seed], &[x], CreateGraph::Yes).unwrap()[0].unwrap();
    let seed = tape.constant(&weights(first, 2));
    let second = if first.requires_grad() {
        grad(&[first], &[seed], &[x], CreateGraph::No).unwrap().remove(0)
    } else {
        None
    };
    let widened = |v: Var<'_, E>| v.value().to_vec().iter().map(|v| v.to_f64()).collect();
    let second = second
        .map_or(vec![0.0; ROWS * CLASSES], |g| g.to_vec().iter().map(|v| v.to_f64()).collect());
    [widened(value), widened(first), second]
}

/// Whether a result of f32 is the exact one to within a bound, or overflows as it does.
fn close(got: f64, exact: f64, bound: f64) -> bool {
    let (eps, max) = (f64::from(f32::EPSILON), f64::from(f32::MAX));
    if exact.is_nan() {
        return got.is_nan();
    }
    let allowed = eps * bound + 2.0 * TINY;
    if exact.abs() + allowed >= max && got == exact.signum() * f64::INFINITY {
        return true;
    }
    (got - exact).abs() <= allowed
}

fn compare(loss: Loss, x: &[f64], y: &[f64], what: &str) {
    let loss = loss.rounded();
    let round = |v: &[f64]| v.iter().map(|&v| f64::from(v as f32)).collect::<Vec<_>>();
    let (x, y) = (round(x), round(y));
    let got = derivatives::<f32>(loss, &x, &y);
    let exact = derivatives::<f64>(loss, &x, &y);
    // Of the whole line for results that depend on all of it.
    let x_total: f64 = x.iter().map(|x| x.abs()).sum();
    let per_element = got[0].len() == x.len() && !matches!(loss, Loss::Cumsum { .. });
    for order in 0..3 {
        for i in 0..got[order].len() {
            let at = |v: &[f64]| v.get(i).copied().unwrap_or(0.0);
            let x = if per_element { x[i].abs() } else { x_total };
            let bounds = loss.bounds(at(&exact[0]), at(&exact[1]), at(&exact[2]), x, at(&y));
            assert!(
                close(got[order][i], exact[order][i], bounds[order]),
                "{loss:?}, {what}, derivative {order}, element {i}: {:e} instead of {:e}\n{:?}\n{y:?}",
                got[order][i],
                exact[order][i],
                &x
            );
        }
    }
}

/// The powers of ten from 1e-45 to 1e38, the largest of which leaves room for a difference of two.
fn scales() -> impl Iterator<Item = f64> {
    (-45..=38).map(|power| format!("1e{power}").parse().unwrap())
}

fn scaled(seed: u64, scale: f64) -> Vec<f64> {
    noise::<f64>(ROWS * CLASSES, seed).iter().map(|v| v * scale).collect()
}

#[test]
fn losses_of_logits_of_any_magnitude() {
    let mut all = vec![
        Loss::Softmax,
        Loss::LogSoftmax,
        Loss::LogSumExp,
        Loss::CrossEntropy,
        Loss::Cumsum { axis: 0 },
        Loss::Cumsum { axis: 1 },
    ];
    for reduction in [Reduction::Mean, Reduction::Sum, Reduction::BatchMean, Reduction::None] {
        all.extend([Loss::SoftCrossEntropy(reduction), Loss::BinaryCrossEntropy(reduction)]);
        for ignore in [false, true] {
            all.push(Loss::Nll { ignore, reduction });
            for smoothing in [0.0, 0.1, 1.0] {
                all.push(Loss::CrossEntropyWith { smoothing, ignore, reduction });
            }
        }
    }
    for loss in all {
        for (round, scale) in scales().enumerate() {
            let round = round as u64;
            let targets: Vec<f64> = scaled(1000 + round, 1.0).iter().map(|t| t.abs()).collect();
            compare(loss, &scaled(round, scale), &targets, &format!("logits {scale:e}"));
            // Logits of one magnitude whose differences are ordinary.
            let base = scaled(round, 10.0);
            let shifted: Vec<f64> = base.iter().map(|x| x.round() + scale.min(1e6)).collect();
            compare(loss, &shifted, &targets, &format!("logits around {scale:e}"));
            // Tiny targets.
            let targets: Vec<f64> = targets.iter().map(|t| t * scale.min(1.0)).collect();
            compare(loss, &base, &targets, &format!("targets {scale:e}"));
        }
    }
}

#[test]
fn losses_of_differences_of_any_magnitude() {
    for scale in scales() {
        for (round, other) in [1.0, scale, 1e-30, 1e30].into_iter().enumerate() {
            let mut all = vec![Loss::Mse];
            all.extend([Reduction::Mean, Reduction::Sum, Reduction::None].map(Loss::L1));
            for width in scales().step_by(4) {
                // Gradients of Huber's loss are differences or the width; both are inputs.
                all.extend([Loss::Huber { delta: width }, Loss::SmoothL1 { beta: width }]);
            }
            for loss in all {
                let (x, y) = (scaled(round as u64, scale), scaled(round as u64 + 50, other));
                compare(loss, &x, &y, &format!("{scale:e} and {other:e}"));
            }
        }
    }
}

#[test]
fn divergences_of_any_magnitude() {
    for scale in scales() {
        for (round, other) in scales().step_by(4).enumerate() {
            let round = round as u64;
            let negative = |seed, scale| -> Vec<f64> {
                scaled(seed, scale).iter().map(|v: &f64| -v.abs()).collect()
            };
            let x = negative(round, scale);
            let target: Vec<f64> =
                scaled(round + 9, other.min(1.0)).iter().map(|t| t.abs()).collect();
            let what = format!("{scale:e} and {other:e}");
            compare(Loss::KlDiv { log_target: false }, &x, &target, &what);
            compare(Loss::KlDiv { log_target: true }, &x, &negative(round + 9, other), &what);
        }
    }
}

#[test]
fn clipped_gradients_of_any_magnitude() {
    for (round, scale) in scales().enumerate() {
        for most in scales().chain([0.0, 1e-300]) {
            for len in [1, 3, 100] {
                let gradient: Vec<f64> = noise::<f32>(len, round as u64)
                    .iter()
                    .map(|g| f64::from(g * scale as f32))
                    .collect();
                let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
                let (got, clipped) = clipped::<f32>(&gradient, most);
                assert!((got - norm).abs() <= 1e-14 * norm, "{got:e} instead of {norm:e}");
                let factor = if norm > most { most / norm } else { 1.0 };
                for (got, g) in clipped.iter().zip(&gradient) {
                    assert!(
                        close(*got, g * factor, 2.0 * (g * factor).abs()),
                        "{g:e} of norm {norm:e} clipped to {most:e}: {got:e}"
                    );
                }
            }
        }
    }
}
