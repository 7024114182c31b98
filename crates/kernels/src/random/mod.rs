//! Random fills that give the same numbers on every SIMD level and any number of threads.
//!
//! The generator is counter-based (Philox 4x32-10, see [`Stream`]): an element's number depends on
//! the stream and on the element's position alone, so threads need no state. What follows uses
//! nothing but operations that are rounded the same everywhere, and no fused multiply-add; so the
//! bits are the same, not only the distribution.
//!
//! Not for cryptography.

mod philox;
mod transform;

use philox::{BLOCKS, words};
use transform::{MOST, Transform};

use crate::Element;
use crate::simd::{Kernel, Level, Simd, run_on};
use crate::slices::Shared;
use crate::threads;

/// A stream of random numbers, named by two numbers of the caller's: the same names give the same
/// fill, and different ones independent fills.
///
/// ```
/// use wengert_kernels::random::{Stream, fill_uniform};
/// let (mut a, mut b) = ([0.0_f32; 3], [0.0; 5]);
/// fill_uniform(Stream::new(7, 0), -1.0, 1.0, &mut a);
/// fill_uniform(Stream::new(7, 0), -1.0, 1.0, &mut b);
/// assert_eq!(a, b[..3]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stream {
    seed: u64,
    number: u64,
}

impl Stream {
    /// The stream `number` of a seed.
    pub const fn new(seed: u64, number: u64) -> Self {
        Self { seed, number }
    }
}

/// Elements a thread takes at a time: a multiple of every group.
const GRAIN: usize = threads::work(1 << 15);

struct Fill<'a, E> {
    draw: Uniform<E>,
    stream: Stream,
    /// The number of the first group.
    group: usize,
    out: &'a mut [E],
}

/// Numbers uniform between `low` and `low + width`, at most `last`.
#[derive(Clone, Copy)]
struct Uniform<E> {
    low: E,
    width: E,
    last: E,
}

impl<E: Element + Transform> Uniform<E> {
    /// A group of numbers.
    #[inline(always)]
    fn draw(self, words: &philox::Words, out: &mut [E; MOST]) {
        E::uniform(words, out);
        for value in out {
            let x = self.low + self.width * *value;
            *value = if x < self.last { x } else { self.last };
        }
    }
}

impl<E: Element + Transform> Kernel for Fill<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Stream { seed, number } = self.stream;
        for (i, out) in self.out.chunks_mut(E::GROUP).enumerate() {
            let block = (self.group + i) as u64 * BLOCKS as u64;
            let mut numbers = [E::ZERO; MOST];
            self.draw.draw(&words(seed, number, block), &mut numbers);
            if out.len() == E::GROUP {
                out.copy_from_slice(&numbers[..E::GROUP]);
            } else {
                out.copy_from_slice(&numbers[..out.len()]);
            }
        }
    }
}

fn fill<E: Element + Transform>(draw: Uniform<E>, stream: Stream, out: &mut [E]) {
    const { assert!(GRAIN.is_multiple_of(E::GROUP)) };
    let level = Level::current();
    let len = out.len();
    let shared = Shared::new(out);
    threads::for_ranges(len, GRAIN, |range| {
        let group = range.start / E::GROUP;
        // SAFETY: the ranges are disjoint parts of the output.
        let out = unsafe { shared.part(range) };
        run_on(level, Fill { draw, stream, group, out });
    });
}

/// The compiled kernels of an element type. Sealed with [`Element`].
#[doc(hidden)]
pub trait RandomKernels: Sized {
    fn uniform_kernel(stream: Stream, low: Self, high: Self, out: &mut [Self]);
}

macro_rules! random_kernels {
    ($type:ident) => {
        impl RandomKernels for $type {
            #[track_caller]
            fn uniform_kernel(stream: Stream, low: Self, high: Self, out: &mut [Self]) {
                let width = high - low;
                assert!(
                    low < high && width.is_finite(),
                    "uniform numbers were asked for in [{low}, {high}), but the ends must be in \
                     order and their difference finite"
                );
                fill(Uniform { low, width, last: high.next_down() }, stream, out);
            }
        }
    };
}
random_kernels!(f32);
random_kernels!(f64);

/// Fills `out` with numbers uniform in `[low, high)`.
///
/// `low + (high - low) u` with `u` a multiple of `2^-24` (`f32`) or `2^-52` (`f64`); a sum that
/// rounds to `high` gives the number before it.
///
/// # Panics
/// Unless `low < high` and `high - low` is finite.
#[track_caller]
pub fn fill_uniform<E: Element>(stream: Stream, low: E, high: E, out: &mut [E]) {
    E::uniform_kernel(stream, low, high, out);
}
