//! Moments, norms and positions of extremes against naive `f64`.

use wengert_kernels::Element;
use wengert_kernels::reduce::{self, mean_variance_axis};
use wengert_kernels::simd::with_level;
use wengert_kernels::testing::{
    Guarded, assert_near, assert_same_bits, for_each_level, noise, oracle,
};

/// Mean and variance of a slice.
fn mean_variance<E: Element>(x: &[E], correction: usize) -> (E, E) {
    let (mut mean, mut variance) = ([E::ZERO], [E::ZERO]);
    mean_variance_axis(x, [1, x.len(), 1], correction, &mut mean, &mut variance);
    (mean[0], variance[0])
}

fn statistics(x: &[f64], correction: f64) -> (f64, f64) {
    let count = x.len() as f64;
    let mean = oracle::sum(x.iter().copied()).0 / count;
    let (sum, _) = oracle::sum(x.iter().map(|x| x - mean));
    let (squares, _) = oracle::sum(x.iter().map(|x| (x - mean) * (x - mean)));
    (mean + sum / count, (squares - sum * sum / count) / (count - correction).max(0.0))
}

/// The documented bounds: of the mean relative to the magnitudes, and of the variance to itself.
fn mean_bound<E: Element>(n: usize, magnitude: f64) -> f64 {
    (50.0 + n as f64 / 512.0) * E::EPSILON.to_f64() * magnitude
}

fn variance_bound<E: Element>(n: usize, variance: f64) -> f64 {
    (500.0 + n as f64 / 512.0) * E::EPSILON.to_f64() * variance
}

/// Numbers with a standard deviation of about 0.6 around a mean, among them those that cancel in a
/// sum of squares, and of whatever scale.
fn about<E: Element>(len: usize, mean: f64, scale: f64) -> Vec<E> {
    noise::<f64>(len, len as u64).iter().map(|x| E::from_f64((x + mean) * scale)).collect()
}

fn slices<E: Element>() {
    let lengths = (1..=70).chain([127, 128, 129, 2047, 8191, 8192, 8193, 30_000, 300_007]);
    for_each_level(|level| {
        for len in lengths.clone() {
            for (mean, scale) in [(0.0, 1.0), (0.5, 1e-6), (1.5, 1.0), (1000.0, 1e3)] {
                let x = Guarded::new(&about::<E>(len, mean, scale), len % 7);
                let what = format!("{len} about {mean}, {} on {level}", E::NAME);
                let wide = oracle::widen(&x);
                let magnitude = oracle::sum(wide.iter().copied()).1 / len as f64;
                for correction in [0, 1] {
                    let (m, v) = statistics(&wide, correction as f64);
                    let (got_m, got_v) = mean_variance(&x[..], correction);
                    assert_near(&[got_m], &[m], &what, |_| mean_bound::<E>(len, magnitude));
                    if len > correction {
                        // The variance of one number is zero but for the mean's rounding.
                        let least = (E::EPSILON.to_f64() * m).powi(2);
                        assert_near(&[got_v], &[v], &what, |_| variance_bound::<E>(len, v) + least);
                    } else {
                        assert!(!got_v.is_finite(), "{what}: {got_v}");
                    }
                }
            }
        }
    });
}

#[test]
fn moments_are_within_the_bounds() {
    slices::<f32>();
    slices::<f64>();
}

fn axes<E: Element>() {
    let shapes = [
        [1, 5, 1],
        [3, 7, 1],
        [2, 300, 1],
        [4, 1, 9],
        [2, 3, 5],
        [1, 33, 64],
        [1, 100, 71],
        [3, 17, 130],
        [5, 9000, 3],
        [1, 2000, 70],
        [2, 150_000, 1],
    ];
    for_each_level(|level| {
        for dims @ [outer, axis, inner] in shapes {
            for mean in [0.0, 1.0, 500.0] {
                let x = Guarded::new(&about::<E>(outer * axis * inner, mean, 1.0), axis % 5);
                let what = format!("{dims:?} about {mean}, {} on {level}", E::NAME);
                let mut means = Guarded::<E>::poisoned(outer * inner, 1);
                let mut variances = Guarded::<E>::poisoned(outer * inner, 2);
                mean_variance_axis(&x, dims, 0, &mut means, &mut variances);
                for i in 0..outer * inner {
                    let at = |a: usize| x[(i / inner * axis + a) * inner + i % inner].to_f64();
                    let line: Vec<f64> = (0..axis).map(at).collect();
                    let (m, v) = statistics(&line, 0.0);
                    assert_near(&[means[i]], &[m], &what, |_| mean_bound::<E>(axis, m.abs() + 1.0));
                    let least = (E::EPSILON.to_f64() * m).powi(2);
                    assert_near(&[variances[i]], &[v], &what, |_| {
                        variance_bound::<E>(axis, v) + least
                    });
                }
            }
        }
    });
}

