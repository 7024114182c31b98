//! The fills, compiled for each element type.

use super::philox::{self, BLOCKS, words};
use super::stream::Stream;
use super::transform::{MOST, Transform};
use crate::Float;
use crate::family::family;
use crate::simd::{Kernel, Level, Simd, run_on};
use crate::slices::Shared;
use crate::threads;

/// Elements a thread takes at a time: a multiple of every group.
const GRAIN: usize = threads::work(1 << 15).next_multiple_of(MOST);

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

impl<E: Float + Transform> Uniform<E> {
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

impl<E: Float + Transform> Kernel for Fill<'_, E> {
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

fn fill<E: Float + Transform>(draw: Uniform<E>, stream: Stream, out: &mut [E]) {
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

family! {
    /// The fills of an element type.
    RandomKernels:
    fn uniform_kernel(stream: Stream, low: Self, high: Self, out: &mut [Self]) = uniform;
}

#[track_caller]
fn uniform<E: Float + Transform>(stream: Stream, low: E, high: E, out: &mut [E]) {
    let width = high - low;
    assert!(
        low < high && width.is_finite(),
        "uniform numbers were asked for in [{low}, {high}), but the ends must be in order and their \
         difference finite"
    );
    fill(Uniform { low, width, last: high.next_down() }, stream, out);
}
