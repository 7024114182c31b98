//! Reductions, softmax and cross entropy against naive `f64`.

use wengert_kernels::Element;
use wengert_kernels::elementwise::Run;
use wengert_kernels::simd::with_level;
use wengert_kernels::testing::{
    Guarded, assert_near, assert_same_bits, for_each_level, noise, oracle,
};
use wengert_kernels::{reduce, softmax};

/// The module's bound.
fn bound<E: Element>(n: usize, magnitude: f64) -> f64 {
    (24.0 + (n.max(1) as f64).log2()) * E::EPSILON.to_f64() * magnitude
}

fn lengths() -> impl Iterator<Item = usize> {
    (0..=70).chain([127, 128, 129, 1000, 2047, 2048, 2049, 4096 * 3 + 5, 300_007])
}

fn whole_slices<E: Element>() {
    for_each_level(|level| {
        for len in lengths() {
            let x = Guarded::new(&noise::<E>(len, len as u64), len % 7);
            let what = format!("{len} {} on {level}", E::NAME);
            let wide = oracle::widen(&x);
            let (sum, magnitude) = oracle::sum(wide.iter().copied());
            assert_near(&[reduce::sum(&x[..])], &[sum], &what, |_| bound::<E>(len, magnitude));
            let (squares, _) = oracle::sum(wide.iter().map(|v| v * v));
            assert_near(&[reduce::sum_squares(&x[..])], &[squares], &what, |_| {
                bound::<E>(len, squares) + E::EPSILON.to_f64() * squares
            });
            assert_near(
                &[reduce::max(&x[..])],
                &[oracle::max(wide.iter().copied())],
                &what,
                |_| 0.0,
            );
            let min = -oracle::max(wide.iter().map(|v| -v));
            assert_near(&[reduce::min(&x[..])], &[min], &what, |_| 0.0);
        }
    });
}

#[test]
fn slices_are_reduced_within_the_bound() {
    whole_slices::<f32>();
    whole_slices::<f64>();
}

#[test]
fn one_nan_anywhere_is_found() {
    for_each_level(|level| {
        for len in 1..=140 {
            for at in 0..len {
                let mut x = noise::<f32>(len, 1);
                x[at] = f32::NAN;
                let what = format!("NaN at {at} of {len} on {level}");
                assert!(reduce::max(&x).is_nan(), "{what}");
                assert!(reduce::min(&x).is_nan(), "{what}");
                assert!(reduce::sum(&x).is_nan(), "{what}");
                let mut index = [0];
                reduce::argmax_rows(&x, len, &mut index);
                assert_eq!(index, [at], "{what}");
            }
        }
    });
}

#[test]
fn every_element_counts_once() {
    for_each_level(|level| {
        for len in lengths() {
            let x = vec![1.0_f32; len];
            assert_eq!(reduce::sum(&x), len as f32, "{len} ones on {level}");
        }
    });
}

fn axes<E: Element>() {
    let shapes = [
        [1, 5, 1],
        [3, 7, 1],
        [2, 300, 1],
        [1, 1, 1],
        [4, 1, 9],
        [2, 3, 5],
        [1, 33, 64],
        [1, 100, 71],
        [3, 17, 130],
        [2, 0, 3],
        [0, 4, 3],
        [2, 4, 0],
        [5, 40_000, 3],
        [1, 2000, 700],
        [2, 150_000, 1],
    ];
    for_each_level(|level| {
        for [outer, axis, inner] in shapes {
            let x = Guarded::new(&noise::<E>(outer * axis * inner, 3), axis % 5);
            let what = format!("{outer} x {axis} x {inner} {} on {level}", E::NAME);
            let mut sums = Guarded::poisoned(outer * inner, inner % 3);
            let mut maxima = Guarded::poisoned(outer * inner, inner % 3);
            reduce::sum_axis(&x, [outer, axis, inner], &mut sums);
            reduce::max_axis(&x, [outer, axis, inner], &mut maxima);
            let lines: Vec<Vec<f64>> = (0..outer * inner)
                .map(|i| {
                    let at = |a: usize| x[(i / inner * axis + a) * inner + i % inner].to_f64();
                    (0..axis).map(at).collect()
                })
                .collect();
            let expected: Vec<(f64, f64)> =
                lines.iter().map(|line| oracle::sum(line.iter().copied())).collect();
            let totals: Vec<f64> = expected.iter().map(|e| e.0).collect();
            assert_near(&sums, &totals, &what, |i| bound::<E>(axis, expected[i].1));
            let largest: Vec<f64> =
                lines.iter().map(|line| oracle::max(line.iter().copied())).collect();
            assert_near(&maxima, &largest, &what, |_| 0.0);
        }
    });
}

