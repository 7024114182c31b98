//! The other activations, normalizations, losses, reductions and convolutions.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use wengert_autodiff::ops::{self, Conv1dOptions, Conv2dOptions, NormOptions, Pool1d, Reduction};
use wengert_autodiff::{Activation, Step, Tensor, Var};

use super::{LABELS, Pair, ROWS, normalized, number, sigmoid, steps, tanh};

const TWO: &[&[usize]] = &[&[4, 3], &[4, 3]];
const NORM: &[&[usize]] = &[&[4, 3], &[3], &[3]];
const LINES: &[&[usize]] = &[&[2, 3, 7], &[4, 3, 3], &[4]];
const IMAGES: &[&[usize]] = &[&[2, 2, 4, 5], &[3, 2, 2, 3], &[3]];
const ALPHA: f64 = 0.7;
const DELTA: f64 = 0.8;
const EPS: f64 = 1e-3;

/// `x` where positive, `other` elsewhere.
fn above<'t>(x: Var<'t, f64>, other: Var<'t, f64>) -> Var<'t, f64> {
    let positive = steps(x, 0.0);
    x * positive + other * (-positive + 1.0)
}

fn absolute(x: Var<'_, f64>) -> Var<'_, f64> {
    x * steps(x, -1.0)
}

fn one_plus_exp_log(x: Var<'_, f64>) -> Var<'_, f64> {
    (x.exp() + 1.0).log()
}

/// The elements minus their mean along an axis, and the mean of the squares of these.
fn centered(x: Var<'_, f64>, axis: isize) -> (Var<'_, f64>, Var<'_, f64>) {
    let size = x.shape()[if axis < 0 { x.shape().rank() - 1 } else { 0 }] as f64;
    let centered = x - x.sum_axes(&[axis], true) / size;
    (centered, (centered * centered).sum_axes(&[axis], true) / size)
}

fn normal<'t>(x: &[Var<'t, f64>], axis: isize) -> Var<'t, f64> {
    let (centered, variance) = centered(x[0], axis);
    centered / (variance + EPS).sqrt() * x[1] + x[2]
}

/// Rows whose elements differ: the deviation of equal elements has no derivative.
fn spread(x: Var<'_, f64>) -> Var<'_, f64> {
    x + x.tape().constant(&Tensor::from_fn([3], |i| 0.01 * (i[0] as f64).sqrt()))
}

fn huber<'t>(x: &[Var<'t, f64>]) -> Var<'t, f64> {
    let d = x[0] - x[1];
    let value = d.value();
    let near = |i: &[usize]| f64::from(value.get(i).is_some_and(|d| d.abs() <= DELTA));
    let near = d.tape().constant(&Tensor::from_fn(value.shape(), near));
    let far = absolute(d) * DELTA - DELTA * DELTA / 2.0;
    (d * d * 0.5 * near + far * (-near + 1.0)).sum() / value.len() as f64
}

/// A convolution as a product for each tap.
fn taps<'t>(x: &[Var<'t, f64>], equation: &str, out: &[usize], kernel: &[usize]) -> Var<'t, f64> {
    let count: usize = kernel.iter().product();
    let sum = (0..count).map(|mut tap| {
        let (mut part, mut weight) = (x[0], x[1]);
        for axis in (0..kernel.len()).rev() {
            let at = (tap % kernel[axis]) as isize;
            tap /= kernel[axis];
            let along = axis as isize + 2;
            part = part.slice(along, at..at + out[axis] as isize);
            weight = ops::select(weight, along, at).unwrap();
        }
        Var::einsum(equation, &[part, weight])
    });
    let bias = (0..kernel.len()).fold(x[2], |bias, _| ops::unsqueeze(bias, -1).unwrap());
    sum.reduce(|a, b| a + b).unwrap() + bias
}