#[test]
fn moments_along_axes_are_within_the_bounds() {
    axes::<f32>();
    axes::<f64>();
}

/// An outlier as the first element is the worst to take distances from.
#[test]
fn an_outlier_does_not_hurt() {
    for_each_level(|level| {
        let mut x = noise::<f32>(4000, 1);
        x[0] = 1e6;
        let (_, expected) = statistics(&oracle::widen(&x), 0.0);
        let mut out = [0.0; 2];
        let (mean, variance) = out.split_at_mut(1);
        mean_variance_axis(&x, [1, 4000, 1], 0, mean, variance);
        assert_near(variance, &[expected], &format!("{level}"), |_| 1e-5 * expected);
        let spread: Vec<f32> = x.iter().flat_map(|x| [*x, 0.0]).collect();
        let (mut mean, mut variance) = ([0.0; 2], [0.0; 2]);
        mean_variance_axis(&spread, [1, 4000, 2], 0, &mut mean, &mut variance);
        assert_near(&variance, &[expected, 0.0], &format!("{level}"), |_| 1e-5 * expected);
    });
}

#[test]
fn special_values_of_moments() {
    for_each_level(|level| {
        let (mean, variance) = mean_variance::<f32>(&[], 0);
        assert!(mean.is_nan() && variance.is_nan(), "{level}");
        for len in [1, 17, 100, 9000] {
            let mut x = vec![1.0_f32; len];
            assert_eq!(mean_variance(&x, 0), (1.0, 0.0), "{len} on {level}");
            x[len / 2] = f32::INFINITY;
            assert!(mean_variance(&x, 0).1.is_nan(), "{len} on {level}");
            x[len - 1] = f32::NAN;
            let (mean, variance) = mean_variance(&x, 0);
            assert!(mean.is_nan() && variance.is_nan(), "{len} on {level}");
        }
        // The same in a column, wherever it is in a block of rows, alone in it or not.
        for (rows, cols) in [(1, 3), (2, 40), (32, 5), (33, 17), (70, 9)] {
            for at in [0, 1, 31, 32, rows - 1].into_iter().filter(|at| *at < rows) {
                for special in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    let mut x: Vec<f32> = noise(rows * cols, 5);
                    x[at * cols + cols / 2] = special;
                    let (mut mean, mut variance) = (vec![0.0; cols], vec![0.0; cols]);
                    mean_variance_axis(&x, [1, rows, cols], 0, &mut mean, &mut variance);
                    for i in 0..cols {
                        let what = format!("{special} at {at} of {rows} x {cols}, {i} on {level}");
                        assert_eq!(variance[i].is_nan(), i == cols / 2, "{what}");
                        assert_eq!(mean[i].is_finite(), i != cols / 2, "{what}");
                    }
                }
            }
        }
        // The squares overflow, the deviations' do not.
        let large = [3e30_f32, 3e30 + 1e25, 3e30 - 1e25];
        let (mean, _) = mean_variance(&large, 0);
        assert!((mean / 3e30 - 1.0).abs() < 1e-6, "{mean} on {level}");
    });
}