#[test]
fn axes_are_reduced_within_the_bound() {
    axes::<f32>();
    axes::<f64>();
}

#[test]
fn argmax_takes_the_first() {
    for_each_level(|_| {
        let x = [1.0, 3.0, 3.0, -1.0, -1.0, -2.0, f32::NEG_INFINITY, f32::NEG_INFINITY, 0.0];
        let mut out = [9; 3];
        reduce::argmax_rows(&x, 3, &mut out);
        assert_eq!(out, [1, 0, 2]);
        reduce::argmax_rows(&[f32::NEG_INFINITY; 2], 2, &mut out[..1]);
        assert_eq!(out[0], 0);
    });
}

/// Splits of long inputs are made by length alone.
#[test]
fn threads_change_no_bit() {
    let x = noise::<f32>(1_000_003, 9);
    let run = || {
        let mut rows = vec![0.0; 1000];
        reduce::sum_axis(&x[..1_000_000], [1000, 1000, 1], &mut rows);
        // Rows longer than a thread's share, and a last range of one row.
        let mut long = vec![0.0; 6];
        reduce::sum_axis(&x[..900_000], [6, 150_000, 1], &mut long);
        let mut odd = vec![0.0; 132];
        reduce::sum_axis(&x[..132_000], [132, 1000, 1], &mut odd);
        let mut columns = vec![0.0; 1000];
        reduce::sum_axis(&x[..1_000_000], [1, 1000, 1000], &mut columns);
        let mut y = vec![0.0; 1_000_000];
        softmax::softmax_rows(&x[..1_000_000], 100, &mut y);
        rows.extend(long);
        rows.extend(odd);
        rows.extend(columns);
        rows.extend(y);
        rows.push(reduce::sum(&x));
        rows
    };
    // On every level: a forced one must reach the worker threads.
    for_each_level(|level| {
        let here = run();
        for threads in [1, 2, 3] {
            let pool =
                rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            let there = pool.install(|| with_level(level, run)).expect("an available level");
            assert_same_bits(&there, &here, &format!("{threads} threads, {level}"));
        }
    });
}

