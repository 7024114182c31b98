//! Code shared by the fuzz targets: numbers decoded from libFuzzer's bytes.

use std::fmt::Display;
use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuilder};
use wengert_kernels::Element;
use wengert_kernels::simd::{Level, with_level};
use wengert_kernels::testing::noise;

/// Numbers read from bytes; zeros after their end.
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'a>(pub &'a [u8]);

impl Bytes<'_> {
    /// The next byte.
    #[allow(clippy::should_implement_trait, reason = "there is always a next number")]
    pub fn next(&mut self) -> usize {
        match self.0.split_first() {
            Some((&first, rest)) => {
                self.0 = rest;
                usize::from(first)
            }
            None => 0,
        }
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.next() % n
    }

    /// A number below `n`, made of two bytes.
    pub fn wide(&mut self, n: usize) -> usize {
        (self.next() << 8 | self.next()) % n
    }

    /// A number around zero, or, for the two largest bytes, one near an end of the range.
    pub fn signed(&mut self, reach: usize) -> isize {
        match self.next() {
            255 => isize::MAX >> (self.next() % 64),
            254 => isize::MIN >> (self.next() % 64),
            byte => (byte % (2 * reach + 1)) as isize - reach as isize,
        }
    }

    /// A size below `end`, or, for the largest byte, one that must be an error or give an empty
    /// result.
    pub fn size(&mut self, end: usize) -> usize {
        match self.next() {
            255 => usize::MAX >> (self.next() % 64),
            byte => byte % end,
        }
    }

    /// Two sizes.
    pub fn pair(&mut self, end: usize) -> [usize; 2] {
        [self.size(end), self.size(end)]
    }

    /// Three dimensions `[outer, axis, inner]` with at most 8192 elements in all.
    pub fn dims(&mut self) -> Option<[usize; 3]> {
        let mut size = || if self.below(4) == 3 { self.wide(700) } else { self.below(20) };
        let dims = [size(), size(), size()];
        (dims.iter().product::<usize>() <= 1 << 13).then_some(dims)
    }

    /// A number from a few simple ones, occasionally one that is not finite.
    pub fn number(&mut self) -> f64 {
        const NUMBERS: [f64; 16] = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.5,
            -2.0,
            3.0,
            1e-3,
            -1e-3,
            1e4,
            1e-30,
            -1e30,
            0.1,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
        ];
        NUMBERS[self.below(NUMBERS.len())]
    }

    /// `len` elements between -1 and 1; the next byte decides whether special
    /// [`number`](Self::number)s are among them.
    pub fn elements<E: Element>(&mut self, len: usize) -> Vec<E> {
        let mut all: Vec<E> = noise(len, self.next() as u64);
        for _ in 0..self.below(4) {
            let (place, number) = (self.wide(1 << 16), self.number());
            if len > 0 {
                all[place % len] = E::from_f64(number);
            }
        }
        all
    }
}

/// The value of a result, or `None` after a check that the error is one line.
///
/// # Panics
/// If the error's text is empty or more than one line.
pub fn refused<T>(result: Result<T, impl Display>) -> Option<T> {
    result
        .map_err(|error| {
            let text = error.to_string();
            assert!(!text.is_empty() && !text.contains('\n'), "{text:?}");
        })
        .ok()
}

/// The elements along the middle of three dimensions at an index of the other two.
pub fn line<E: Element>(x: &[E], [_, axis, inner]: [usize; 3], index: usize) -> Vec<f64> {
    let first = index / inner * axis * inner + index % inner;
    (0..axis).map(|i| x[first + i * inner].to_f64()).collect()
}

/// The result of `body` in a pool of one to four threads, on the caller's level.
///
/// # Panics
/// If `body` panics.
pub fn on_threads<R: Send>(threads: usize, body: impl FnOnce() -> R + Send) -> R {
    // The pools are kept for later inputs: starting threads takes longer than a case.
    static POOLS: [OnceLock<ThreadPool>; 4] = [const { OnceLock::new() }; 4];
    let pool = POOLS[threads - 1].get_or_init(|| {
        ThreadPoolBuilder::new().num_threads(threads).build().expect("a few threads")
    });
    let level = Level::current();
    pool.install(|| with_level(level, body)).expect("the caller's level is available")
}
