//! Functions of lines of numbers decoded from arbitrary bytes. Of rows: softmax, log-softmax,
//! cross-entropy and their gradients. Of lines along the middle of three dimensions: log-sum-exp
//! and its gradient, cumulative sums and products, linear recurrences. Their results are within an
//! error bound of the same in f64, and have the same bits for one to three threads; on every level
//! that the CPU has.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wengert_fuzz::{Bytes, line, on_threads};
use wengert_kernels::Element;
use wengert_kernels::elementwise::Run;
use wengert_kernels::scan;
use wengert_kernels::simd::{Level, with_level};
use wengert_kernels::softmax;
use wengert_kernels::testing::{Guarded, assert_same_bits, oracle};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    Softmax,
    LogSoftmax,
    LogSumExp,
    SoftmaxGrad,
    LogSoftmaxGrad,
    LogSumExpGrad,
    CrossEntropy,
    CrossEntropyGrad,
    CumSum,
    CumProd,
    Recurrence,
}

use Function::*;

const FUNCTIONS: [Function; 11] = [
    Softmax,
    LogSoftmax,
    LogSumExp,
    SoftmaxGrad,
    LogSoftmaxGrad,
    LogSumExpGrad,
    CrossEntropy,
    CrossEntropyGrad,
    CumSum,
    CumProd,
    Recurrence,
];

#[derive(Clone, Copy, Debug)]
struct Case {
    dims: [usize; 3],
    function: Function,
    reverse: bool,
    scale: f64,
    threads: usize,
}

/// The state of a scan: its value, and the sum of the magnitudes of its terms.
type State = [f64; 2];

impl Case {
    /// The class of a row, for the cross-entropy.
    fn label(&self, row: usize) -> usize {
        (row * 7 + 3) % self.dims[1]
    }

    /// The function of all lines by the kernels; `g` is the second operand of a function of two.
    fn kernel<E: Element>(&self, x: &[E], g: &[E]) -> Vec<E> {
        let Case { dims: dims @ [outer, axis, inner], reverse, .. } = *self;
        let (g, of_lines) = (&g[..x.len()], &g[..outer * inner]);
        let reduced = matches!(self.function, LogSumExp | CrossEntropy);
        let mut out =
            Guarded::poisoned(if reduced { outer * inner } else { outer * axis * inner }, axis % 5);
        match self.function {
            Softmax => softmax::softmax_rows(x, axis, &mut out),
            LogSoftmax => softmax::log_softmax_rows(x, axis, &mut out),
            LogSumExp => softmax::log_sum_exp_axis(x, dims, &mut out),
            SoftmaxGrad => softmax::softmax_grad_rows(g, x, axis, &mut out),
            LogSoftmaxGrad => softmax::log_softmax_grad_rows(g, x, axis, &mut out),
            LogSumExpGrad => softmax::log_sum_exp_grad_axis(of_lines, x, dims, &mut out),
            CrossEntropy | CrossEntropyGrad => {
                let labels: Vec<usize> = (0..outer).map(|row| self.label(row)).collect();
                let mut losses = Guarded::poisoned(outer, 2);
                let mut normalizers = vec![[E::NAN; 2]; outer];
                softmax::cross_entropy_rows(x, axis, &labels, &mut losses, &mut normalizers);
                if self.function == CrossEntropy {
                    return losses.to_vec();
                }
                let gy = Run::Slice(of_lines);
                softmax::cross_entropy_grad_rows(x, axis, &labels, &normalizers, gy, &mut out);
            }
            CumSum => scan::cumsum_axis(x, dims, reverse, &mut out),
            CumProd => scan::cumprod_axis(x, dims, reverse, &mut out),
            Recurrence => scan::recurrence_axis(x, g, dims, reverse, &mut out),
        }
        out.to_vec()
    }