fn softmaxes<E: Element>() {
    let eps = E::EPSILON.to_f64();
    for_each_level(|level| {
        for cols in (1..=70).chain([257, 2000]) {
            let rows = 3;
            let mut x = noise::<E>(rows * cols, cols as u64);
            for v in &mut x {
                *v *= E::from_f64(20.0);
            }
            let x = Guarded::new(&x, cols % 5);
            let what = format!("rows of {cols} {} on {level}", E::NAME);
            let wide = oracle::widen(&x);
            let gy = noise::<E>(rows * cols, 7);

            let mut y = Guarded::poisoned(rows * cols, 1);
            softmax::softmax_rows(&x, cols, &mut y);
            let expected: Vec<f64> = wide.chunks(cols).flat_map(oracle::softmax).collect();
            // The argument of the exponential is rounded: up to 40 of them.
            assert_near(&y, &expected, &what, |i| 50.0 * eps * expected[i]);

            let mut out = Guarded::poisoned(rows * cols, 2);
            softmax::softmax_grad_rows(&gy, &y, cols, &mut out);
            let y64 = oracle::widen(&y);
            let gy64 = oracle::widen(&gy);
            let (mut grads, mut scales) = (Vec::new(), Vec::new());
            for (gy, y) in gy64.chunks(cols).zip(y64.chunks(cols)) {
                let (dot, magnitude) = oracle::sum(gy.iter().zip(y).map(|(g, y)| g * y));
                grads.extend(gy.iter().zip(y).map(|(g, y)| y * (g - dot)));
                scales.extend(gy.iter().zip(y).map(|(g, y)| y * (g.abs() + magnitude)));
            }
            assert_near(&out, &grads, &what, |i| 40.0 * eps * scales[i]);

            let mut logs = Guarded::poisoned(rows * cols, 3);
            softmax::log_softmax_rows(&x, cols, &mut logs);
            let expected: Vec<f64> = wide
                .chunks(cols)
                .flat_map(|row| {
                    let total = oracle::log_sum_exp(row);
                    row.iter().map(move |v| v - total)
                })
                .collect();
            assert_near(&logs, &expected, &what, |i| 4.0 * eps * (20.0 + expected[i].abs()));

            softmax::log_softmax_grad_rows(&gy, &logs, cols, &mut out);
            let logs64 = oracle::widen(&logs);
            let (mut grads, mut scales) = (Vec::new(), Vec::new());
            for (gy, y) in gy64.chunks(cols).zip(logs64.chunks(cols)) {
                let (total, magnitude) = oracle::sum(gy.iter().copied());
                grads.extend(gy.iter().zip(y).map(|(g, y)| g - y.exp() * total));
                scales.extend(gy.iter().zip(y).map(|(g, y)| g.abs() + y.exp() * magnitude));
            }
            assert_near(&out, &grads, &what, |i| 40.0 * eps * scales[i]);

            let labels: Vec<usize> = (0..rows).map(|i| (i * 7 + 3) % cols).collect();
            let mut losses = Guarded::poisoned(rows, 1);
            let mut normalizers = vec![[E::NAN; 2]; rows];
            softmax::cross_entropy_rows(&x, cols, &labels, &mut losses, &mut normalizers);
            let expected: Vec<f64> = wide.chunks(cols).map(oracle::log_sum_exp).collect();
            let totals: Vec<E> = normalizers
                .iter()
                .map(|[max, sum]| E::from_f64(max.to_f64() + sum.to_f64().ln()))
                .collect();
            assert_near(&totals, &expected, &what, |_| 4.0 * eps * 20.0);
            let expected_totals = expected;
            let expected: Vec<f64> =
                (0..rows).map(|i| expected_totals[i] - wide[i * cols + labels[i]]).collect();
            assert_near(&losses, &expected, &what, |_| 4.0 * eps * 40.0);

            let weights = noise::<E>(rows, 4);
            let all = [Run::Slice(&weights[..]), Run::Splat(E::from_f64(0.25))];
            for gy in all {
                softmax::cross_entropy_grad_rows(&x, cols, &labels, &normalizers, gy, &mut out);
                let weight = |i: usize| match gy {
                    Run::Slice(gy) => gy[i].to_f64(),
                    Run::Splat(gy) => gy.to_f64(),
                };
                let expected: Vec<f64> = (0..rows * cols)
                    .map(|k| {
                        let (i, j) = (k / cols, k % cols);
                        let p = (wide[k] - expected_totals[i]).exp();
                        weight(i) * (p - f64::from(u8::from(labels[i] == j)))
                    })
                    .collect();
                assert_near(&out, &expected, &what, |k| 50.0 * eps * weight(k / cols).abs());
            }
        }
    });
}

#[test]
fn softmax_and_cross_entropy_follow_their_formulas() {
    softmaxes::<f32>();
    softmaxes::<f64>();
}

#[test]
fn rows_with_special_values() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    for_each_level(|level| {
        for cols in [2, 5, 33] {
            let run = |first: f32, rest: f32| {
                let mut x = vec![rest; cols];
                x[0] = first;
                let mut y = vec![0.0; cols];
                softmax::softmax_rows(&x, cols, &mut y);
                y
            };
            let all_nan = |y: Vec<f32>| y.iter().all(|v| v.is_nan());
            assert!(all_nan(run(nan, 0.0)), "NaN on {level}");
            assert!(all_nan(run(-inf, -inf)), "all -inf on {level}");
            assert_eq!(run(inf, 0.0)[..2], [1.0, 0.0], "one inf on {level}");
            assert_eq!(run(inf, -inf)[..2], [1.0, 0.0], "inf and -inf on {level}");
            assert!(all_nan(run(inf, inf)), "several inf on {level}");
            assert!(all_nan(run(inf, nan)), "inf and NaN on {level}");
            assert_eq!(run(-inf, 0.0)[0], 0.0, "one -inf on {level}");
            assert_eq!(run(0.0, -inf)[0], 1.0, "all but one -inf on {level}");
            assert_eq!(run(1e30, -1e30)[0], 1.0, "no overflow on {level}");
        }
    });
}

#[test]
fn wrong_labels_and_shapes_are_told() {
    let told = |f: fn()| {
        let error = std::panic::catch_unwind(f).expect_err("something is wrong");
        error.downcast_ref::<String>().cloned().unwrap_or_default()
    };
    assert_eq!(
        told(|| {
            softmax::cross_entropy_rows(&[0.0; 6], 3, &[1, 3], &mut [0.0; 2], &mut [[0.0; 2]; 2]);
        }),
        "the label of row 1 is 3, but it must be below the number of classes, 3"
    );
    assert!(told(|| softmax::softmax_rows(&[0.0; 5], 2, &mut [0.0; 5])).contains("rows of 2"));
    assert!(told(|| reduce::sum_axis(&[0.0; 5], [1, 2, 3], &mut [0.0; 3])).contains("1 x 2 x 3"));
    assert!(
        told(|| reduce::sum_axis(&[0.0; 5], [usize::MAX, 2, 3], &mut [0.0; 3])).contains("has 5")
    );
}

