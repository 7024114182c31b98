//! Functions of lines (the middle of three dimensions) of shapes and numbers made of arbitrary bytes:
//! softmax, log-softmax, log-sum-exp, cumulative sums and products, extremes, means and variances. They
//! are within an error bound of the same in f64, and give the same bits for one to three threads; on
//! every level the CPU has.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rayon::ThreadPoolBuilder;
use wengert_fuzz::Bytes;
use wengert_kernels::Element;
use wengert_kernels::reduce;
use wengert_kernels::scan;
use wengert_kernels::simd::{Level, with_level};
use wengert_kernels::softmax;
use wengert_kernels::testing::{Guarded, assert_same_bits, oracle};

/// The most elements of a case, so that a run has many.
const MOST: usize = 1 << 13;

#[derive(Clone, Debug)]
struct Case {
    dims: [usize; 3],
    function: usize,
    reverse: bool,
    scale: f64,
}

impl Case {
    /// A line of `x`.
    fn line<E: Element>(&self, x: &[E], outer: usize, inner: usize) -> Vec<f64> {
        let [_, axis, width] = self.dims;
        (0..axis).map(|i| x[(outer * axis + i) * width + inner].to_f64()).collect()
    }

    /// The function of all lines, by the kernels.
    fn kernel<E: Element>(&self, x: &[E]) -> Vec<E> {
        let dims @ [outer, axis, inner] = self.dims;
        let reduced = self.function >= 4;
        let mut out =
            Guarded::poisoned(if reduced { outer * inner } else { outer * axis * inner }, axis % 5);
        match self.function {
            0 => softmax::softmax_rows(x, axis, &mut out),
            1 => softmax::log_softmax_rows(x, axis, &mut out),
            2 => scan::cumsum_axis(x, dims, self.reverse, &mut out),
            3 => scan::cumprod_axis(x, dims, self.reverse, &mut out),
            4 => {
                let mut places = vec![usize::MAX; outer * inner];
                if axis > 0 && self.reverse {
                    reduce::argmax_axis(x, dims, &mut places);
                } else if axis > 0 {
                    reduce::argmin_axis(x, dims, &mut places);
                }
                for (out, place) in out.iter_mut().zip(places) {
                    *out = E::from_f64(place as f64);
                }
            }
            _ => {
                let mut variance = Guarded::poisoned(outer * inner, 3);
                reduce::mean_variance_axis(x, dims, 0, &mut out, &mut variance);
                return [&out[..], &variance[..]].concat();
            }
        }
        out.to_vec()
    }

    /// The function of a line in f64, and what its error is measured by.
    fn oracle(&self, line: &[f64]) -> Vec<(f64, f64)> {
        let n = line.len() as f64;
        let running = |start: f64, f: fn(f64, f64) -> f64| -> Vec<(f64, f64)> {
            let mut order: Vec<usize> = (0..line.len()).collect();
            if self.reverse {
                order.reverse();
            }
            let (mut value, mut size) = (start, start.abs());
            let mut all = vec![(0.0, 0.0); line.len()];
            for i in order {
                (value, size) = (f(value, line[i]), f(size, line[i].abs()));
                all[i] = (value, size);
            }
            all
        };
        match self.function {
            0 => oracle::softmax(line).into_iter().map(|y| (y, 1.0)).collect(),
            1 => {
                let total = oracle::log_sum_exp(line);
                line.iter().map(|x| (x - total, 1.0 + (x - total).abs())).collect()
            }
            2 => running(0.0, |a, b| a + b),
            3 => running(1.0, |a, b| a * b),
            4 => {
                // The first extreme, of which NaN is one.
                let better = |a: f64, b: f64| match (a.is_nan(), b.is_nan()) {
                    (true, _) => false,
                    (false, true) => true,
                    _ if self.reverse => b > a,
                    _ => b < a,
                };
                let first = (1..line.len())
                    .fold(0, |best, i| if better(line[best], line[i]) { i } else { best });
                vec![(first as f64, 0.0)]
            }
            _ => {
                let (total, magnitude) = oracle::sum(line.iter().copied());
                let mean = total / n;
                let squares = line.iter().map(|x| (x - mean) * (x - mean));
                let variance = oracle::sum(squares).0 / n;
                vec![(mean, magnitude / n), (variance, variance)]
            }
        }
    }

    fn check<E: Element>(&self, x: &[E]) {
        let [outer, axis, inner] = self.dims;
        let got = self.kernel(x);
        if axis == 0 {
            return;
        }
        let finite = x.iter().all(|x| x.is_finite());
        if !finite && self.function != 4 {
            return;
        }
        let eps = E::EPSILON.to_f64() * (700.0 + axis as f64);
        let least = E::MIN_EXPONENT.to_f64().exp2();
        let most = 0.25 / least;
        for place in 0..outer * inner {
            let (o, i) = (place / inner, place % inner);
            let expected = self.oracle(&self.line(x, o, i));
            for (k, &(want, size)) in expected.iter().enumerate() {
                let at = match self.function {
                    0..=3 => (o * axis + k) * inner + i,
                    _ => k * outer * inner + place,
                };
                let y = got[at].to_f64();
                // What leaves the element's range, or nears its lower end, has other bounds.
                let near = (y - want).abs() <= eps * size + least * 4.0;
                assert!(
                    near || size > most || !size.is_finite(),
                    "{self:?}: element {at} is {y:e}, not {want:e}"
                );
            }
        }
    }
}

fn check<E: Element>(case: &Case, mut bytes: Bytes<'_>, threads: usize) {
    let [outer, axis, inner] = case.dims;
    let scale = E::from_f64(case.scale);
    let x: Vec<E> =
        bytes.elements::<E>(outer * axis * inner).into_iter().map(|x| x * scale).collect();
    case.check(&x);
    let alone = case.kernel(&x);
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("a few threads");
    let level = Level::current();
    let shared = pool.install(|| with_level(level, || case.kernel(&x))).expect("the same level");
    assert_same_bits(&shared, &alone, &format!("{case:?} on {threads} threads"));
}

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes(data);
    let mut size = || if bytes.below(4) == 3 { bytes.wide(700) } else { bytes.below(20) };
    let dims = [size(), size(), size()];
    if dims.iter().product::<usize>() > MOST {
        return;
    }
    let function = bytes.below(6);
    let [outer, axis, inner] = dims;
    let case = Case {
        // Softmax is a function of rows.
        dims: if function < 2 { [outer * inner, axis, 1] } else { dims },
        function,
        reverse: bytes.below(2) == 1,
        scale: [1.0, 30.0, 1e-3, 1e4][bytes.below(4)],
    };
    let (double, threads) = (bytes.below(2) == 1, 2 + bytes.below(2));
    for level in Level::available() {
        let run = || {
            if double {
                check::<f64>(&case, bytes, threads);
            } else {
                check::<f32>(&case, bytes, threads);
            }
        };
        with_level(level, run).expect("the level is available");
    }
});
