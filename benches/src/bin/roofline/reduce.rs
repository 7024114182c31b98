//! Reductions of slices and along axes.

use std::hint::black_box;

use wengert::kernels::{Element, reduce};

use crate::data::{LARGE, MIDDLE, SMALL, assert_agree, noise, zeros};
use crate::run::{Run, Work};

/// Adds the reductions, in both caches and in memory.
pub(crate) fn cases(run: &mut Run) {
    for len in [SMALL, MIDDLE, LARGE] {
        of_slices::<f32>(run, len);
        of_slices::<f64>(run, len);
    }
    of_axes::<f32>(run);
}

/// A reduction to several numbers.
type Numbers<E> = fn(&[E]) -> [E; 2];

/// A name, the kernel, the plain loop, and the plain loop in f64.
type Reduction<E> = (&'static str, Numbers<E>, Numbers<E>, Numbers<f64>);

fn of_slices<E: Element>(run: &mut Run, len: usize) {
    let x = noise::<E>(len);
    let wide: Vec<f64> = x.iter().map(|x| x.to_f64()).collect();
    let functions: [Reduction<E>; 5] = [
        (
            "sum",
            |x| [reduce::sum(x), E::ZERO],
            |x| [plain_sum(x), E::ZERO],
            |x| [plain_sum(x), 0.0],
        ),
        (
            "max",
            |x| [reduce::max(x), E::ZERO],
            |x| [plain_max(x), E::ZERO],
            |x| [plain_max(x), 0.0],
        ),
        (
            "mean and variance",
            |x| {
                let (mut mean, mut variance) = ([E::ZERO], [E::ZERO]);
                reduce::mean_variance_axis(x, [1, x.len(), 1], 0, &mut mean, &mut variance);
                [mean[0], variance[0]]
            },
            plain_mean_variance,
            plain_mean_variance,
        ),
        ("norm", |x| [reduce::norm(x), E::ZERO], plain_norm, plain_norm),
        ("argmax", argmax, plain_argmax, plain_argmax),
    ];
    for (name, kernel, plain, exact) in functions {
        let case = format!("{name}, {len}");
        // The kernel's sums are more accurate than the plain loop's, so both are compared with f64.
        let got = kernel(&x).map(E::to_f64);
        assert_agree(&case, &got.map(|v| v as f32), &exact(&wide).map(|v| v as f32));
        let work = Work::out_of_place(case, len, len, 0);
        run.case::<E>(
            work,
            || {
                black_box(kernel(black_box(&x)));
            },
            || {
                black_box(plain(black_box(&x)));
            },
        );
    }
}

fn argmax<E: Element>(x: &[E]) -> [E; 2] {
    let mut place = [0];
    reduce::argmax_rows(x, x.len(), &mut place);
    [E::from_f64(place[0] as f64), E::ZERO]
}

fn plain_sum<E: Element>(x: &[E]) -> E {
    x.iter().copied().sum()
}

fn plain_max<E: Element>(x: &[E]) -> E {
    x.iter().copied().fold(E::NEG_INFINITY, |a, b| if b > a || b.is_nan() { b } else { a })
}

fn plain_norm<E: Element>(x: &[E]) -> [E; 2] {
    [x.iter().map(|&x| x * x).sum::<E>().sqrt(), E::ZERO]
}

fn plain_argmax<E: Element>(x: &[E]) -> [E; 2] {
    let mut best = 0;
    for (i, value) in x.iter().enumerate() {
        if *value > x[best] || (value.is_nan() && !x[best].is_nan()) {
            best = i;
        }
    }
    [E::from_f64(best as f64), E::ZERO]
}

/// The textbook formula in two passes.
fn plain_mean_variance<E: Element>(x: &[E]) -> [E; 2] {
    let count = E::from_f64(x.len() as f64);
    let mean = plain_sum(x) / count;
    let squares: E = x.iter().map(|&x| (x - mean) * (x - mean)).sum();
    [mean, squares / count]
}

/// A reduction along the middle of three dimensions.
type AlongAxis<E> = fn(&[E], [usize; 3], &mut [E]);

fn of_axes<E: Element>(run: &mut Run) {
    let functions: [(&str, AlongAxis<E>, AlongAxis<E>); 2] = [
        (
            "sum",
            |x, dims, out| reduce::sum_axis(x, dims, out),
            |x, dims, out| {
                for_lines(x, dims, out, |line| line.sum());
            },
        ),
        (
            "variance",
            |x, dims, out| {
                let mut mean = zeros(out.len());
                reduce::mean_variance_axis(x, dims, 0, &mut mean, out);
            },
            |x, dims, out| {
                for_lines(x, dims, out, |line| plain_mean_variance(&line.collect::<Vec<_>>())[1]);
            },
        ),
    ];
    for dims in [[1 << 14, 64, 1], [1, 1 << 10, 1 << 10], [16, 256, 256]] {
        let [outer, axis, inner] = dims;
        let x = noise::<E>(outer * axis * inner);
        let (mut y, mut z) = (zeros(outer * inner), zeros(outer * inner));
        for (name, kernel, plain) in functions {
            let case = format!("{name}, {outer} x {axis} x {inner}");
            kernel(&x, dims, &mut y);
            plain(&x, dims, &mut z);
            assert_agree(&case, &y, &z);
            let work = Work::out_of_place(case, x.len(), x.len(), 0);
            run.case::<E>(work, || kernel(&x, dims, &mut y), || plain(&x, dims, &mut z));
        }
    }
}

/// Calls `f` with every line along the middle dimension.
fn for_lines<E: Element>(
    x: &[E],
    [_, axis, inner]: [usize; 3],
    out: &mut [E],
    f: impl Fn(&mut dyn Iterator<Item = E>) -> E,
) {
    for (i, out) in out.iter_mut().enumerate() {
        let start = i / inner * axis * inner + i % inner;
        *out = f(&mut (0..axis).map(|k| x[start + k * inner]));
    }
}
