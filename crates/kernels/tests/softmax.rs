//! Softmax of rows, and the logarithm of sums of exponentials along strided axes.

use wengert_kernels::Element;
use wengert_kernels::elementwise::Run;
use wengert_kernels::simd::with_level;
use wengert_kernels::softmax;
use wengert_kernels::testing::{
    Guarded, assert_near, assert_same_bits, for_each_level, noise, oracle,
};

const DIMS: [[usize; 3]; 10] = [
    [1, 1, 1],
    [3, 7, 1],
    [2, 300, 1],
    [4, 1, 9],
    [2, 3, 5],
    [1, 33, 64],
    [3, 17, 130],
    [1, 600, 20],
    [2, 1100, 33],
    [1, 40_000, 2],
];

/// The lines along the middle dimension.
fn lines(x: &[f64], [outer, axis, inner]: [usize; 3]) -> Vec<Vec<f64>> {
    let line =
        |i: usize| (0..axis).map(|k| x[(i / inner * axis + k) * inner + i % inner]).collect();
    (0..outer * inner).map(line).collect()
}

/// The lines' elements in their places.
fn scattered(lines: &[Vec<f64>], [outer, axis, inner]: [usize; 3]) -> Vec<f64> {
    let mut x = vec![0.0; outer * axis * inner];
    for (i, line) in lines.iter().enumerate() {
        for (k, value) in line.iter().enumerate() {
            x[(i / inner * axis + k) * inner + i % inner] = *value;
        }
    }
    x
}

/// From a line of inputs and one of something else.
type OfLines = fn(&[f64], &[f64]) -> Vec<f64>;

fn axes<E: Element>() {
    let eps = E::EPSILON.to_f64();
    for_each_level(|level| {
        for dims @ [outer, axis, inner] in DIMS {
            let (len, values) = (outer * axis * inner, outer * inner);
            let what = format!("{dims:?} {} on {level}", E::NAME);
            let x: Vec<E> = noise::<f64>(len, 1).iter().map(|x| E::from_f64(x * 20.0)).collect();
            let x = Guarded::new(&x, axis % 5);
            let gy = noise::<E>(len, 2);
            let x_lines = lines(&oracle::widen(&x), dims);
            let gy_lines = lines(&oracle::widen(&gy), dims);
            let mapped = |f: OfLines, other: &[Vec<f64>]| {
                let all: Vec<Vec<f64>> = x_lines.iter().zip(other).map(|(x, o)| f(x, o)).collect();
                scattered(&all, dims)
            };

            let probabilities = mapped(|x, _| oracle::softmax(x), &gy_lines);
            let mut out = Guarded::<E>::poisoned(len, 2);
            if inner == 1 {
                let mut y = Guarded::<E>::poisoned(len, 1);
                softmax::softmax_rows(&x, axis, &mut y);
                assert_near(&y, &probabilities, &what, |i| 50.0 * eps * probabilities[i]);

                // The gradients in terms of the exact outputs; theirs are off by 50 roundings.
                softmax::softmax_grad_rows(&gy, &y, axis, &mut out);
                let expected = mapped(
                    |x, gy| {
                        let y = oracle::softmax(x);
                        let dot: f64 = gy.iter().zip(&y).map(|(gy, y)| gy * y).sum();
                        gy.iter().zip(&y).map(|(gy, y)| y * (gy - dot)).collect()
                    },
                    &gy_lines,
                );
                assert_near(&out, &expected, &what, |i| 250.0 * eps * probabilities[i]);

                softmax::log_softmax_rows(&x, axis, &mut y);
                let expected = mapped(
                    |x, _| {
                        let total = oracle::log_sum_exp(x);
                        x.iter().map(|v| v - total).collect()
                    },
                    &gy_lines,
                );
                assert_near(&y, &expected, &what, |i| 4.0 * eps * (20.0 + expected[i].abs()));

                softmax::log_softmax_grad_rows(&gy, &y, axis, &mut out);
                let expected = mapped(
                    |x, gy| {
                        let total: f64 = gy.iter().sum();
                        gy.iter().zip(oracle::softmax(x)).map(|(gy, p)| gy - p * total).collect()
                    },
                    &gy_lines,
                );
                assert_near(&out, &expected, &what, |i| {
                    eps * (2.0 + 250.0 * axis as f64 * probabilities[i])
                });
            }

            let mut totals = Guarded::<E>::poisoned(values, 1);
            softmax::log_sum_exp_axis(&x, dims, &mut totals);
            let expected: Vec<f64> = x_lines.iter().map(|x| oracle::log_sum_exp(x)).collect();
            assert_near(&totals, &expected, &what, |_| 4.0 * eps * 20.0);

            let upstream = noise::<E>(values, 3);
            softmax::log_sum_exp_grad_axis(&upstream, &x, dims, &mut out);
            let factors: Vec<Vec<f64>> =
                upstream.iter().map(|gy| vec![gy.to_f64(); axis]).collect();
            let expected = mapped(
                |x, gy| oracle::softmax(x).iter().zip(gy).map(|(p, gy)| p * gy).collect(),
                &factors,
            );
            assert_near(&out, &expected, &what, |i| 250.0 * eps * probabilities[i]);
        }
    });
}

