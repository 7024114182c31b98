//! Kernels along the middle of three dimensions, and of rows.

use wengert_kernels::elementwise::Run;
use wengert_kernels::norm::{self, Affine, BatchNormGrad, LayerNormGrad, NormGrads, RmsNormGrad};
use wengert_kernels::{reduce, scan, softmax};

use crate::HOSTILE;
use crate::report::{Report, Want};

const SMALL: usize = 3;

fn sizes() -> impl Iterator<Item = usize> + Clone {
    (0..=SMALL).chain(HOSTILE)
}

fn all_dims() -> impl Iterator<Item = [usize; 3]> {
    sizes().flat_map(|a| sizes().flat_map(move |b| sizes().map(move |c| [a, b, c])))
}

/// The number of elements, as far as a `u128` counts.
fn elements(dims: &[usize]) -> u128 {
    if dims.contains(&0) {
        return 0;
    }
    dims.iter().fold(1, |product: u128, &size| product.saturating_mul(size as u128))
}

/// Lengths to give for a shape: the right one, if there can be such a slice, and wrong ones.
fn lens(right: u128) -> impl Iterator<Item = usize> + Clone {
    let right = usize::try_from(right).ok().filter(|&len| len <= 64);
    [0, SMALL].into_iter().filter(move |&len| Some(len) != right).chain(right)
}

/// What a call must come to whose slices fit or not.
fn want(fits: bool, sizes: &[usize]) -> Want {
    match fits {
        false => Want::Refusal,
        true if sizes.iter().all(|&size| size <= SMALL) => Want::Answer,
        true => Want::Either,
    }
}

/// Calls a reduction of ones with all dimensions; `right` is the result from the length of the
/// axis.
fn reduction(
    report: &mut Report,
    kernel: &str,
    run: impl Fn(&[f32], [usize; 3], &mut [f32]),
    right: impl Fn(usize) -> Option<f32>,
) {
    for dims in all_dims() {
        let [outer, axis, inner] = dims;
        let counts = [elements(&dims), elements(&[outer, inner])];
        for (x, out) in lens(counts[0]).flat_map(|x| lens(counts[1]).map(move |out| (x, out))) {
            let fits = [x as u128, out as u128] == counts;
            let want = match right(axis) {
                None if fits && out > 0 => Want::Refusal,
                _ => want(fits, &dims),
            };
            report.call(kernel, format!("{dims:?} from {x} to {out}"), want, || {
                let mut out = vec![-7.0; out];
                run(&vec![1.0; x], dims, &mut out);
                out.iter().all(|&value| right(axis).is_some_and(|right| value == right))
            });
        }
    }
}

/// As [`reduction`], to places.
fn places(report: &mut Report, kernel: &str, run: impl Fn(&[f32], [usize; 3], &mut [usize])) {
    let as_numbers = |x: &[f32], dims: [usize; 3], out: &mut [f32]| {
        let mut places = vec![7; out.len()];
        run(x, dims, &mut places);
        out.iter_mut().zip(places).for_each(|(out, place)| *out = place as f32);
    };
    reduction(report, kernel, as_numbers, |axis| (axis > 0).then_some(0.0));
}

