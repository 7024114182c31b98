//! Reductions over the middle of three dimensions of numbers decoded from arbitrary bytes, of any
//! scale in the element type's range: sums, norms, products, extremes and their positions, means,
//! variances and deviations. Their results are within the documented error bounds of the same in
//! f64, agree with the functions of whole slices, and have the same bits for one to three threads;
//! on every level that the CPU has.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wengert_fuzz::{Bytes, line, on_threads};
use wengert_kernels::Element;
use wengert_kernels::reduce;
use wengert_kernels::simd::{Level, with_level};
use wengert_kernels::testing::{Guarded, assert_same_bits, oracle};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    Sum,
    SumAbs,
    SumSquares,
    Norm,
    Prod,
    MaxAbs,
    Max,
    Min,
    ArgMax,
    ArgMin,
    MeanVariance,
    MeanDeviation,
}

use Function::*;

const FUNCTIONS: [Function; 12] = [
    Sum,
    SumAbs,
    SumSquares,
    Norm,
    Prod,
    MaxAbs,
    Max,
    Min,
    ArgMax,
    ArgMin,
    MeanVariance,
    MeanDeviation,
];

#[derive(Clone, Copy, Debug)]
struct Case {
    dims: [usize; 3],
    function: Function,
    correction: usize,
    shift: f64,
    /// Index of the power of two that multiplies the numbers: see [`unit`].
    unit: usize,
    threads: usize,
}

/// The exponent of a power of two: a moderate one, or one near an end of the range.
fn unit<E: Element>(index: usize) -> i32 {
    let least = E::MIN_EXPONENT.to_f64() as i32;
    [0, 0, 0, 10, -10, least + 26, -least - 26, -least - 2][index]
}

/// `x 2^exponent`, for an exponent whose power may be out of range.
fn scaled(x: f64, exponent: i32) -> f64 {
    let half = exponent / 2;
    x * f64::from(half).exp2() * f64::from(exponent - half).exp2()
}

/// The exact result, in units of the elements' unit to the power of `degree`, and its error bound.
struct Expected {
    value: f64,
    error: f64,
    degree: i32,
}

impl Case {
    fn kernel<E: Element>(&self, x: &[E]) -> Vec<E> {
        let Case { dims: dims @ [outer, axis, inner], function, correction, .. } = *self;
        let mut out = Guarded::poisoned(outer * inner, axis % 5);
        let mut spread = Guarded::poisoned(outer * inner, 3);
        let mut places = vec![usize::MAX; outer * inner];
        match function {
            Sum => reduce::sum_axis(x, dims, &mut out),
            SumAbs => reduce::sum_abs_axis(x, dims, &mut out),
            // There is no such function along an axis.
            SumSquares => {
                let line = |i: usize| {
                    (0..axis).map(move |k| x[(i / inner * axis + k) * inner + i % inner])
                };
                for (i, out) in out.iter_mut().enumerate() {
                    *out = reduce::sum_squares(&line(i).collect::<Vec<E>>());
                }
            }
            Norm => reduce::norm_axis(x, dims, &mut out),
            Prod => reduce::prod_axis(x, dims, &mut out),
            MaxAbs => reduce::max_abs_axis(x, dims, &mut out),
            Max => reduce::max_axis(x, dims, &mut out),
            Min => reduce::min_axis(x, dims, &mut out),
            ArgMax | ArgMin if axis == 0 => {}
            ArgMax => reduce::argmax_axis(x, dims, &mut places),
            ArgMin => reduce::argmin_axis(x, dims, &mut places),
            MeanVariance => {
                reduce::mean_variance_axis(x, dims, correction, &mut out, &mut spread);
            }
            MeanDeviation => {
                reduce::mean_deviation_axis(x, dims, correction, &mut out, &mut spread);
            }
        }
        match function {
            ArgMax | ArgMin => places.into_iter().map(|place| E::from_f64(place as f64)).collect(),
            MeanVariance | MeanDeviation => [&out[..], &spread[..]].concat(),
            _ => out.to_vec(),
        }
    }

    /// The result of the function of a whole slice, if there is one with the same bits.
    fn of_slice<E: Element>(&self, x: &[E]) -> Option<Vec<E>> {
        match self.function {
            Sum => Some(vec![reduce::sum(x)]),
            SumSquares => Some(vec![reduce::sum_squares(x)]),
            Max => Some(vec![reduce::max(x)]),
            Min => Some(vec![reduce::min(x)]),
            _ => None,
        }
    }