#[test]
fn axes_follow_the_formulas() {
    axes::<f32>();
    axes::<f64>();
}

#[test]
fn special_values_of_log_sum_exp() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    for_each_level(|level| {
        for len in [2, 5, 33, 200] {
            let run = |first: f32, last: f32, rest: f32| {
                let mut row = vec![rest; len];
                row[0] = first;
                row[len - 1] = last;
                let mut out = [0.0; 3];
                softmax::log_sum_exp_axis(&row, [1, len, 1], &mut out[..1]);
                // The same as columns, side by side with others.
                let side: Vec<f32> = row.iter().flat_map(|v| [*v, 0.0]).collect();
                softmax::log_sum_exp_axis(&side, [1, len, 2], &mut out[1..]);
                assert!(out[0] == out[1] || (out[0].is_nan() && out[1].is_nan()), "{level}");
                assert_eq!(out[2], (len as f32).ln(), "{level}");
                out[0]
            };
            assert_eq!(run(-inf, -inf, -inf), -inf, "{len} on {level}");
            assert_eq!(run(inf, 0.0, -inf), inf, "{len} on {level}");
            assert_eq!(run(inf, inf, 1.0), inf, "{len} on {level}");
            assert_eq!(run(-inf, 7.0, -inf), 7.0, "{len} on {level}");
            assert!(run(nan, 0.0, 0.0).is_nan(), "{len} on {level}");
            assert!(run(inf, nan, 0.0).is_nan(), "{len} on {level}");
            assert!(run(-inf, nan, -inf).is_nan(), "{len} on {level}");
            assert_eq!(run(1e30, -1e30, -1e30), 1e30, "{len} on {level}");
        }
        let mut out = [0.0_f32; 2];
        softmax::log_sum_exp_axis(&[], [2, 0, 1], &mut out);
        assert_eq!(out, [-inf; 2], "{level}");
    });
}

#[test]
fn threads_change_no_bit() {
    let x = noise::<f32>(600_000, 9);
    let run = || {
        let mut all = Vec::new();
        for cols in [10, 1000, 100_000] {
            let mut y = vec![0.0; 600_000];
            softmax::softmax_rows(&x, cols, &mut y);
            let mut g = vec![0.0; 600_000];
            softmax::softmax_grad_rows(&x, &y, cols, &mut g);
            all.extend(y);
            all.extend(g);
        }
        for dims in [[2, 1000, 300], [600, 10, 100]] {
            let mut y = vec![0.0; dims[0] * dims[2]];
            softmax::log_sum_exp_axis(&x, dims, &mut y);
            let mut g = vec![0.0; 600_000];
            softmax::log_sum_exp_grad_axis(&y, &x, dims, &mut g);
            all.extend(y);
            all.extend(g);
        }
        all
    };
    for_each_level(|level| {
        let here = run();
        for threads in [1, 3] {
            let pool =
                rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            let there = pool.install(|| with_level(level, run)).expect("an available level");
            assert_same_bits(&there, &here, &format!("{threads} threads, {level}"));
        }
    });
}