pub fn reduce(report: &mut Report) {
    let or = |empty: f32| move |axis: usize| Some(if axis == 0 { empty } else { 1.0 });
    let count = |axis: usize| Some(axis as f32);
    reduction(report, "sum_axis", reduce::sum_axis, count);
    reduction(report, "sum_abs_axis", reduce::sum_abs_axis, count);
    let root = |axis: usize| Some((axis as f32).sqrt());
    reduction(report, "norm_axis", reduce::norm_axis, root);
    // The outputs are finite before, so they stay.
    let repair = |x: &[f32], dims: [usize; 3], out: &mut [f32]| {
        out.fill(1.0);
        reduce::repair_sums_axis(x, dims, 1.0, out);
    };
    reduction(report, "repair_sums_axis", repair, |_| Some(1.0));
    reduction(report, "prod_axis", reduce::prod_axis, |_| Some(1.0));
    reduction(report, "max_axis", reduce::max_axis, or(f32::NEG_INFINITY));
    reduction(report, "min_axis", reduce::min_axis, or(f32::INFINITY));
    reduction(report, "max_abs_axis", reduce::max_abs_axis, or(0.0));
    places(report, "argmax_axis", reduce::argmax_axis);
    places(report, "argmin_axis", reduce::argmin_axis);
    for correction in [0, 1, usize::MAX] {
        let run = |x: &[f32], dims: [usize; 3], out: &mut [f32]| {
            let mut variance = out.to_vec();
            reduce::mean_variance_axis(x, dims, correction, out, &mut variance);
            for mean in out.iter_mut().filter(|mean| mean.is_nan()) {
                *mean = -1.0;
            }
        };
        reduction(report, "mean_variance_axis", run, or(-1.0));
        let run = |x: &[f32], dims: [usize; 3], out: &mut [f32]| {
            let mut deviation = out.to_vec();
            reduce::mean_deviation_axis(x, dims, correction, out, &mut deviation);
            for mean in out.iter_mut().filter(|mean| mean.is_nan()) {
                *mean = -1.0;
            }
        };
        reduction(report, "mean_deviation_axis", run, or(-1.0));
    }
    for cols in sizes() {
        for (x, out) in [0, 1, 6].into_iter().flat_map(|x| [0, 1, 2].map(|out| (x, out))) {
            let fits = elements(&[out, cols]) == x as u128 && (cols > 0 || out == 0);
            let given = format!("{x} in rows of {cols} to {out}");
            report.call("argmax_rows", &given, Want::answer_if(fits), || {
                let mut out = vec![7; out];
                reduce::argmax_rows(&vec![1.0_f32; x], cols, &mut out);
                out.iter().all(|&place| place == 0)
            });
        }
    }
    for len in [0, 1, 9, 100] {
        let x = vec![1.0_f32; len];
        let count = len as f32;
        for (kernel, run, right) in [
            ("sum", reduce::sum as fn(&[f32]) -> f32, count),
            ("sum_of_parts", reduce::sum_of_parts, count),
            ("sum_squares", reduce::sum_squares, count),
            ("max", reduce::max, if len == 0 { f32::NEG_INFINITY } else { 1.0 }),
            ("min", reduce::min, if len == 0 { f32::INFINITY } else { 1.0 }),
            ("norm", reduce::norm, count.sqrt()),
        ] {
            report.call(kernel, len, Want::Answer, || run(&x) == right);
        }
    }
}

/// Calls a kernel whose operands and output all have the dimensions.
fn same_shape(
    report: &mut Report,
    kernel: &str,
    run: impl Fn(&[f32], [usize; 3], &mut [f32]),
    right: impl Fn(usize) -> Option<f32>,
) {
    for dims in all_dims() {
        let count = elements(&dims);
        for (x, out) in lens(count).flat_map(|x| lens(count).map(move |out| (x, out))) {
            let want = want([x as u128, out as u128] == [count; 2], &dims);
            report.call(kernel, format!("{dims:?} from {x} to {out}"), want, || {
                let mut out = vec![-7.0; out];
                run(&vec![1.0; x], dims, &mut out);
                out.iter().all(|&y| right(dims[1]).is_none_or(|right| (y - right).abs() < 1e-6))
            });
        }
    }
}

pub fn scan(report: &mut Report) {
    for reverse in [false, true] {
        let cumsum = |x: &[f32], dims, out: &mut [f32]| scan::cumsum_axis(x, dims, reverse, out);
        same_shape(report, "cumsum_axis", cumsum, |axis| (axis <= 1).then_some(1.0));
        let cumprod = |x: &[f32], dims, out: &mut [f32]| scan::cumprod_axis(x, dims, reverse, out);
        same_shape(report, "cumprod_axis", cumprod, |_| Some(1.0));
        let both =
            |x: &[f32], dims, out: &mut [f32]| scan::recurrence_axis(x, x, dims, reverse, out);
        same_shape(report, "recurrence_axis", both, |axis| (axis <= 1).then_some(1.0));
        report.call("recurrence_axis", "too few factors", Want::Refusal, || {
            scan::recurrence_axis(&[1.0; 3], &[1.0; 2], [1, 3, 1], reverse, &mut [0.0; 3]);
            true
        });
    }
}