    /// The function of a line in f64; `None` where the documentation makes no promise.
    fn expected<E: Element>(&self, line: &[f64]) -> Vec<Option<Expected>> {
        let (n, eps) = (line.len() as f64, E::EPSILON.to_f64());
        let finite = line.iter().all(|x| x.is_finite());
        let total = |terms: &dyn Fn(f64) -> f64| {
            let terms = line.iter().map(|&x| terms(x));
            // The compensation of an infinite sum is NaN.
            if finite { oracle::sum(terms).0 } else { terms.sum() }
        };
        let with = |value: f64, error: f64, degree: i32| Some(Expected { value, error, degree });
        let exact = |value: f64| vec![with(value, 0.0, 1)];
        let log2 = n.max(1.0).log2();
        let magnitude = total(&f64::abs);
        let negated = line.iter().map(|x| -x);
        match self.function {
            Sum => vec![with(total(&|x| x), (24.0 + log2) * eps * magnitude, 1)],
            SumAbs => vec![with(magnitude, (24.0 + log2) * eps * magnitude, 1)],
            SumSquares => {
                let squares = total(&|x| x * x);
                vec![with(squares, (25.0 + log2) * eps * squares, 2)]
            }
            Norm => {
                let norm = total(&|x| x * x).sqrt();
                vec![with(norm, (14.0 + log2 / 2.0) * eps * norm, 1)]
            }
            Prod => {
                let exponents = |sign: f64| -> f64 {
                    let unit = f64::from(unit::<E>(self.unit));
                    line.iter().map(|x| (sign * (x.abs().log2() + unit)).max(0.0)).sum()
                };
                let zero = line.contains(&0.0);
                let most = E::MAX_EXPONENT.to_f64() - 2.0;
                // A product of some of the elements may overflow or underflow.
                let leaves = exponents(1.0) >= most || (!zero && exponents(-1.0) >= most);
                let unit = unit::<E>(self.unit);
                let product: f64 = line.iter().map(|&x| scaled(x, unit)).product();
                let expected =
                    Expected { value: product, error: n * eps * product.abs(), degree: 0 };
                vec![(!leaves && finite).then_some(expected)]
            }
            MaxAbs => exact(oracle::max(line.iter().map(|x| x.abs()).chain([0.0]))),
            Max => exact(oracle::max(line.iter().copied())),
            Min => exact(-oracle::max(negated)),
            ArgMax | ArgMin => {
                let sign = if self.function == ArgMax { 1.0 } else { -1.0 };
                // The first extreme; NaN counts as one.
                let better = |a: f64, b: f64| match (a.is_nan(), b.is_nan()) {
                    (true, _) => false,
                    (false, true) => true,
                    _ => sign * b > sign * a,
                };
                let first = (1..line.len())
                    .fold(0, |best, i| if better(line[best], line[i]) { i } else { best });
                let place = Expected { value: first as f64, error: 0.0, degree: 0 };
                vec![(!line.is_empty()).then_some(place)]
            }
            MeanVariance | MeanDeviation => {
                let mean = total(&|x| x) / n;
                let mean_error = (50.0 + n / 512.0) * eps * magnitude / n;
                let count = n - self.correction as f64;
                let variance = total(&|x| (x - mean) * (x - mean)) / count;
                // The reference's mean is rounded as well.
                let own = (4.0 * f64::EPSILON * magnitude / n).powi(2) * n / count;
                let relative = (500.0 + n / 512.0) * eps;
                let spread = if self.function == MeanVariance {
                    with(variance, relative * variance + own, 2)
                } else {
                    with(variance.sqrt(), relative * variance.sqrt() + own.sqrt(), 1)
                };
                // An infinity makes the mean infinite or NaN.
                let mean = if finite { mean } else { f64::NAN };
                vec![with(mean, mean_error, 1), spread.filter(|_| count > 0.0)]
            }
        }
    }

    fn check<E: Element>(&self, x: &[E]) {
        let Case { dims: [outer, _, inner], threads, .. } = *self;
        let got = self.kernel(x);
        let shared = on_threads(threads, || self.kernel(x));
        assert_same_bits(&shared, &got, &format!("{self:?}"));
        if outer * inner == 1
            && let Some(whole) = self.of_slice(x)
        {
            assert_same_bits(&whole, &got, &format!("the slice's and {self:?}"));
        }
        let unit = unit::<E>(self.unit);
        let eps = E::EPSILON.to_f64();
        let (smallest, most) = (E::MIN_EXPONENT.to_f64() as i32, E::MAX_EXPONENT.to_f64() as i32);
        for place in 0..outer * inner {
            let mut numbers = line(x, self.dims, place);
            for x in &mut numbers {
                *x = scaled(*x, -unit);
            }
            for (k, expected) in self.expected::<E>(&numbers).into_iter().enumerate() {
                let Some(Expected { value, error, degree }) = expected else { continue };
                let at = k * outer * inner + place;
                let down = -unit * degree;
                let y = scaled(got[at].to_f64(), down);
                // The smallest and the largest finite number.
                let (smallest, most) =
                    (scaled(eps, smallest + down), scaled(2.0 - eps, most + down));
                let mean = k == 0 && matches!(self.function, MeanVariance | MeanDeviation);
                let near = if value.is_nan() {
                    y.is_nan() || (mean && y.is_infinite())
                } else {
                    y == value
                        || (y - value).abs() <= error + smallest
                        || (y.is_infinite() && value.abs() + error >= most && y * value > 0.0)
                };
                assert!(near, "{self:?}: element {at} is {y:e}, not {value:e} ({error:e})");
            }
        }
    }
}

fn check<E: Element>(case: &Case, mut bytes: Bytes<'_>) {
    let [outer, axis, inner] = case.dims;
    let x: Vec<E> = bytes.elements(outer * axis * inner);
    let element = |x: &E| E::from_f64(scaled(x.to_f64() + case.shift, unit::<E>(case.unit)));
    case.check(&x.iter().map(element).collect::<Vec<E>>());
}

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes(data);
    let Some(dims) = bytes.dims() else { return };
    let case = Case {
        dims,
        function: FUNCTIONS[bytes.below(FUNCTIONS.len())],
        correction: bytes.below(3),
        shift: [0.0, 0.0, 1.0, -1000.0][bytes.below(4)],
        unit: bytes.below(8),
        threads: 1 + bytes.below(3),
    };
    let double = bytes.below(2) == 1;
    for level in Level::available() {
        let run = || if double { check::<f64>(&case, bytes) } else { check::<f32>(&case, bytes) };
        with_level(level, run).expect("the level is available");
    }
});