#[test]
#[should_panic(expected = "the operand `out` has 5 elements, but its shape is 2 x 3 x 1")]
fn shapes_are_checked() {
    softmax::softmax_rows(&[0.0; 6], 3, &mut [0.0; 5]);
}

#[test]
fn a_column_does_not_depend_on_those_beside_it() {
    for_each_level(|level| {
        let column = noise::<f32>(33, 5);
        for cols in [1, 3, 16, 17, 65] {
            let x: Vec<f32> = column.iter().flat_map(|&x| std::iter::repeat_n(x, cols)).collect();
            let (mut y, mut gx) = (vec![0.0; cols], vec![0.0; x.len()]);
            softmax::log_sum_exp_axis(&x, [1, 33, cols], &mut y);
            softmax::log_sum_exp_grad_axis(&y, &x, [1, 33, cols], &mut gx);
            for all in [&y, &gx] {
                for row in all.chunks_exact(cols) {
                    assert!(row.iter().all(|&y| y == row[0]), "{level}: {cols} columns: {row:?}");
                }
            }
        }
    });
}

/// Every function of a row that is shifted by `m`, whose elements less `m` stay exact: the results
/// are those of the row itself, to the bit.
fn shifts<E: Element>(magnitudes: &[f64]) {
    for_each_level(|level| {
        for &m in magnitudes {
            let what = format!("{m:e} {} on {level}", E::NAME);
            for cols in [2, 5, 33] {
                let x = vec![E::from_f64(m); cols];
                let mut out = vec![E::NAN; cols];
                softmax::softmax_rows(&x, cols, &mut out);
                let probability = out[0];
                let share = probability.to_f64() * cols as f64;
                assert!((share - 1.0).abs() <= 2.0 * E::EPSILON.to_f64(), "{what}");
                softmax::log_softmax_rows(&x, cols, &mut out);
                let expected = -(cols as f64).ln();
                assert_near(&out, &vec![expected; cols], &what, |_| {
                    2.0 * E::EPSILON.to_f64() * expected.abs()
                });
                for inner in [1, 3] {
                    let (x, gy) = (vec![x[0]; cols * inner], vec![E::ONE; inner]);
                    let mut out = vec![E::NAN; cols * inner];
                    softmax::log_sum_exp_grad_axis(&gy, &x, [1, cols, inner], &mut out);
                    assert!(out.iter().all(|&p| p == probability), "{what}");
                }
                let (mut loss, mut normalizer) = ([E::NAN], [[E::NAN; 2]]);
                softmax::cross_entropy_rows(&x, cols, &[1], &mut loss, &mut normalizer);
                let expected = (cols as f64).ln();
                assert_near(&loss, &[expected], &what, |_| E::EPSILON.to_f64() * expected);
                let mut out = vec![E::NAN; cols];
                let gy = Run::Splat(E::from_f64(3.0));
                softmax::cross_entropy_grad_rows(&x, cols, &[1], &normalizer, gy, &mut out);
                let expected: Vec<f64> =
                    (0..cols).map(|i| 3.0 / cols as f64 - if i == 1 { 3.0 } else { 0.0 }).collect();
                assert_near(&out, &expected, &what, |_| 4.0 * E::EPSILON.to_f64());
            }
        }
    });
}

#[test]
fn probabilities_do_not_depend_on_the_size_of_the_logits() {
    shifts::<f32>(&[0.0, 1e-45, 1e-38, -1.0, 1e3, -1e6, 1e7, 1e30, -3e38, 3e38]);
    shifts::<f64>(&[0.0, 5e-324, 1e-308, 1.0, -1e3, 1e15, 1e16, 1e30, -1e300, 1e308]);
}

