//! Scans against sequential loops in f64.

use wengert_kernels::Element;
use wengert_kernels::scan::{cumprod_axis, cumsum_axis, recurrence_axis};
use wengert_kernels::testing::{Guarded, assert_near, for_each_level, noise};

fn scans<E: Element>() {
    let shapes = [
        [1, 5, 1],
        [3, 17, 1],
        [2, 4, 9],
        [1, 40, 71],
        [0, 3, 2],
        [2, 0, 3],
        [1, 1, 1],
        [900, 100, 1],
    ];
    for_each_level(|level| {
        for dims @ [outer, axis, inner] in shapes {
            let len = outer * axis * inner;
            let x = Guarded::new(&noise::<E>(len, 1), 1);
            let factors = Guarded::new(&noise::<E>(len, 2), 3);
            for reverse in [false, true] {
                let what = format!("{dims:?} {reverse} {} on {level}", E::NAME);
                let [mut sums, mut products, mut recurrences] =
                    [1, 2, 3].map(|offset| Guarded::poisoned(len, offset));
                cumsum_axis(&x, dims, reverse, &mut sums);
                cumprod_axis(&x, dims, reverse, &mut products);
                recurrence_axis(&x, &factors, dims, reverse, &mut recurrences);
                let mut expected = [vec![0.0; len], vec![0.0; len], vec![0.0; len]];
                for line in 0..outer * inner {
                    let (mut sum, mut product, mut state) = (0.0, 1.0, 0.0);
                    for i in 0..axis {
                        let i = if reverse { axis - 1 - i } else { i };
                        let at = (line / inner * axis + i) * inner + line % inner;
                        sum += x[at].to_f64();
                        product *= x[at].to_f64();
                        state = x[at].to_f64() + factors[at].to_f64() * state;
                        expected[0][at] = sum;
                        expected[1][at] = product;
                        expected[2][at] = state;
                    }
                }
                // One rounding to `E`, and the steps' in f64 of what is at most `axis`.
                let (eps, steps) = (E::EPSILON.to_f64(), axis as f64 * f64::EPSILON);
                let least = E::MIN_EXPONENT.to_f64().exp2() * eps;
                for (got, expected) in [(&sums, &expected[0]), (&recurrences, &expected[2])] {
                    assert_near(got, expected, &what, |i| {
                        eps * expected[i].abs() + axis as f64 * steps
                    });
                }
                assert_near(&products, &expected[1], &what, |i| {
                    (eps + 2.0 * steps) * expected[1][i].abs() + least
                });
            }
        }
    });
}

#[test]
fn lines_are_scanned_from_either_end() {
    scans::<f32>();
    scans::<f64>();
}

/// The elements of a line, as multiples of a power of two.
struct Multiples {
    name: &'static str,
    len: usize,
    at: fn(usize) -> i64,
    exponent: i32,
}

/// Running sums of lines where a sum in the elements' own precision stands still or drifts away,
/// alone and side by side, against sums of integers, which are exact.
fn long_sums<E: Element>(lines: &[Multiples]) {
    let eps = E::EPSILON.to_f64();
    for_each_level(|level| {
        for &Multiples { name, len, at, exponent } in lines {
            let unit = f64::from(exponent).exp2();
            for (inner, reverse) in [(1, false), (1, true), (3, false), (700, true)] {
                if inner * len > 1 << 25 {
                    continue;
                }
                let what = format!("{name} {len} x {inner}, reverse {reverse}, on {level}");
                let element = |i: usize| E::from_f64(at(i) as f64 * unit);
                let x: Vec<E> = (0..len * inner).map(|i| element(i / inner)).collect();
                let mut out = vec![E::ZERO; x.len()];
                cumsum_axis(&x, [1, len, inner], reverse, &mut out);
                let (mut exact, mut magnitude) = (0, 0.0);
                for i in 0..len {
                    let i = if reverse { len - 1 - i } else { i };
                    exact += at(i);
                    magnitude += x[i * inner].to_f64().abs();
                    let expected = exact as f64 * unit;
                    let bound = eps * expected.abs() + eps * eps * magnitude;
                    for got in &out[i * inner..(i + 1) * inner] {
                        let error = (got.to_f64() - expected).abs();
                        assert!(error <= bound, "{what}: {got} instead of {expected} at {i}");
                    }
                }
            }
        }
    });
}