    /// The function of a line in f64, and for each number the scale of its error.
    fn oracle(&self, x: &[f64], g: &[f64], of_line: f64, label: usize) -> Vec<State> {
        // The logarithms of the probabilities. The largest number is subtracted first, as otherwise
        // the sum would be rounded in proportion to it.
        let top = oracle::max(x.iter().copied());
        let below: Vec<f64> = x.iter().map(|x| x - top).collect();
        let total = oracle::log_sum_exp(&below);
        let logs = below.iter().map(|x| x - total);
        let softmax: Vec<State> =
            logs.clone().map(|log| [log.exp(), log.exp() * (1.0 + log.abs())]).collect();
        let scan = |next: &dyn Fn(usize, State) -> State| {
            let mut order: Vec<usize> = (0..x.len()).collect();
            if self.reverse {
                order.reverse();
            }
            let mut all = vec![[0.0; 2]; x.len()];
            let mut before = None;
            for i in order {
                let state = before.map_or([x[i], x[i].abs()], |before| next(i, before));
                (all[i], before) = (state, Some(state));
            }
            all
        };
        match self.function {
            Softmax => softmax,
            LogSoftmax => logs.map(|log| [log, 1.0 + log.abs()]).collect(),
            LogSumExp => vec![[top + total, 1.0 + top.abs()]],
            SoftmaxGrad => {
                let (dot, size) = oracle::sum(x.iter().zip(g).map(|(y, gy)| y * gy));
                x.iter()
                    .zip(g)
                    .map(|(y, g)| [y * (g - dot), (y * g).abs() + (y * size).abs()])
                    .collect()
            }
            LogSoftmaxGrad => {
                let (sum, size) = oracle::sum(g.iter().copied());
                let grad = |(y, g): (&f64, &f64)| {
                    let p = y.exp();
                    [g - p * sum, g.abs() + p * size * (1.0 + y.abs())]
                };
                x.iter().zip(g).map(grad).collect()
            }
            LogSumExpGrad => {
                softmax.iter().map(|[y, size]| [y * of_line, size * of_line.abs()]).collect()
            }
            CrossEntropy => vec![[total - below[label], 1.0 + below[label].abs()]],
            CrossEntropyGrad => {
                let grad = |(i, [y, size]): (usize, &State)| {
                    let hot = f64::from(u8::from(i == label));
                    [(y - hot) * of_line, (size + hot) * of_line.abs()]
                };
                softmax.iter().enumerate().map(grad).collect()
            }
            CumSum => scan(&|i, [sum, size]| [sum + x[i], size + x[i].abs()]),
            CumProd => scan(&|i, [product, _]| [product * x[i], (product * x[i]).abs()]),
            Recurrence => scan(&|i, [y, size]| [x[i] + g[i] * y, x[i].abs() + g[i].abs() * size]),
        }
    }

    fn check<E: Element>(&self, x: &[E], g: &[E]) {
        let Case { dims: dims @ [outer, axis, inner], threads, .. } = *self;
        let got = self.kernel(x, g);
        let shared = on_threads(threads, || self.kernel(x, g));
        assert_same_bits(&shared, &got, &format!("{self:?}"));
        if axis == 0 {
            return;
        }
        let eps = E::EPSILON.to_f64() * (700.0 + axis as f64);
        // Results near the lower end of the range, or beyond the upper end, have other bounds.
        let least = 4.0 * E::MIN_EXPONENT.to_f64().exp2();
        let most = E::MAX_EXPONENT.to_f64().exp2();
        for place in 0..outer * inner {
            let (numbers, factors) = (line(x, dims, place), line(&g[..x.len()], dims, place));
            if !numbers.iter().chain(&factors).all(|x| x.is_finite()) {
                continue;
            }
            let of_line = g[place].to_f64();
            let label = self.label(place / inner);
            let expected = self.oracle(&numbers, &factors, of_line, label);
            let lines = expected.len() == axis && got.len() == x.len();
            for (k, &[want, size]) in expected.iter().enumerate() {
                let at =
                    if lines { (place / inner * axis + k) * inner + place % inner } else { place };
                let y = got[at].to_f64();
                let near = (y - want).abs() <= eps * size + least;
                // The scale may overflow f64 too.
                assert!(
                    near || size >= most || size.is_nan(),
                    "{self:?}: element {at} is {y:e}, not {want:e}"
                );
            }
        }
    }
}

fn check<E: Element>(case: &Case, mut bytes: Bytes<'_>) {
    let len = case.dims.iter().product();
    let x: Vec<E> = bytes.elements(len);
    let x: Vec<E> = x.into_iter().map(|x| x * E::from_f64(case.scale)).collect();
    // A gradient or a factor for each element, and at least one for each line.
    let g: Vec<E> = bytes.elements(len.max(case.dims[0] * case.dims[2]));
    case.check(&x, &g);
}

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes(data);
    let Some(mut dims) = bytes.dims() else { return };
    let function = FUNCTIONS[bytes.below(FUNCTIONS.len())];
    if !matches!(function, LogSumExp | LogSumExpGrad | CumSum | CumProd | Recurrence) {
        // Functions of rows have no inner dimension.
        dims = [dims[0], dims[1] * dims[2], 1];
        if dims[1] == 0 {
            return;
        }
    }
    let case = Case {
        dims,
        function,
        reverse: bytes.below(2) == 1,
        scale: [1.0, 30.0, 1e-3, 1e4][bytes.below(4)],
        threads: 1 + bytes.below(3),
    };
    let double = bytes.below(2) == 1;
    for level in Level::available() {
        let run = || if double { check::<f64>(&case, bytes) } else { check::<f32>(&case, bytes) };
        with_level(level, run).expect("the level is available");
    }
});
