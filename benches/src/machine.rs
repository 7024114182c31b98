//! The machine's limits: multiply-adds in registers, and memory bandwidth.

use std::hint::black_box;
use std::marker::PhantomData;

use rayon::prelude::*;
use wengert::kernels::Element;
use wengert::kernels::simd::{Kernel, Lanes, Level, Simd, dispatch, with_level};

use crate::data::{Buffer, noise};

/// The peak rate of multiply-adds in registers, on a number of threads.
#[derive(Debug)]
pub struct Peak<E> {
    threads: usize,
    flops: f64,
    element: PhantomData<E>,
}

impl<E: Element> Peak<E> {
    /// Number of steps per thread.
    const STEPS: usize = 4096;

    /// The peak on `threads` threads, on the caller's level.
    pub fn new(threads: usize) -> Self {
        let step = dispatch(Fma::<E>::new(1));
        Self { threads, flops: (step * Self::STEPS * threads) as f64, element: PhantomData }
    }

    /// Number of floating-point operations per call.
    pub fn flops(&self) -> f64 {
        self.flops
    }

    /// Executes the operations.
    ///
    /// # Panics
    /// Never: the caller's level is available.
    pub fn call(&self) {
        let level = Level::current();
        let one = || {
            let chains = with_level(level, || dispatch(Fma::<E>::new(Self::STEPS)));
            black_box(chains).expect("the caller's level is available");
        };
        if self.threads == 1 {
            one();
        } else {
            (0..self.threads).into_par_iter().for_each(|_| one());
        }
    }
}

/// Chains of multiply-adds in registers, `steps` of each. Returns the number of floating-point
/// operations per step.
struct Fma<E> {
    steps: usize,
    factor: E,
}

impl<E: Element> Fma<E> {
    fn new(steps: usize) -> Self {
        Self { steps, factor: black_box(E::from_f64(0.5)) }
    }

    #[inline(always)]
    fn chains<S: Simd, const N: usize>(self, simd: S) -> usize {
        let factor = E::Vector::<S>::splat(simd, self.factor);
        let mut chains = [factor; N];
        for _ in 0..self.steps {
            for chain in &mut chains {
                *chain = chain.mul_add(factor, factor);
            }
        }
        black_box(chains);
        2 * N * E::Vector::<S>::LANES
    }
}

impl<E: Element> Kernel for Fma<E> {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> usize {
        // Enough chains to hide the latency, and few enough for the registers.
        if S::REGISTERS >= 16 { self.chains::<S, 12>(simd) } else { self.chains::<S, 4>(simd) }
    }
}

/// A loop that only reads, writes or copies.
#[derive(Debug)]
pub struct Roof<E> {
    memory: Buffer<E>,
    from: usize,
    /// Offset of the written part.
    to: usize,
    pieces: usize,
}

impl<E: Element> Roof<E> {
    /// The roof for a kernel that reads and writes the given numbers of elements in arrays of
    /// `places` elements in all. If it both reads and writes, the roof copies one half of the
    /// places to the other.
    pub fn new(read: usize, written: usize, places: usize, threads: usize) -> Self {
        let (from, to) = match (read, written) {
            (_, 0) => (places, 0),
            (0, _) => (0, places),
            _ => (places / 2, places / 2),
        };
        // Smaller shares are not worth handing to another thread.
        let worthwhile = places * size_of::<E>() > 1 << 20;
        // A load is delayed by an earlier store at the same offset of another page (4 KiB
        // aliasing).
        let page = 4096 / size_of::<E>();
        let start = from.next_multiple_of(page) + page / 2;
        Self {
            memory: noise(start + to),
            from,
            to: start,
            pieces: if worthwhile { threads } else { 1 },
        }
    }

    /// One pass.
    ///
    /// # Panics
    /// Never: the caller's level is available.
    pub fn call(&mut self) {
        let (from, to) = black_box(&mut self.memory[..]).split_at_mut(self.to);
        let from = &from[..self.from];
        if self.pieces == 1 {
            return dispatch(Move { from, to });
        }
        let level = Level::current();
        let on_level = |from: &[E], to: &mut [E]| {
            with_level(level, || dispatch(Move { from, to })).expect("the level is available");
        };
        let piece = from.len().max(to.len()).div_ceil(self.pieces);
        match (from.is_empty(), to.is_empty()) {
            (true, _) => to.par_chunks_mut(piece).for_each(|to| on_level(&[], to)),
            (_, true) => from.par_chunks(piece).for_each(|from| on_level(from, &mut [])),
            _ => from
                .par_chunks(piece)
                .zip(to.par_chunks_mut(piece))
                .for_each(|(from, to)| on_level(from, to)),
        }
    }
}

struct Move<'a, E> {
    from: &'a [E],
    to: &'a mut [E],
}

/// Vectors per iteration of the loops.
const UNROLL: usize = 8;

impl<E: Element> Kernel for Move<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let lanes = E::Vector::<S>::LANES;
        let Self { from, to } = self;
        let turn = UNROLL * lanes;
        if to.is_empty() {
            let mut sums = [E::Vector::<S>::splat(simd, E::ZERO); UNROLL];
            for from in from.chunks_exact(turn) {
                for (j, sum) in sums.iter_mut().enumerate() {
                    *sum = *sum + E::Vector::<S>::load(simd, &from[j * lanes..]);
                }
            }
            black_box(sums);
        } else if from.is_empty() {
            let value = E::Vector::<S>::splat(simd, black_box(E::ONE));
            for to in to.chunks_exact_mut(turn) {
                for j in 0..UNROLL {
                    value.store(&mut to[j * lanes..]);
                }
            }
        } else {
            for (from, to) in from.chunks_exact(turn).zip(to.chunks_exact_mut(turn)) {
                for j in 0..UNROLL {
                    E::Vector::<S>::load(simd, &from[j * lanes..]).store(&mut to[j * lanes..]);
                }
            }
        }
    }
}