pub(crate) const PAIRS: &[Pair] = &[
    Pair {
        name: "elu",
        shapes: ROWS,
        fused: |x| x[0].elu(ALPHA),
        composed: |x| above(x[0], (x[0].exp() - 1.0) * ALPHA),
    },
    Pair {
        name: "celu",
        shapes: ROWS,
        fused: |x| x[0].celu(ALPHA),
        composed: |x| above(x[0], ((x[0] / ALPHA).exp() - 1.0) * ALPHA),
    },
    Pair {
        name: "selu",
        shapes: ROWS,
        fused: |x| x[0].selu(),
        composed: |x| {
            above(x[0], (x[0].exp() - 1.0) * 1.673_263_242_354_377_2) * 1.050_700_987_355_480_5
        },
    },
    Pair {
        name: "gelu",
        shapes: ROWS,
        fused: |x| x[0].gelu(),
        composed: |x| x[0] * ((x[0] * FRAC_1_SQRT_2).erf() + 1.0) * 0.5,
    },
    Pair {
        name: "gelu_tanh",
        shapes: ROWS,
        fused: |x| x[0].gelu_tanh(),
        composed: |x| {
            let cube = x[0] * x[0] * x[0];
            let inner = (x[0] + cube * 0.044_715) * (2.0 / PI).sqrt();
            x[0] * (tanh(inner) + 1.0) * 0.5
        },
    },
    Pair { name: "silu", shapes: ROWS, fused: |x| x[0].silu(), composed: |x| x[0] * sigmoid(x[0]) },
    Pair {
        name: "mish",
        shapes: ROWS,
        fused: |x| x[0].mish(),
        composed: |x| x[0] * tanh(one_plus_exp_log(x[0])),
    },
    Pair {
        name: "softplus",
        shapes: ROWS,
        fused: |x| x[0].softplus(2.5),
        composed: |x| one_plus_exp_log(x[0] * 2.5) / 2.5,
    },
    Pair {
        name: "softsign",
        shapes: ROWS,
        fused: |x| x[0].softsign(),
        composed: |x| x[0] / (absolute(x[0]) + 1.0),
    },
    Pair {
        name: "log_sigmoid",
        shapes: ROWS,
        fused: |x| x[0].log_sigmoid(),
        composed: |x| sigmoid(x[0]).log(),
    },
    Pair { name: "exp_m1", shapes: ROWS, fused: |x| x[0].exp_m1(), composed: |x| x[0].exp() - 1.0 },
    Pair {
        name: "reciprocal",
        shapes: ROWS,
        fused: |x| x[0].reciprocal(),
        composed: |x| number(x[0], 1.0) / x[0],
    },
    Pair {
        name: "rsqrt",
        shapes: ROWS,
        fused: |x| (x[0] * x[0]).rsqrt(),
        composed: |x| number(x[0], 1.0) / absolute(x[0]),
    },
    Pair {
        name: "layer_norm",
        shapes: NORM,
        fused: |x| {
            ops::layer_norm(x[0], Some(x[1]), Some(x[2]), NormOptions::new().eps(EPS)).unwrap()
        },
        composed: |x| normal(x, -1),
    },
    Pair {
        name: "rms_norm",
        shapes: &[&[4, 3], &[3]],
        fused: |x| ops::rms_norm(x[0], Some(x[1]), NormOptions::new().eps(EPS)).unwrap(),
        composed: |x| {
            let square = (x[0] * x[0]).sum_axes(&[-1], true) / 3.0;
            x[0] / (square + EPS).sqrt() * x[1]
        },
    },
    Pair {
        name: "batch_norm",
        shapes: NORM,
        fused: |x| ops::batch_norm(x[0], Some(x[1]), Some(x[2]), EPS).unwrap().output,
        composed: |x| normal(x, 0),
    },
    Pair {
        name: "logsumexp",
        shapes: ROWS,
        fused: |x| x[0].logsumexp_axes(&[0], false),
        composed: |x| x[0].exp().sum_axes(&[0], false).log(),
    },
    Pair {
        name: "var",
        shapes: ROWS,
        fused: |x| x[0].var_axes(&[-1], 1, true),
        composed: |x| centered(x[0], -1).1 * 1.5,
    },
    Pair {
        name: "std",
        shapes: ROWS,
        fused: |x| spread(x[0]).std_axes(&[-1], 0, true),
        composed: |x| centered(spread(x[0]), -1).1.sqrt(),
    },
    Pair {
        name: "norm_2",
        shapes: ROWS,
        fused: |x| x[0].norm_axes(2.0, &[0], false),
        composed: |x| (x[0] * x[0]).sum_axes(&[0], false).sqrt(),
    },
    Pair {
        name: "nll_loss",
        shapes: ROWS,
        fused: |x| ops::nll_loss(x[0], LABELS, None, Reduction::Mean).unwrap(),
        composed: |x| {
            let hit = |i: &[usize]| f64::from(LABELS[i[0]] == i[1]);
            (x[0] * x[0].tape().constant(&Tensor::from_fn([4, 3], hit))).sum() * -0.25
        },
    },
    Pair {
        name: "soft_cross_entropy",
        shapes: TWO,
        fused: |x| ops::soft_cross_entropy(x[0], x[1], Reduction::BatchMean).unwrap(),
        composed: |x| (normalized(x[0]).log() * x[1]).sum() * -0.25,
    },
    Pair {
        name: "binary_cross_entropy_with_logits",
        shapes: TWO,
        fused: |x| ops::binary_cross_entropy_with_logits(x[0], x[1], None, Reduction::Sum).unwrap(),
        composed: |x| (one_plus_exp_log(x[0]) - x[1] * x[0]).sum(),
    },
    Pair {
        name: "huber_loss",
        shapes: TWO,
        fused: |x| ops::huber_loss(x[0], x[1], DELTA, Reduction::Mean).unwrap(),
        composed: huber,
    },
    Pair {
        name: "kl_div",
        shapes: TWO,
        fused: |x| ops::kl_div(x[0], x[1], true, Reduction::Sum).unwrap(),
        composed: |x| (x[1].exp() * (x[1] - x[0])).sum(),
    },
    Pair {
        name: "avg_pool",
        shapes: &[&[2, 2, 6]],
        fused: |x| ops::avg_pool1d(x[0], Pool1d::new(2)).unwrap(),
        composed: |x| {
            let every_second = |from: isize| x[0].slice(2, Step::new(from.., 2));
            (every_second(0) + every_second(1)) * 0.5
        },
    },
    Pair {
        name: "conv",
        shapes: LINES,
        fused: |x| {
            let options = Conv1dOptions::new().activation(Activation::Tanh);
            ops::conv1d(x[0], x[1], Some(x[2]), options).unwrap()
        },
        composed: |x| tanh(taps(x, "bci,oc->boi", &[5], &[3])),
    },
    Pair {
        name: "conv",
        shapes: IMAGES,
        fused: |x| {
            let options = Conv2dOptions::new().activation(Activation::Silu);
            ops::conv2d(x[0], x[1], Some(x[2]), options).unwrap()
        },
        composed: |x| {
            let z = taps(x, "bchw,oc->bohw", &[3, 3], &[2, 3]);
            z * sigmoid(z)
        },
    },
];
