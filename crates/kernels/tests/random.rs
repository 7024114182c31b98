//! Random fills: the same bits everywhere, and the right distributions.

use wengert_kernels::Element;
use wengert_kernels::random::{Stream, fill_uniform};
use wengert_kernels::simd::with_level;
use wengert_kernels::testing::{Guarded, assert_same_bits, for_each_level};

const STREAM: Stream = Stream::new(0x0123_4567_89ab_cdef, 5);

fn fill<E: Element>(len: usize, offset: usize) -> Guarded<E> {
    let mut out = Guarded::poisoned(len, offset);
    fill_uniform(STREAM, E::from_f64(-3.0), E::from_f64(0.5), &mut out[..]);
    out
}

/// Also on every level, position and length: a shorter fill is the beginning of a longer one.
fn same_bits<E: Element>() {
    let all = fill::<E>(100_003, 0);
    for_each_level(|level| {
        for threads in [1, 3] {
            let pool =
                rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            let run = || with_level(level, || fill::<E>(100_003, 3)).expect("it is available");
            assert_same_bits(&pool.install(run), &all, &format!("{threads} threads, {level}"));
        }
        for len in [0, 1, 2, 63, 127, 128, 129, 255, 256, 257, 1000] {
            assert_same_bits(&fill::<E>(len, 1), &all[..len], &format!("{len} on {level}"));
        }
    });
}

#[test]
fn levels_threads_and_lengths_change_no_bit() {
    same_bits::<f32>();
    same_bits::<f64>();
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
    let cdf = |x: f64| (x + 1.0) / 4.0;
    for seed in 0..3 {
        fill_uniform(Stream::new(seed, 1), e(-1.0), e(3.0), &mut x);
        assert!(x.iter().all(|x| *x >= e(-1.0) && *x < e(3.0)));
        // Exceeded once in a thousand samples of a true distribution: the seeds are fixed.
        assert!(distance(&x, cdf) < 1.95, "{}, seed {seed}", E::NAME);
        // Neighbours in the order of the elements, and in that of the generator's blocks.
        for lag in [1, 2, 64, 128] {
            let product = |(a, b): (&E, &E)| (a.to_f64() - 1.0) * (b.to_f64() - 1.0);
            let covariance = x.iter().zip(&x[lag..]).map(product).sum::<f64>();
            let correlation = covariance / (x.len() - lag) as f64 / (16.0 / 12.0);
            assert!(correlation.abs() < 4.0 / (x.len() as f64).sqrt(), "lag {lag}: {correlation}");
        }
    }
    // The checker is one: bounds that are off by a hundredth of the width are found.
    fill_uniform(Stream::new(0, 1), e(-0.96), e(3.04), &mut x);
    assert!(distance(&x, cdf) > 1.95);
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