/// Calls a kernel of rows with an operand and an output of their length.
fn rows(report: &mut Report, kernel: &str, run: impl Fn(&[f32], usize, &mut [f32])) {
    for cols in sizes() {
        for (x, out) in [0_usize, 1, 6].into_iter().flat_map(|x| [0, 1, 6].map(|out| (x, out))) {
            let whole = if cols == 0 { x == 0 } else { x.is_multiple_of(cols) };
            let given = format!("{x} in rows of {cols} to {out}");
            report.call(kernel, given, Want::answer_if(whole && x == out), || {
                let mut out = vec![f32::NAN; out];
                run(&vec![1.0; x], cols, &mut out);
                out.iter().all(|y| y.is_finite())
            });
        }
    }
}

pub fn softmax(report: &mut Report) {
    reduction(
        report,
        "log_sum_exp_axis",
        |x, dims, out| {
            softmax::log_sum_exp_axis(x, dims, out);
            let right = |y: f32| (y - 1.0 - (dims[1] as f32).ln()).abs() < 1e-6 || dims[1] == 0;
            for y in out.iter_mut().filter(|y| right(**y)) {
                *y = 1.0;
            }
        },
        |_| Some(1.0),
    );
    for dims in all_dims() {
        let [outer, _, inner] = dims;
        let (count, values) = (elements(&dims), elements(&[outer, inner]));
        for (x, value) in lens(count).flat_map(|x| lens(values).map(move |value| (x, value))) {
            let want = want([x as u128, value as u128] == [count, values], &dims);
            let given = format!("{dims:?} of {x} with {value} values");
            report.call("log_sum_exp_grad_axis", given, want, || {
                let (value, mut out) = (vec![1.0_f32; value], vec![f32::NAN; x]);
                let x = vec![1.0; x];
                softmax::log_sum_exp_grad_axis(&value, &x, dims, &mut out);
                out.iter().all(|&y| (y * dims[1] as f32 - 1.0).abs() < 1e-5)
            });
        }
    }
    rows(report, "softmax_rows", softmax::softmax_rows);
    rows(report, "log_softmax_rows", softmax::log_softmax_rows);
    rows(report, "softmax_grad_rows", |x, cols, out| softmax::softmax_grad_rows(x, x, cols, out));
    rows(report, "log_softmax_grad_rows", |x, cols, out| {
        softmax::log_softmax_grad_rows(x, x, cols, out);
    });
    for cols in sizes() {
        for label in sizes() {
            for (x, count) in [0, 2, 6].into_iter().flat_map(|x| [0, 2].map(|rows| (x, rows))) {
                let shaped = elements(&[count, cols]) == x as u128 && (cols > 0 || count == 0);
                let want = Want::answer_if(shaped && (label < cols || count == 0));
                let given = format!("{x} in {count} rows of {cols} with label {label}");
                let (logits, labels) = (vec![0.0_f32; x], vec![label; count]);
                report.call("cross_entropy_rows", &given, want, || {
                    let mut losses = vec![f32::NAN; count];
                    let mut pairs = vec![[f32::NAN; 2]; count];
                    softmax::cross_entropy_rows(&logits, cols, &labels, &mut losses, &mut pairs);
                    losses.iter().all(|loss| loss.is_finite())
                });
                report.call("cross_entropy_grad_rows", &given, want, || {
                    let (pairs, mut out) = (vec![[1.0; 2]; count], vec![f32::NAN; x]);
                    let gy = Run::Splat(1.0);
                    softmax::cross_entropy_grad_rows(&logits, cols, &labels, &pairs, gy, &mut out);
                    out.iter().all(|y| y.is_finite())
                });
            }
        }
    }
}

