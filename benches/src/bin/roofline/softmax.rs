//! Softmax and its relatives, along rows and along strided axes.

use wengert::kernels::{Element, softmax};

use crate::data::{assert_agree, noise, zeros};
use crate::run::{Run, Work};

/// Matrices in the first-level cache, in the second, and in memory: elements of each.
const SIZES: [(&str, usize); 3] = [("L1", 1 << 12), ("L2", 1 << 16), ("memory", 1 << 23)];

/// Row lengths.
pub(crate) const COLS: [usize; 4] = [64, 512, 4096, 32_000];

/// The shapes of the matrices: a place, the rows, and their length.
pub(crate) fn shapes() -> impl Iterator<Item = (&'static str, usize, usize)> {
    SIZES.into_iter().flat_map(|(place, elements)| {
        COLS.into_iter()
            .filter(move |cols| *cols <= elements)
            .map(move |cols| (place, elements / cols, cols))
    })
}

/// Adds the rows in caches and memory, and strided axes.
pub(crate) fn cases(run: &mut Run) {
    for (place, rows, cols) in shapes() {
        forward::<f32>(run, &format!("{rows} rows of {cols} ({place})"), [rows, cols, 1]);
    }
    for (_, rows, cols) in shapes().filter(|(place, ..)| *place == "L2") {
        forward::<f64>(run, &format!("{rows} rows of {cols}"), [rows, cols, 1]);
        backward::<f32>(run, &format!("{rows} rows of {cols}"), [rows, cols, 1]);
    }
    for dims @ [outer, axis, inner] in [[64, 16, 64], [1, 512, 128], [16, 256, 1024]] {
        let shape = format!("{outer} x {axis} x {inner}");
        forward::<f32>(run, &shape, dims);
        backward::<f32>(run, &shape, dims);
    }
}

/// The plain loops: a line is gathered, and written back.
fn plain<E: Element>(x: &[E], [outer, axis, inner]: [usize; 3], out: &mut [E], log: bool) {
    for i in 0..outer * inner {
        let at = |k: usize| (i / inner * axis + k) * inner + i % inner;
        let mut max = x[at(0)];
        for k in 1..axis {
            max = if x[at(k)] > max { x[at(k)] } else { max };
        }
        let mut sum = E::ZERO;
        for k in 0..axis {
            out[at(k)] = exp(x[at(k)] - max);
            sum += out[at(k)];
        }
        let log_sum = E::from_f64(sum.to_f64().ln());
        for k in 0..axis {
            out[at(k)] = if log { x[at(k)] - max - log_sum } else { out[at(k)] / sum };
        }
    }
}

/// The standard library's exponential of the type.
fn exp<E: Element>(x: E) -> E {
    if E::NAME == "f32" {
        E::from_f64(f64::from((x.to_f64() as f32).exp()))
    } else {
        E::from_f64(x.to_f64().exp())
    }
}

/// A function along lines.
type Lines<E> = fn(&[E], [usize; 3], &mut [E]);

fn forward<E: Element>(run: &mut Run, shape: &str, dims: [usize; 3]) {
    let len = dims.iter().product();
    let x = noise::<E>(len);
    let (mut y, mut z) = (zeros(len), zeros(len));
    let functions: [(&str, Lines<E>, bool); 2] = [
        ("softmax", softmax::softmax_axis, false),
        ("log softmax", softmax::log_softmax_axis, true),
    ];
    for (name, kernel, log) in functions {
        let case = format!("{name}, {shape}");
        kernel(&x, dims, &mut y);
        plain(&x, dims, &mut z, log);
        assert_agree(&case, &y, &z);
        let work = Work::out_of_place(case, len, len, len);
        run.case::<E>(work, || kernel(&x, dims, &mut y), || plain(&x, dims, &mut z, log));
    }
}

fn plain_grad<E: Element>(gy: &[E], y: &[E], [outer, axis, inner]: [usize; 3], out: &mut [E]) {
    for i in 0..outer * inner {
        let at = |k: usize| (i / inner * axis + k) * inner + i % inner;
        let dot: E = (0..axis).map(|k| gy[at(k)] * y[at(k)]).sum();
        for k in 0..axis {
            out[at(k)] = y[at(k)] * (gy[at(k)] - dot);
        }
    }
}

fn backward<E: Element>(run: &mut Run, shape: &str, dims: [usize; 3]) {
    let len = dims.iter().product();
    let (gy, mut y) = (noise::<E>(len), zeros(len));
    softmax::softmax_axis(&gy, dims, &mut y);
    let (mut a, mut b) = (zeros(len), zeros(len));
    let case = format!("softmax gradient, {shape}");
    softmax::softmax_grad_axis(&gy, &y, dims, &mut a);
    plain_grad(&gy, &y, dims, &mut b);
    assert_agree(&case, &a, &b);
    let work = Work::out_of_place(case, len, 2 * len, len);
    run.case::<E>(
        work,
        || softmax::softmax_grad_axis(&gy, &y, dims, &mut a),
        || plain_grad(&gy, &y, dims, &mut b),
    );
}
