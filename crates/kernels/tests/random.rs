//! Random fills: the same bits everywhere, and the right distributions.

use wengert_kernels::Element;
use wengert_kernels::random::{Stream, fill_normal, fill_uniform};
use wengert_kernels::simd::with_level;
use wengert_kernels::testing::{Guarded, assert_same_bits, for_each_level};

const STREAM: Stream = Stream::new(0x0123_4567_89ab_cdef, 5);

fn fills<E: Element>(len: usize, offset: usize) -> [Guarded<E>; 2] {
    let e = E::from_f64;
    let (mut a, mut b) = (Guarded::poisoned(len, offset), Guarded::poisoned(len, offset));
    fill_uniform(STREAM, e(-3.0), e(0.5), &mut a[..]);
    fill_normal(STREAM, e(0.25), e(2.0), &mut b[..]);
    [a, b]
}

/// Also on every level, position and length: a shorter fill is the beginning of a longer one.
fn same_bits<E: Element>() {
    let all = fills::<E>(100_003, 0);
    for_each_level(|level| {
        for threads in [1, 3] {
            let pool =
                rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            let run = || with_level(level, || fills::<E>(100_003, 3)).expect("it is available");
            for (got, all) in pool.install(run).iter().zip(&all) {
                assert_same_bits(got, all, &format!("{threads} threads, {level}"));
            }
        }
        for len in [0, 1, 2, 63, 127, 128, 129, 255, 256, 257, 1000] {
            for (got, all) in fills::<E>(len, 1).iter().zip(&all) {
                assert_same_bits(got, &all[..len], &format!("{len} on {level}"));
            }
        }
    });
}

#[test]
fn levels_threads_and_lengths_change_no_bit() {
    same_bits::<f32>();
    same_bits::<f64>();
}

/// The complementary error function's companion by numerical integration: the normal distribution
/// function on a grid, trapezoids of width `2^-10`.
fn normal_cdf() -> impl Fn(f64) -> f64 {
    let step = 1.0 / 1024.0;
    let density = |x: f64| (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let mut sums = vec![0.0];
    for i in 0..16 * 1024 {
        let x = -8.0 + f64::from(i) * step;
        sums.push(sums[sums.len() - 1] + 0.5 * step * (density(x) + density(x + step)));
    }
    move |x| sums[(((x + 8.0) / step).round().max(0.0) as usize).min(sums.len() - 1)]
}

/// Kolmogorov's statistic, `sqrt(n)` times the largest distance of the distribution functions.
fn distance<E: Element>(sample: &[E], cdf: impl Fn(f64) -> f64) -> f64 {
    let mut sorted: Vec<f64> = sample.iter().map(|x| x.to_f64()).collect();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len() as f64;
    let apart = |(i, x): (usize, &f64)| {
        (cdf(*x) - i as f64 / count).abs().max((cdf(*x) - (i + 1) as f64 / count).abs())
    };
    sorted.iter().enumerate().map(apart).fold(0.0, f64::max) * count.sqrt()
}

fn distributions<E: Element>() {
    let e = E::from_f64;
    let mut x = vec![E::ZERO; 200_000];
    let cdf = normal_cdf();
    for seed in 0..3 {
        fill_uniform(Stream::new(seed, 1), e(-1.0), e(3.0), &mut x);
        assert!(x.iter().all(|x| *x >= e(-1.0) && *x < e(3.0)));
        // Exceeded once in a thousand samples of a true distribution: the seeds are fixed.
        assert!(distance(&x, |x| (x + 1.0) / 4.0) < 1.95, "uniform {}, seed {seed}", E::NAME);
        fill_normal(Stream::new(seed, 1), e(0.0), e(1.0), &mut x);
        assert!(distance(&x, &cdf) < 1.95, "normal {}, seed {seed}", E::NAME);
        let largest = x.iter().map(|x| x.to_f64().abs()).fold(0.0, f64::max);
        assert!((3.8..7.0).contains(&largest), "the largest of {} is {largest}", x.len());
        // Neighbours in the order of the elements, and in that of the transform's pairs.
        for lag in [1, 2, 64, 128] {
            let products = x.iter().zip(&x[lag..]).map(|(a, b)| a.to_f64() * b.to_f64());
            let correlation = products.sum::<f64>() / (x.len() - lag) as f64;
            assert!(correlation.abs() < 4.0 / (x.len() as f64).sqrt(), "lag {lag}: {correlation}");
        }
    }
    // The checker is one: a mean that is off by a hundredth of a deviation is found.
    fill_normal(Stream::new(0, 1), e(0.01), e(1.0), &mut x);
    assert!(distance(&x, &cdf) > 1.95);
}

#[test]
fn distributions_are_those_asked_for() {
    distributions::<f32>();
    distributions::<f64>();
}

#[test]
fn streams_differ() {
    let fill = |stream| {
        let mut x = [0.0_f64; 64];
        fill_uniform(stream, 0.0, 1.0, &mut x);
        x
    };
    let streams = [
        Stream::new(1, 0),
        Stream::new(1, 1),
        Stream::new(2, 0),
        Stream::new(1 << 32, 0),
        Stream::new(1, 1 << 32),
    ];
    for (i, a) in streams.iter().enumerate() {
        for b in &streams[..i] {
            assert!(fill(*a).iter().zip(fill(*b)).all(|(a, b)| *a != b), "{a:?} and {b:?}");
        }
    }
}

#[test]
fn the_upper_end_is_left_out() {
    // Half of the sums round to 1.
    let low = 1.0 - f32::EPSILON;
    let mut x = [0.0_f32; 1000];
    fill_uniform(STREAM, low, 1.0, &mut x);
    assert!(x.iter().all(|x| (low..1.0).contains(x)));
}

#[test]
#[should_panic(expected = "in [2, 1), but the ends must be in order")]
fn empty_ranges_are_refused() {
    fill_uniform(STREAM, 2.0, 1.0, &mut [0.0]);
}

#[test]
#[should_panic(expected = "standard deviation -1")]
fn negative_deviations_are_refused() {
    fill_normal(STREAM, 0.0, -1.0, &mut [0.0]);
}
