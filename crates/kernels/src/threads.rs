//! Splitting work over threads: the one module of the kernels that names rayon.
//!
//! How a problem is cut depends on its shape alone, never on the number of threads, so that results
//! have the same bits on any number of them. Small problems stay on the calling thread. The
//! caller's pool is used (`ThreadPool::install`); none is configured here. Every piece is done on
//! the caller's SIMD level.
//!
//! # Waiting
//!
//! A thread that waits for pieces of its kernel does nothing else, also where it is a thread of a
//! pool: it runs no other job of the pool. A job would find the level forced by the waiting thread,
//! its thread-local values borrowed, and would ask again for the locks it holds. So a lock may be
//! held across a kernel call. `threads/crew.rs` says why the wait ends all the same.
//!
//! # What handing over costs
//!
//! The calling thread works on its pieces whether or not another has come to help, and waits for
//! none that has not taken any. A thread of the pool that worked a moment ago is still looking for
//! more: it comes within a microsecond. One that sleeps must be woken, which costs the caller some
//! eight microseconds, and comes after some 25 (`rayon::scope`, at whose end the caller itself
//! sleeps, cost 17 and 50; two virtual processors of a Zen 4, by the clock). So work is handed over
//! in smaller pieces while the pool is awake.

mod calls;
mod crew;
mod sync;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub(crate) use calls::awake;

use crate::shared::Shared;

/// An amount of work from which on handing it to a thread pays; a 256th of it where the crate is
/// built for fuzzing, so that inputs of a few bytes reach the code for several threads.
pub(crate) const fn work(amount: usize) -> usize {
    if cfg!(fuzzing) { amount >> 8 } else { amount }
}

/// How much work an element of an elementwise kernel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cost {
    /// A few instructions: memory is the bound.
    Light,
    /// An elementary function: some tens of instructions.
    Maths,
}

impl Cost {
    /// The number of elements worth handing to another thread.
    pub(crate) const fn grain(self) -> usize {
        match self {
            Cost::Light => work(1 << 17),
            Cost::Maths => work(1 << 15),
        }
    }

    /// Whether the loop's own overhead counts.
    pub(crate) const fn is_light(self) -> bool {
        matches!(self, Cost::Light)
    }
}

/// Calls `body` with consecutive ranges that cover `0..len`, `grain` long but for the last; on
/// several threads if there is more than one range.
///
/// A short problem goes to the body directly: the way there must not cost more than the work. Long
/// ones call it through its address, so that its code is not there once for each way to split.
#[inline]
pub(crate) fn for_ranges(len: usize, grain: usize, body: impl Fn(Range<usize>) + Send + Sync) {
    if len <= grain { body(0..len) } else { ranges(len, grain, &body) }
}

fn ranges(len: usize, grain: usize, body: &(dyn Fn(Range<usize>) + Sync)) {
    let grain = grain.max(1);
    pieces(len.div_ceil(grain), &|i| body(i * grain..len.min((i + 1) * grain)));
}

/// Calls `body` with consecutive parts of `out`, `chunk` elements long but for the last, and where
/// each begins; on several threads if there are several parts. Kernels the body calls run on the
/// caller's level. A `chunk` of 0 is taken as 1.
///
/// For loops over runs of elements that lie apart: each run alone would be too short to be split.
///
/// # What the body may do
/// It may call kernels. It must not wait for jobs of the pool in another way, neither through rayon
/// (`join`, `scope`, a parallel iterator) nor for a lock that a job holds across a call of a
/// kernel: the caller, which waits for the body, runs no jobs meanwhile.
///
/// ```
/// let mut out = [0; 5];
/// wengert_kernels::threads::for_chunks(&mut out, 2, |start, part| part.fill(start));
/// assert_eq!(out, [0, 0, 2, 2, 4]);
/// ```
///
/// # Panics
/// If the body does. On several threads the other parts are still done, then the first panic
/// resumes, and the payloads of the others are leaked.
pub fn for_chunks<T: Send>(
    out: &mut [T],
    chunk: usize,
    body: impl Fn(usize, &mut [T]) + Send + Sync,
) {
    let len = out.len();
    if len <= chunk {
        return body(0, out);
    }
    let out = Shared::new(out);
    ranges(len, chunk, &|range: Range<usize>| {
        let start = range.start;
        // SAFETY: the ranges are disjoint parts of `0..len`.
        body(start, unsafe { out.part(range) });
    });
}

/// The number of threads of the caller's pool.
pub(crate) fn count() -> usize {
    rayon::current_num_threads()
}

/// Calls `body` with every index below `count`, each once and in no order, on this thread and as
/// many of the pool's as have nothing else to do. Meant for few and large pieces: each is taken by
/// whoever is free.
pub(crate) fn for_pieces(count: usize, body: impl Fn(usize) + Sync) {
    pieces(count, &body);
}

fn pieces(count: usize, body: &(dyn Fn(usize) + Sync)) {
    let threads = self::count().min(count);
    if threads <= 1 {
        return (0..count).for_each(body);
    }
    crew::run(count, threads - 1, body);
    calls::note_help();
}