/// A batch norm of a shape by means and variances.
type Normalize = fn(&[f32], [usize; 3], (&[f32], &[f32]), Affine<'_, f32>, f64, &mut [f32]);

pub fn norm(report: &mut Report) {
    for cols in sizes() {
        for (rows, with) in (0..3).flat_map(|rows| [false, true].map(|with| (rows, with))) {
            let small = cols <= SMALL;
            let len = if small { rows * cols } else { 0 };
            let values = vec![2.0_f32; if small { cols } else { SMALL }];
            let weight = with.then_some(&values[..]);
            let affine = Affine { weight, bias: weight };
            let fits = (rows == 0 || small && cols > 0) && (small || !with);
            let (want, given) = (Want::answer_if(fits), format!("{rows} rows of {cols}, {with}"));
            let (x, ones) = (vec![1.0_f32; len], vec![1.0_f32; rows]);
            let (mut sums, mut more) = (vec![f32::NAN; values.len()], vec![f32::NAN; values.len()]);
            let finite = |x: &[f32]| x.iter().all(|x| x.is_finite());
            report.call("layer_norm", &given, want, || {
                let (mut out, mut mean, mut rstd) = (x.clone(), ones.clone(), ones.clone());
                norm::layer_norm(&x, cols, affine, 1.0, &mut out, &mut mean, &mut rstd);
                finite(&out) && mean == ones && rstd == ones
            });
            report.call("rms_norm", &given, want, || {
                let (mut out, mut rstd) = (x.clone(), ones.clone());
                norm::rms_norm(&x, cols, weight, 3.0, &mut out, &mut rstd);
                finite(&out) && rstd.iter().all(|&rstd| rstd == 0.5)
            });
            let mut gx = vec![f32::NAN; len];
            let mut grads = |run: &mut dyn FnMut(NormGrads<'_, f32>)| {
                let weight = with.then_some(&mut sums[..]);
                let bias = with.then_some(&mut more[..]);
                run(NormGrads { x: &mut gx, weight, bias });
                let sum = |sums: &[f32]| sums.iter().all(|&sum| sum == rows as f32);
                finite(&gx) && (!with || finite(&sums) && sum(&more))
            };
            report.call("layer_norm_grad", &given, want, || {
                let (gy, mean, rstd) = (&x, &ones, &ones);
                let from = LayerNormGrad { gy, x: &x, cols, weight, mean, rstd, eps: 1.0 };
                grads(&mut |to| norm::layer_norm_grad(&from, to))
            });
            report.call("rms_norm_grad", &given, want, || {
                let from = RmsNormGrad { gy: &x, x: &x, cols, weight, rstd: &ones, eps: 3.0 };
                grads(&mut |to| norm::rms_norm_grad(&from, to))
            });
        }
    }
    for dims in all_dims() {
        let (count, channels) = (elements(&dims), dims[1]);
        let values = lens(channels as u128);
        for (x, value) in lens(count).flat_map(|x| values.clone().map(move |value| (x, value))) {
            let fits = x as u128 == count && value == channels;
            let (want, given) = (want(fits, &dims), format!("{dims:?} of {x}, {value} channels"));
            let (x, ones) = (vec![1.0_f32; x], vec![1.0_f32; value]);
            report.call("batch_norm_statistics", &given, want, || {
                let (mut mean, mut variance) = (ones.clone(), ones.clone());
                norm::batch_norm_statistics(&x, dims, &mut mean, &mut variance);
                mean.iter().all(|&mean| if x.is_empty() { mean.is_nan() } else { mean == 1.0 })
            });
            for (kernel, run) in [
                ("batch_norm", norm::batch_norm as Normalize),
                ("batch_norm_training", norm::batch_norm_training),
            ] {
                report.call(kernel, &given, want, || {
                    let mut out = vec![f32::NAN; x.len()];
                    run(&x, dims, (&ones, &ones), Affine::NONE, 1.0, &mut out);
                    out.iter().all(|&y| y == 0.0)
                });
            }
            for training in [false, true] {
                report.call("batch_norm_grad", &given, want, || {
                    let (mut gx, mut sums) = (vec![f32::NAN; x.len()], vec![f32::NAN; value]);
                    let weight = None;
                    let (gy, x, mean, variance, eps) = (&x[..], &x[..], &ones, &ones, 1.0);
                    let from = BatchNormGrad { gy, x, dims, weight, mean, variance, eps, training };
                    let bias = Some(&mut sums[..]);
                    norm::batch_norm_grad(&from, NormGrads { x: &mut gx, weight: None, bias });
                    let each = x.len() / value.max(1);
                    sums.iter().all(|&sum| sum == each as f32)
                });
            }
        }
    }
}