#[test]
fn infinite_logits_take_their_limits() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    for_each_level(|level| {
        for cols in [2, 5, 33, 200] {
            for inner in [1, 3, 40] {
                // A column of interest between ordinary ones, or a row.
                let dims = [1, cols, inner];
                let run =
                    |first: f32, last: f32, rest: f32, f: fn(&[f32], [usize; 3], &mut [f32])| {
                        let mut x = vec![0.0; cols * inner];
                        let middle = inner / 2;
                        for k in 0..cols {
                            x[k * inner + middle] = rest;
                        }
                        (x[middle], x[(cols - 1) * inner + middle]) = (first, last);
                        let mut out = vec![nan; cols * inner];
                        f(&x, dims, &mut out);
                        for (i, y) in out.iter().enumerate() {
                            assert!(i % inner == middle || y.is_finite(), "{level}");
                        }
                        [out[middle], out[(cols - 1) * inner + middle]]
                    };
                let gradient = |x: &[f32], dims: [usize; 3], out: &mut [f32]| {
                    softmax::log_sum_exp_grad_axis(&vec![2.0; dims[2]], x, dims, out);
                };
                let same = |got: [f32; 2], expected: [f32; 2]| {
                    let pairs = || got.iter().zip(&expected);
                    assert!(
                        pairs().all(|(a, b)| a == b || (a.is_nan() && b.is_nan())),
                        "{got:?} instead of {expected:?}: {cols} x {inner} on {level}"
                    );
                };
                let rows = |x: &[f32], dims: [usize; 3], out: &mut [f32]| {
                    softmax::softmax_rows(x, dims[1], out);
                };
                let log_rows = |x: &[f32], dims: [usize; 3], out: &mut [f32]| {
                    softmax::log_softmax_rows(x, dims[1], out);
                };
                for rest in [0.0, -inf, 3e38] {
                    if inner == 1 {
                        same(run(inf, 0.0, rest, rows), [1.0, 0.0]);
                        same(run(inf, -inf, rest, log_rows), [0.0, -inf]);
                        for f in [rows as fn(&[f32], [usize; 3], &mut [f32]), log_rows] {
                            same(run(inf, inf, rest, f), [nan; 2]);
                            same(run(inf, nan, rest, f), [nan; 2]);
                        }
                    }
                    same(run(-5.0, inf, rest, gradient), [0.0, 2.0]);
                    same(run(inf, inf, rest, gradient), [nan; 2]);
                    same(run(inf, nan, rest, gradient), [nan; 2]);
                }
                same(run(-inf, -inf, -inf, gradient), [0.0; 2]);
                if inner == 1 {
                    same(run(-inf, -inf, -inf, rows), [nan; 2]);
                }
                same(run(nan, -inf, -inf, gradient), [nan; 2]);
            }
            let cross_entropy = |x: [f32; 2], label: usize| {
                let mut row = vec![-inf; cols];
                (row[0], row[cols - 1]) = (x[0], x[1]);
                let label = label * (cols - 1);
                let (mut loss, mut normalizer) = ([nan], [[nan; 2]]);
                softmax::cross_entropy_rows(&row, cols, &[label], &mut loss, &mut normalizer);
                let mut out = vec![nan; cols];
                let gy = Run::Splat(2.0);
                softmax::cross_entropy_grad_rows(&row, cols, &[label], &normalizer, gy, &mut out);
                (loss[0], [out[0], out[cols - 1]])
            };
            assert_eq!(cross_entropy([inf, 1.0], 0), (0.0, [0.0, 0.0]), "{level}");
            assert_eq!(cross_entropy([inf, 1.0], 1), (inf, [2.0, -2.0]), "{level}");
            let (loss, gradient) = cross_entropy([inf, inf], 0);
            assert!(loss.is_nan() && gradient.iter().all(|g| g.is_nan()), "{level}");
            let (loss, gradient) = cross_entropy([inf, nan], 0);
            assert!(loss.is_nan() && gradient.iter().all(|g| g.is_nan()), "{level}");
        }
    });
}
