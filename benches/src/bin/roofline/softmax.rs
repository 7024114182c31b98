//! Softmax, log-softmax and cross-entropy along rows.

use wengert::kernels::{Element, softmax};

use crate::data::{assert_agree, noise, zeros};
use crate::run::{Run, Work};

/// Numbers of elements of matrices in the first-level cache, in the second-level cache, and in
/// memory.
const SIZES: [(&str, usize); 3] = [("L1", 1 << 12), ("L2", 1 << 16), ("memory", 1 << 23)];

/// Row lengths.
pub(crate) const COLS: [usize; 4] = [64, 512, 4096, 32_000];

/// The shapes of the matrices: the cache or memory that holds them, the number of rows, and their
/// length.
pub(crate) fn shapes() -> impl Iterator<Item = (&'static str, usize, usize)> {
    SIZES.into_iter().flat_map(|(place, elements)| {
        COLS.into_iter()
            .filter(move |cols| *cols <= elements)
            .map(move |cols| (place, elements / cols, cols))
    })
}

/// Adds the rows in caches and memory.
pub(crate) fn cases(run: &mut Run) {
    for (place, rows, cols) in shapes() {
        forward::<f32>(run, &format!("{rows} rows of {cols} ({place})"), [rows, cols]);
    }
    for (_, rows, cols) in shapes().filter(|(place, ..)| *place == "L2") {
        forward::<f64>(run, &format!("{rows} rows of {cols}"), [rows, cols]);
        backward::<f32>(run, &format!("{rows} rows of {cols}"), [rows, cols]);
    }
}

/// The plain loops.
fn plain<E: Element>(x: &[E], cols: usize, out: &mut [E], log: bool) {
    for (x, out) in x.chunks(cols).zip(out.chunks_mut(cols)) {
        let max = x.iter().fold(x[0], |max, &x| if x > max { x } else { max });
        let mut sum = E::ZERO;
        for (x, out) in x.iter().zip(&mut *out) {
            *out = exp(*x - max);
            sum += *out;
        }
        let log_sum = E::from_f64(sum.to_f64().ln());
        for (x, out) in x.iter().zip(out) {
            *out = if log { *x - max - log_sum } else { *out / sum };
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

/// A function of rows.
type Rows<E> = fn(&[E], usize, &mut [E]);

fn forward<E: Element>(run: &mut Run, shape: &str, [rows, cols]: [usize; 2]) {
    let len = rows * cols;
    let x = noise::<E>(len);
    let (mut y, mut z) = (zeros(len), zeros(len));
    let functions: [(&str, Rows<E>, bool); 2] = [
        ("softmax", softmax::softmax_rows, false),
        ("log softmax", softmax::log_softmax_rows, true),
    ];
    for (name, kernel, log) in functions {
        let case = format!("{name}, {shape}");
        kernel(&x, cols, &mut y);
        plain(&x, cols, &mut z, log);
        assert_agree(&case, &y, &z);
        let work = Work::out_of_place(case, len, len, len);
        run.case::<E>(work, || kernel(&x, cols, &mut y), || plain(&x, cols, &mut z, log));
    }
}

fn plain_grad<E: Element>(gy: &[E], y: &[E], cols: usize, out: &mut [E]) {
    for ((gy, y), out) in gy.chunks(cols).zip(y.chunks(cols)).zip(out.chunks_mut(cols)) {
        let dot: E = gy.iter().zip(y).map(|(&gy, &y)| gy * y).sum();
        for ((&gy, &y), out) in gy.iter().zip(y).zip(out) {
            *out = y * (gy - dot);
        }
    }
}

fn backward<E: Element>(run: &mut Run, shape: &str, [rows, cols]: [usize; 2]) {
    let len = rows * cols;
    let (gy, mut y) = (noise::<E>(len), zeros(len));
    softmax::softmax_rows(&gy, cols, &mut y);
    let (mut a, mut b) = (zeros(len), zeros(len));
    let case = format!("softmax gradient, {shape}");
    softmax::softmax_grad_rows(&gy, &y, cols, &mut a);
    plain_grad(&gy, &y, cols, &mut b);
    assert_agree(&case, &a, &b);
    let work = Work::out_of_place(case, len, 2 * len, len);
    run.case::<E>(
        work,
        || softmax::softmax_grad_rows(&gy, &y, cols, &mut a),
        || plain_grad(&gy, &y, cols, &mut b),
    );
}