#[test]
fn running_sums_keep_what_a_sum_keeps() {
    // One, and many elements that are lost when they are added to it one by one.
    let small = |i| if i == 0 { 1 << 27 } else { 1 };
    let tiny = |i| if i == 0 { 1 << 56 } else { 1 };
    let tenths = |i| 13_421_773 + (i % 3) as i64;
    let cancelling = |i| [1 << 60, i as i64, -(1 << 60)][i % 3];
    let line = |name, len, at, exponent| Multiples { name, len, at, exponent };
    long_sums::<f32>(&[
        line("ones", (1 << 24) + 9, |_| 1, 0),
        line("least numbers", (1 << 24) + 9, |_| 1, -149),
        line("one and small", 1_000_000, small, -27),
        line("large and small", 1_000_000, small, 90),
        line("tenths", 100_000, |i| 13_421_773 - (i % 2) as i64 * 5, -27),
    ]);
    long_sums::<f64>(&[
        line("tenths", 100_000, tenths, 900),
        line("one and tiny", 100_000, tiny, -56),
        line("small and least", 100_000, tiny, -1070),
        line("cancelling", 3000, cancelling, 0),
        line("cancelling", 3000, cancelling, 950),
    ]);
}

fn special_values<E: Element>() {
    let (inf, nan) = (E::INFINITY, E::NAN);
    for_each_level(|level| {
        for inner in [1, 5] {
            let run = |line: [E; 4]| {
                let x: Vec<E> = line.iter().flat_map(|&v| std::iter::repeat_n(v, inner)).collect();
                let mut out = vec![E::ZERO; x.len()];
                cumsum_axis(&x, [1, 4, inner], false, &mut out);
                [0, 1, 2, 3].map(|i| out[i * inner])
            };
            let one = E::ONE;
            assert_eq!(run([one, inf, one, inf]), [one, inf, inf, inf], "{level}");
            let after = run([one, inf, -inf, one]);
            assert!(after[1] == inf && after[2].is_nan() && after[3].is_nan(), "{level}");
            let after = run([one, nan, one, inf]);
            assert!(after[0] == one && after[1..].iter().all(|v| v.is_nan()), "{level}");
        }
    });
}

#[test]
fn running_sums_of_infinities_and_nan() {
    special_values::<f32>();
    special_values::<f64>();
}

/// What is beyond the range of f32 on the way does not stay there.
#[test]
fn intermediate_states_of_f32_do_not_overflow_or_vanish() {
    let mut out = [0.0_f32; 3];
    cumsum_axis(&[3e38, 3e38, -3e38], [1, 3, 1], false, &mut out);
    assert_eq!(out, [3e38, f32::INFINITY, 3e38]);
    for (x, expected) in [
        ([1e30, 1e30, 1e-30], [1e30, f32::INFINITY, 1e30]),
        ([1e-30, 1e-30, 1e30], [1e-30, 0.0, 1e-30]),
    ] {
        cumprod_axis(&x, [1, 3, 1], false, &mut out);
        assert_eq!(out, expected);
        recurrence_axis(&[x[0], 0.0, 0.0], &x, [1, 3, 1], false, &mut out);
        assert_eq!(out, expected);
    }
}

#[test]
#[should_panic(expected = "a scan of 2 x 3 x 1 takes and gives as many elements")]
fn lengths_must_agree() {
    cumsum_axis(&[1.0_f32; 5], [2, 3, 1], false, &mut [0.0; 6]);
}