#[test]
fn minima_along_axes_are_exact() {
    for_each_level(|level| {
        for dims @ [outer, axis, inner] in [[3, 70, 1], [2, 33, 19], [1, 5, 200], [4, 1, 3]] {
            let x: Vec<f64> =
                (0..outer * axis * inner).map(|i| ((i * 37 + 11) % 101) as f64 - 50.0).collect();
            let at = |o: usize, a: usize, i: usize| x[(o * axis + a) * inner + i];
            let mut least = vec![0.0; outer * inner];
            reduce::min_axis(&x, dims, &mut least);
            for o in 0..outer {
                for i in 0..inner {
                    let column = || (0..axis).map(|a| at(o, a, i));
                    let place = o * inner + i;
                    assert_eq!(least[place], column().fold(f64::INFINITY, f64::min), "{level}");
                }
            }
        }
    });
}

/// The methods that the entry points call are reachable, and check for themselves.
#[test]
fn short_outputs_are_refused_below_the_entry_points_too() {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use wengert_kernels::optim::OptimKernels;
    use wengert_kernels::softmax::{RowMap, SoftmaxKernels};
    let long = [1.0_f32; 32];
    let labels = [0; 8];
    let mut buffer = [7.0_f32; 32];
    let mut refused = |what: &str, call: &mut dyn FnMut(&mut [f32])| {
        assert!(catch_unwind(AssertUnwindSafe(|| call(&mut buffer[..4]))).is_err(), "{what}");
        assert_eq!(buffer, [7.0; 32], "{what}");
    };
    refused("sgd", &mut |out| f32::sgd_kernel(out, &long, 0.1, 0.0));
    refused("softmax", &mut |out| f32::row_map_kernel(RowMap::Softmax, &long, 4, out));
    refused("gradient", &mut |out| {
        f32::row_grad_kernel(RowMap::LogSoftmax, &long, &long, 4, out);
    });
    refused("cross entropy", &mut |out| {
        f32::cross_entropy_kernel(&long, 4, &labels, out, &mut [[0.0; 2]; 8]);
    });
    refused("its gradient", &mut |out| {
        f32::cross_entropy_grad_kernel(&long, 4, &labels, &[[1.0; 2]; 8], Run::Splat(1.0), out);
    });
}

fn more_axes<E: Element>() {
    for_each_level(|level| {
        for dims @ [outer, axis, inner] in
            [[3, 7, 1], [2, 300, 1], [4, 1, 9], [1, 33, 64], [3, 17, 130], [2, 0, 3], [1, 200, 5]]
        {
            let x = Guarded::new(&noise::<E>(outer * axis * inner, 9), axis % 5);
            let what = format!("{outer} x {axis} x {inner} {} on {level}", E::NAME);
            let run = |kernel: fn(&[E], [usize; 3], &mut [E])| {
                let mut out = Guarded::poisoned(outer * inner, inner % 3);
                kernel(&x, dims, &mut out);
                out.to_vec()
            };
            let each = |f: &dyn Fn(&mut dyn Iterator<Item = f64>) -> f64| -> Vec<f64> {
                (0..outer * inner)
                    .map(|i| {
                        let at = |a: usize| x[(i / inner * axis + a) * inner + i % inner].to_f64();
                        f(&mut (0..axis).map(at))
                    })
                    .collect()
            };
            let eps = E::EPSILON.to_f64();
            let products = each(&|line| line.product());
            assert_near(&run(reduce::prod_axis), &products, &what, |i| {
                axis as f64 * eps * products[i].abs()
                    + axis as f64 * E::MIN_EXPONENT.to_f64().exp2() * eps
            });
            let sums = each(&|line| line.map(f64::abs).sum());
            assert_near(&run(reduce::sum_abs_axis), &sums, &what, |i| bound::<E>(axis, sums[i]));
            let largest = each(&|line| line.map(f64::abs).fold(0.0, f64::max));
            assert_near(&run(reduce::max_abs_axis), &largest, &what, |_| 0.0);
        }
    });
}

#[test]
fn products_and_magnitudes_are_reduced_along_axes() {
    more_axes::<f32>();
    more_axes::<f64>();
}