#[test]
fn moments_do_not_depend_on_threads() {
    let x = noise::<f32>(1_200_000, 9);
    let run = || {
        let (mean, variance) = mean_variance(&x, 1);
        let mut all = vec![mean, variance];
        for dims in [[12, 100_000, 1], [3, 400_000, 1], [2, 1000, 600], [1200, 1000, 1]] {
            let [outer, _, inner] = dims;
            let mut out = vec![0.0; 2 * outer * inner];
            let (mean, variance) = out.split_at_mut(outer * inner);
            mean_variance_axis(&x, dims, 0, mean, variance);
            all.extend(out);
        }
        all.push(reduce::norm(&x));
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

fn norms<E: Element>() {
    let (tiny, huge) = if E::NAME == "f32" { (1e-40, 1e38) } else { (1e-310, 1e308) };
    for_each_level(|level| {
        for len in [0, 1, 5, 64, 1000, 200_001] {
            for scale in [1.0, 1e-15, 1e15, tiny, huge / 1e3] {
                let x = about::<E>(len, 0.0, scale);
                let wide: Vec<f64> = x.iter().map(|x| x.to_f64() / scale).collect();
                let expected = oracle::sum(wide.iter().map(|x| x * x)).0.sqrt() * scale;
                let bound = (14.0 + (len.max(1) as f64).log2()) * E::EPSILON.to_f64() * expected;
                // Subnormal results are whole multiples of the smallest.
                let least =
                    if E::NAME == "f32" { f64::from(f32::from_bits(1)) } else { f64::from_bits(1) };
                let what = format!("{len} of {scale:e}, {} on {level}", E::NAME);
                assert_near(&[reduce::norm(&x)], &[expected], &what, |_| bound + least);
            }
        }
        let e = E::from_f64;
        assert_eq!(reduce::norm(&[e(0.0); 9]), e(0.0), "{level}");
        assert_eq!(reduce::norm(&[e(1.0), E::NEG_INFINITY]), E::INFINITY, "{level}");
        assert_eq!(reduce::norm(&[e(huge); 30]), E::INFINITY, "{level}");
        assert!(reduce::norm(&[E::NAN, E::INFINITY]).is_nan(), "{level}");
        let mut overflown = [e(huge); 31];
        overflown[30] = E::NAN;
        assert!(reduce::norm(&overflown).is_nan(), "{level}");
        assert_eq!(reduce::norm::<E>(&[]), e(0.0), "{level}");
    });
}

#[test]
fn norms_neither_overflow_nor_underflow() {
    norms::<f32>();
    norms::<f64>();
}

/// The first of the largest; NaN is larger than all.
fn first(line: &[f64], smallest: bool) -> usize {
    let sign = if smallest { -1.0 } else { 1.0 };
    let mut best = 0;
    for (i, x) in line.iter().enumerate() {
        if sign * x > sign * line[best] || (x.is_nan() && !line[best].is_nan()) {
            best = i;
        }
    }
    best
}

#[test]
fn positions_are_those_of_the_first_extreme() {
    let shapes = [
        [1, 1, 1],
        [5, 7, 1],
        [2, 9000, 1],
        [3, 4, 5],
        [1, 40, 16],
        [2, 33, 100],
        [1, 9000, 3],
        [300, 500, 1],
    ];
    for_each_level(|level| {
        for dims @ [outer, axis, inner] in shapes {
            // Few values, so that there are ties; and now and then none, or no number.
            for special in [0.0, f64::NAN, f64::NEG_INFINITY, f64::INFINITY] {
                let x: Vec<f64> = noise::<f64>(outer * axis * inner, 3)
                    .iter()
                    .enumerate()
                    .map(|(i, x)| if i % 37 == 5 { special } else { (x * 4.0).round() })
                    .collect();
                let narrow: Vec<f32> = x.iter().map(|x| *x as f32).collect();
                let mut got = [(); 4].map(|()| vec![usize::MAX; outer * inner]);
                let [a, b, c, d] = &mut got;
                reduce::argmax_axis(&x, dims, a);
                reduce::argmin_axis(&x, dims, b);
                reduce::argmax_axis(&narrow, dims, c);
                reduce::argmin_axis(&narrow, dims, d);
                for i in 0..outer * inner {
                    let at = |a: usize| x[(i / inner * axis + a) * inner + i % inner];
                    let line: Vec<f64> = (0..axis).map(at).collect();
                    let (largest, smallest) = (first(&line, false), first(&line, true));
                    let expected = [largest, smallest, largest, smallest];
                    let got = [a[i], b[i], c[i], d[i]];
                    assert_eq!(got, expected, "line {i} of {dims:?}, {special} on {level}");
                }
            }
        }
        let mut out = [7];
        reduce::argmax_rows(&[f32::NEG_INFINITY; 20], 20, &mut out);
        assert_eq!(out, [0], "{level}");
    });
}

#[test]
#[should_panic(expected = "along an axis without elements")]
fn nothing_has_no_largest_element() {
    reduce::argmax_axis::<f32>(&[], [1, 0, 3], &mut [0; 3]);
}

fn scaled_moments<E: Element>() {
    let limit: f64 = if E::NAME == "f32" { 1e38 } else { 1e308 };
    for_each_level(|level| {
        for [axis, inner] in [[2, 1], [9, 1], [1000, 1], [5, 3], [70, 40]] {
            let wide: Vec<f64> = noise::<f64>(axis * inner, 3).iter().map(|x| x + 0.4).collect();
            for scale in [limit, limit.sqrt() * 30.0, 30.0 / limit.sqrt(), limit.recip() * 30.0] {
                let x: Vec<E> = wide.iter().map(|x| E::from_f64(x * scale)).collect();
                let what = format!("{axis} x {inner} of {scale:e}, {} on {level}", E::NAME);
                let mut out = [(); 4].map(|()| vec![E::ZERO; inner]);
                let [mean, spread, variance, norm] = &mut out;
                mean_variance_axis(&x, [1, axis, inner], 0, mean, variance);
                reduce::mean_deviation_axis(&x, [1, axis, inner], 0, mean, spread);
                reduce::norm_axis(&x, [1, axis, inner], norm);
                let line = |i: usize| -> Vec<f64> {
                    (0..axis).map(|a| x[a * inner + i].to_f64() / scale).collect()
                };
                let each = |f: &dyn Fn(&[f64]) -> f64| -> Vec<f64> {
                    (0..inner).map(|i| f(&line(i))).collect()
                };
                let means = each(&|x| statistics(x, 0.0).0 * scale);
                let variances = each(&|x| statistics(x, 0.0).1 * scale * scale);
                let spreads = each(&|x| statistics(x, 0.0).1.sqrt() * scale);
                let norms = each(&|x| x.iter().map(|x| x * x).sum::<f64>().sqrt() * scale);
                let least = E::MIN_EXPONENT.to_f64().exp2() * E::EPSILON.to_f64();
                assert_near(mean, &means, &what, |_| mean_bound::<E>(axis, scale));
                let near = |size: f64| variance_bound::<E>(axis, size) + least;
                let element = |x: &f64| E::from_f64(*x).to_f64();
                assert_near(spread, &spreads.iter().map(element).collect::<Vec<_>>(), &what, |i| {
                    near(spreads[i])
                });
                let norms: Vec<f64> = norms.iter().map(element).collect();
                assert_near(norm, &norms, &what, |i| near(norms[i]));
                for (got, right) in variance.iter().zip(variances.iter().map(element)) {
                    let same = got.to_f64() == right;
                    assert!(same || (got.to_f64() - right).abs() <= near(right), "{what}: {got}");
                }
            }
        }
    });
}

#[test]
fn moments_of_any_scale_are_within_the_bounds() {
    scaled_moments::<f32>();
    scaled_moments::<f64>();
}

#[test]
fn partial_sums_may_leave_the_range() {
    for_each_level(|level| {
        for len in [3, 33, 5000] {
            let mut x = vec![3e38_f32; len];
            x[len / 2..].fill(-3e38);
            x[0] = 1e38;
            let right = x.iter().map(|x| f64::from(*x)).sum::<f64>();
            let right = right as f32;
            assert_eq!(reduce::sum(&x), right, "{len} on {level}");
            let pairs: Vec<f32> = x.iter().flat_map(|x| [*x, 1.0]).collect();
            let mut out = [0.0; 2];
            reduce::sum_axis(&pairs, [1, len, 2], &mut out);
            assert_eq!(out, [right, len as f32], "{len} on {level}");
        }
        assert_eq!(reduce::sum(&[f64::MAX, f64::MAX, -f64::MAX]), f64::MAX, "{level}");
        assert_eq!(reduce::sum(&[f32::MAX; 4]), f32::INFINITY, "{level}");
        assert!(reduce::sum(&[f32::MAX, f32::MAX, f32::NAN]).is_nan(), "{level}");
        // Every square is zero.
        let tiny = vec![1e-23_f32; 1_000_000];
        let squares = reduce::sum_squares(&tiny) * 2_f32.powi(100);
        assert!((squares / (1e-40 * 2_f64.powi(100)) as f32 - 1.0).abs() < 1e-4, "{squares}");
    });
}
