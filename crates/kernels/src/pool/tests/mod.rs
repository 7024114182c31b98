//! Pools against naive loops, on every level.

use crate::pool::kernels::area;
use rayon::ThreadPoolBuilder;

use super::*;
use crate::testing::conv::each_seen;
use crate::testing::{Guarded, assert_near, assert_same_bits, for_each_level, noise};
use crate::window::Window;

/// Every combination of small sizes that makes a pool.
fn geometries(mut visit: impl FnMut(PoolGeometry)) {
    let (mut turn, mut count) = (0, 0);
    for kernel in 1..=4 {
        for other in 1..=3 {
            for stride in 1..=3 {
                for dilation in 1..=2 {
                    for padding in [[0, 0], [1, 1], [0, 1], [2, 1]] {
                        for width in [1, 2, 5, 8, 17, 35] {
                            turn += 1;
                            let window = Window {
                                kernel: [other, kernel],
                                stride: [[1, 2, 3, 2][turn % 4], stride],
                                padding: [[[0, 0], [1, 0]][turn % 2], padding],
                                dilation: [[1, 2][turn / 2 % 2], dilation],
                            };
                            let input = [[1, 4, 7, 9][turn / 3 % 4], width];
                            let planes = [1, 3][turn / 5 % 2];
                            for make in [PoolGeometry::new, PoolGeometry::ceil] {
                                if let Ok(geometry) = make(planes, input, window) {
                                    count += 1;
                                    visit(geometry);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(count > 500, "{count} geometries");
}

/// Calls `each` with every output's index and the indices its window sees, in row-major order.
fn outputs(geometry: &PoolGeometry, mut each: impl FnMut(usize, [usize; 2], &[usize])) {
    let ([height, width], [rows, cols]) = (geometry.input(), geometry.output());
    let mut seen = Vec::new();
    for plane in 0..geometry.planes() {
        for i in 0..rows {
            for j in 0..cols {
                seen.clear();
                each_seen(&geometry.window(), [height, width], [i, j], |[y, x], _| {
                    seen.push((plane * height + y) * width + x);
                });
                each((plane * rows + i) * cols + j, [i, j], &seen);
            }
        }
    }
}

fn lengths(geometry: &PoolGeometry) -> (usize, usize) {
    (geometry.planes() * area(geometry.input()), geometry.planes() * area(geometry.output()))
}

/// Few different values, so that maxima tie; every so often one that is special.
fn steps<E: Element>(len: usize, seed: u64, special: bool) -> Vec<E> {
    let mut values = noise::<E>(len, seed);
    for (i, value) in values.iter_mut().enumerate() {
        *value = E::from_f64((value.to_f64() * 2.0).round());
        if special {
            match (i as u64 * 7 + seed) % 23 {
                0 => *value = E::NAN,
                3..=8 => *value = E::NEG_INFINITY,
                9 => *value = E::INFINITY,
                _ => {}
            }
        }
    }
    values
}

fn max_matches<E: Element>(geometry: &PoolGeometry, seed: u64, special: bool) {
    let (input, output) = lengths(geometry);
    let x = Guarded::<E>::new(&steps(input, seed, special), seed as usize % 3);
    // Whole numbers: their sums are exact.
    let gy = steps::<E>(output, seed + 1, false);
    let mut y = Guarded::<E>::poisoned(output, 1);
    let mut gx = Guarded::<E>::poisoned(input, 2);
    max_pool(geometry, &x, &mut y);
    max_pool_grad(geometry, &x, &gy, &mut gx);
    let from = steps::<E>(input, seed + 2, false);
    let mut picked = Guarded::<E>::poisoned(output, 0);
    max_pool_pick(geometry, &x, &from, &mut picked);
    let (mut want, mut want_grad) = (vec![E::NEG_INFINITY; output], vec![E::ZERO; input]);
    let mut want_picked = vec![E::ZERO; output];
    outputs(geometry, |out, _, seen| {
        let Some(&first) = seen.first() else { return };
        let mut at = first;
        for &i in seen {
            if !x[at].is_nan() && (x[i].is_nan() || x[i] > x[at]) {
                at = i;
            }
        }
        want[out] = x[at];
        want_grad[at] += gy[out];
        want_picked[out] = from[at];
    });
    assert_eq!(*picked, *want_picked, "{geometry:?}");
    // Zeros of either sign are the same maximum.
    for (i, (&y, &want)) in y.iter().zip(&want).enumerate() {
        let same = y == want || y.is_nan() && want.is_nan();
        assert!(same, "element {i} is {y}, not {want} in {geometry:?}");
    }
    assert_eq!(*gx, *want_grad, "{geometry:?}");
}

#[test]
fn the_maximum_and_its_gradient() {
    for_each_level(|_| {
        let mut seed = 0;
        geometries(|geometry| {
            seed += 1;
            max_matches::<f32>(&geometry, seed, false);
            max_matches::<f32>(&geometry, seed, true);
            max_matches::<f64>(&geometry, seed, seed % 2 == 0);
        });
    });
}

/// The positions that count, by looking at each.
fn count(geometry: &PoolGeometry, count_include_pad: bool, output: [usize; 2]) -> usize {
    let window = geometry.window();
    let along = |axis: usize| {
        let [before, behind] = window.padding[axis].map(|padding| padding as isize);
        let size = geometry.input()[axis] as isize;
        (0..window.kernel[axis])
            .map(|tap| output[axis] * window.stride[axis] + tap * window.dilation[axis])
            .map(|at| at as isize - before)
            .filter(|at| {
                (0..size).contains(at) || count_include_pad && (-before..size + behind).contains(at)
            })
            .count()
    };
    (along(0) * along(1)).max(1)
}

fn mean_matches<E: Element>(geometry: &PoolGeometry, count_include_pad: bool, seed: u64) {
    let (input, output) = lengths(geometry);
    let x = Guarded::<E>::new(&noise(input, seed), seed as usize % 3);
    let gy = noise::<E>(output, seed + 1);
    let mut y = Guarded::<E>::poisoned(output, 1);
    let mut gx = Guarded::<E>::poisoned(input, 2);
    avg_pool(geometry, count_include_pad, &x, &mut y);
    avg_pool_grad(geometry, count_include_pad, &gy, &mut gx);
    let (mut want, mut bound) = (vec![0.0; output], vec![0.0; output]);
    let (mut grad, mut grad_bound) = (vec![0.0; input], vec![0.0; input]);
    let mut terms = vec![0.0; input];
    outputs(geometry, |out, at, seen| {
        let count = count(geometry, count_include_pad, at) as f64;
        want[out] = seen.iter().map(|&i| x[i].to_f64()).sum::<f64>() / count;
        let magnitude = seen.iter().map(|&i| x[i].to_f64().abs()).sum::<f64>() / count;
        bound[out] = (seen.len() as f64 + 2.0) * E::EPSILON.to_f64() * magnitude;
        for &i in seen {
            grad[i] += gy[out].to_f64() / count;
            grad_bound[i] += gy[out].to_f64().abs() / count * E::EPSILON.to_f64();
            terms[i] += 1.0;
        }
    });
    let what = format!("{geometry:?}, count_include_pad {count_include_pad}");
    assert_near(&y, &want, &what, |i| bound[i]);
    assert_near(&gx, &grad, &what, |i| (terms[i] + 2.0) * grad_bound[i]);
    // The adjoint identity.
    let inner =
        |a: &[E], b: &[E]| -> f64 { a.iter().zip(b).map(|(a, b)| a.to_f64() * b.to_f64()).sum() };
    let (forward, back) = (inner(&y, &gy), inner(&x, &gx));
    let tolerance = 40.0 * E::EPSILON.to_f64() * (input + output) as f64;
    assert!((forward - back).abs() <= tolerance, "{forward} and {back} in {what}");
}

#[test]
fn the_mean_and_its_gradient() {
    for_each_level(|_| {
        let mut seed = 0;
        geometries(|geometry| {
            seed += 1;
            mean_matches::<f32>(&geometry, seed % 2 == 0, seed);
            mean_matches::<f64>(&geometry, seed % 2 == 1, seed);
        });
    });
}

#[test]
fn a_nan_reaches_the_means_that_see_it() {
    for_each_level(|_| {
        let window = Window::new([2, 3]).stride([1, 2]).padding([1, 1]);
        let geometry = PoolGeometry::new(2, [4, 19], window).unwrap();
        let (input, output) = lengths(&geometry);
        for place in [0, 18, 40, input - 1] {
            let (mut x, mut y) = (vec![1.0_f32; input], vec![0.0; output]);
            x[place] = f32::NAN;
            avg_pool(&geometry, true, &x, &mut y);
            outputs(&geometry, |out, _, seen| {
                assert_eq!(y[out].is_nan(), seen.contains(&place), "element {out}");
            });
        }
    });
}

fn adaptive_matches<E: Element>(geometry: &AdaptiveGeometry, seed: u64) {
    let ([height, width], [rows, cols]) = (geometry.input(), geometry.output());
    let (input, output) = (geometry.planes() * height * width, geometry.planes() * rows * cols);
    let x = Guarded::<E>::new(&noise(input, seed), seed as usize % 3);
    let gy = noise::<E>(output, seed + 1);
    let mut y = Guarded::<E>::poisoned(output, 1);
    let mut gx = Guarded::<E>::poisoned(input, 2);
    adaptive_avg_pool(geometry, &x, &mut y);
    adaptive_avg_pool_grad(geometry, &gy, &mut gx);
    // Sums, their magnitudes, and how many terms they have.
    let (mut want, mut grad) = (vec![[0.0; 3]; output], vec![[0.0; 3]; input]);
    let add = |sum: &mut [f64; 3], term: f64| {
        *sum = [sum[0] + term, sum[1] + term.abs(), sum[2] + 1.0];
    };
    // PyTorch's bins, in floating point as the definition is.
    let bin = |i: usize, input: usize, output: usize| {
        let ratio = |i: usize| i as f64 * input as f64 / output as f64;
        ratio(i).floor() as usize..ratio(i + 1).ceil() as usize
    };
    for plane in 0..geometry.planes() {
        for i in 0..rows {
            for j in 0..cols {
                let (down, across) = (bin(i, height, rows), bin(j, width, cols));
                let share = 1.0 / (down.len() * across.len()) as f64;
                let out = (plane * rows + i) * cols + j;
                for r in down {
                    for c in across.clone() {
                        let at = (plane * height + r) * width + c;
                        add(&mut want[out], x[at].to_f64() * share);
                        add(&mut grad[at], gy[out].to_f64() * share);
                    }
                }
            }
        }
    }
    // The reference's own roundings are those of as many additions.
    for (got, want) in [(&y, &want), (&gx, &grad)] {
        let exact: Vec<f64> = want.iter().map(|sum| sum[0]).collect();
        assert_near(got, &exact, &format!("{geometry:?}"), |i| {
            2.0 * (want[i][2] + 2.0) * E::EPSILON.to_f64() * want[i][1]
        });
    }
}

#[test]
fn bins_that_divide_the_input() {
    for_each_level(|_| {
        let mut seed = 0;
        for height in [1, 2, 3, 7] {
            for width in [1, 2, 5, 9, 20] {
                for rows in [1, 2, 3, 8] {
                    for cols in [1, 3, 7, 20, 33] {
                        seed += 1;
                        let geometry =
                            AdaptiveGeometry::new(2, [height, width], [rows, cols]).unwrap();
                        adaptive_matches::<f32>(&geometry, seed);
                        adaptive_matches::<f64>(&geometry, seed);
                    }
                }
            }
        }
    });
}

#[test]
fn threads_and_alignment_change_no_bit() {
    for_each_level(|level| {
        let window = Window::new([3, 3]).stride([2, 2]).padding([1, 1]);
        let geometry = PoolGeometry::new(130, [30, 41], window).unwrap();
        let adaptive = AdaptiveGeometry::new(130, [30, 41], [7, 6]).unwrap();
        let (input, output) = lengths(&geometry);
        let all = |offset: usize| {
            let x = Guarded::<f32>::new(&noise(input, 1), offset);
            let gy = Guarded::<f32>::new(&noise(output, 2), offset);
            let narrow = Guarded::<f32>::new(&noise(130 * 42, 3), offset);
            let mut out = [output, input, output, input, 130 * 42, input]
                .map(|len| Guarded::<f32>::poisoned(len, offset));
            let [a, b, c, d, e, f] = &mut out;
            max_pool(&geometry, &x, a);
            max_pool_grad(&geometry, &x, &gy, b);
            avg_pool(&geometry, true, &x, c);
            avg_pool_grad(&geometry, true, &gy, d);
            adaptive_avg_pool(&adaptive, &x, e);
            adaptive_avg_pool_grad(&adaptive, &narrow, f);
            out
        };
        let alone = all(0);
        for threads in 1..=8 {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let body = || crate::simd::with_level(level, || all(threads % 5)).unwrap();
            for (got, want) in pool.install(body).iter().zip(&alone) {
                assert_same_bits(got, want, &format!("{threads} threads"));
            }
        }
    });
}

#[test]
fn empty_sizes() {
    let window = Window::new([2, 2]).padding([1, 1]);
    for (planes, input) in [(0, [3, 3]), (2, [0, 3]), (2, [0, 0])] {
        let geometry = PoolGeometry::new(planes, input, window).unwrap();
        max_matches::<f32>(&geometry, 1, false);
        mean_matches::<f32>(&geometry, true, 1);
        mean_matches::<f32>(&geometry, false, 1);
    }
    for (planes, input, output) in [(0, [2, 2], [1, 1]), (2, [0, 3], [0, 2]), (2, [3, 3], [2, 0])] {
        adaptive_matches::<f32>(&AdaptiveGeometry::new(planes, input, output).unwrap(), 1);
    }
}

/// `ceil` as PyTorch documents it: a window that would begin in the trailing padding is left out.
#[test]
fn sizes_rounded_up() {
    let output = |size, window| PoolGeometry::ceil(1, [1, size], window).unwrap().output()[1];
    assert_eq!(output(6, Window::line(3, 2, 0, 1)), 3);
    assert_eq!(output(7, Window::line(3, 2, 0, 1)), 3);
    assert_eq!(output(5, Window::line(2, 2, 1, 1)), 3);
    assert_eq!(output(4, Window::line(1, 3, 0, 1)), 2);
    assert_eq!(output(3, Window::line(1, 4, 0, 1)), 1);
}

#[test]
fn what_is_refused() {
    let error = |window| PoolGeometry::new(1, [4, 4], window).unwrap_err().to_string();
    assert_eq!(
        error(Window::new([2, 2]).padding([0, 2])),
        "a pool's padding along the columns is 2 before and 2 after, but must be at most 1, half of \
         the 2 its window spans"
    );
    assert!(error(Window::new([5, 2])).contains("spans 5 rows"));
    assert!(PoolGeometry::new(usize::MAX, [4, 4], Window::new([1, 1])).is_err());
    assert_eq!(
        AdaptiveGeometry::new(1, [4, 0], [1, 2]).unwrap_err().to_string(),
        "2 columns were asked of an input that has none: it needs at least one"
    );
    assert!(AdaptiveGeometry::new(1, [1 << 40, 1], [1 << 40, 1]).is_err());
    let message = std::panic::catch_unwind(|| {
        let geometry = PoolGeometry::new(2, [4, 4], Window::new([2, 2])).unwrap();
        max_pool(&geometry, &[0.0_f32; 32], &mut [0.0; 3]);
    });
    let message = *message.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("2 planes of 3x3, 18 elements, but 3 were given"), "{message}");
}

/// Where a window does not move, or sees one position, the way to the next may be of any length.
#[test]
fn steps_that_lead_nowhere_may_be_long() {
    let far = usize::MAX >> 3;
    for_each_level(|_| {
        for window in [
            Window::new([1, 3]).dilation([far, 1]),
            Window::new([3, 1]).dilation([1, far]),
            Window::new([4, 3]).stride([far >> 3, 2]),
            Window::new([2, 20]).stride([1, far >> 3]),
        ] {
            let geometry = PoolGeometry::new(2, [4, 20], window).unwrap();
            max_matches::<f32>(&geometry, 7, true);
        }
    });
}

/// Side by side or overlapping: the mean of negative zeros has the same sign.
#[test]
fn means_of_negative_zeros_are_zero() {
    for_each_level(|_| {
        for stride in [1, 2] {
            let window = Window::new([2, 2]).stride([stride, stride]);
            let geometry = PoolGeometry::new(1, [4, 40], window).unwrap();
            assert_eq!(quads::are(&geometry), stride == 2);
            let (input, output) = lengths(&geometry);
            let mut y = vec![1.0_f32; output];
            avg_pool(&geometry, false, &vec![-0.0; input], &mut y);
            assert!(y.iter().all(|y| y.to_bits() == 0), "stride {stride}");
        }
    });
}

/// Windows side by side, of every width around whole vectors, with rows and columns left over.
#[test]
fn quads_match_the_naive_loop() {
    for_each_level(|_| {
        let window = Window::new([2, 2]).stride([2, 2]);
        for height in [2, 3, 6] {
            for width in 2..=70 {
                let geometry = PoolGeometry::new(3, [height, width], window).unwrap();
                assert!(quads::are(&geometry));
                max_matches::<f32>(&geometry, width as u64, width % 2 == 0);
                max_matches::<f64>(&geometry, width as u64, width % 3 == 0);
                mean_matches::<f32>(&geometry, width % 2 == 0, width as u64);
                mean_matches::<f64>(&geometry, width % 3 == 0, width as u64);
            }
        }
    });
}
