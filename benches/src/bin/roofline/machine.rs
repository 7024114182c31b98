//! What the machine can do: multiply-adds in registers, and moving bytes.

use std::collections::BTreeMap;
use std::hint::black_box;

use rayon::prelude::*;
use wengert::kernels::Element;
use wengert::kernels::simd::{Kernel, Lanes, Level, Simd, dispatch, with_level};

use crate::data::{Buffer, noise, zeros};
use crate::measure::{body, median};
use crate::run::{Run, Work};

/// Working sets of the first-level cache, the second-level cache, and memory, in bytes.
const PLACES: [(&str, usize); 3] = [("L1", 16 << 10), ("L2", 512 << 10), ("memory", 128 << 20)];

/// Adds the peaks and the bandwidths.
pub(crate) fn cases(run: &mut Run) {
    of_type::<f32>(run);
    of_type::<f64>(run);
}

fn of_type<E: Element>(run: &mut Run) {
    let threads = run.threads();
    let flops = run.install(peak_flops::<E>) * threads as f64;
    let rounds = run.rounds(&mut [body(|| peak::<E>(threads))]);
    let time = median(rounds.into_iter().map(|round| round[0]));
    let rate = flops / time * 1e-9;
    run.add::<E>("fma".into(), rate, "Gflop/s", 1.0, BTreeMap::new());
    for (place, bytes) in PLACES {
        let len = bytes / size_of::<E>();
        for (what, read, written) in
            [("read", len, 0), ("write", 0, len), ("copy", len / 2, len / 2)]
        {
            let case = format!("{what}, {place}");
            let work = Work { case, elements: len, read, written, places: len };
            let mut roof = Roof::<E>::new(&work, threads);
            let rounds = run.rounds(&mut [body(|| roof.call())]);
            let time = median(rounds.into_iter().map(|round| round[0]));
            let rate = bytes as f64 / time * 1e-9;
            run.add::<E>(work.case, rate, "GB/s", 1.0, BTreeMap::new());
        }
    }
}

/// The steps of a turn of the chains.
const STEPS: usize = 4096;

/// The operations each thread does in [`peak`].
pub(crate) fn peak_flops<E: Element>() -> f64 {
    (dispatch(Fma::<E>::new(1)) * STEPS) as f64
}

/// Nothing but multiply-adds, on so many threads.
pub(crate) fn peak<E: Element>(threads: usize) {
    let level = Level::current();
    let one = || {
        let chains = with_level(level, || dispatch(Fma::<E>::new(STEPS)));
        black_box(chains).expect("the caller's level is available");
    };
    if threads == 1 { one() } else { (0..threads).into_par_iter().for_each(|_| one()) }
}

/// Chains of multiply-adds in registers: `steps` of each. Returns the operations of a step.
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
        // As many as hide the latency and fit the registers.
        if S::REGISTERS >= 16 { self.chains::<S, 12>(simd) } else { self.chains::<S, 4>(simd) }
    }
}

/// A loop that does nothing but read, write or copy.
pub(crate) struct Roof<E> {
    from: Buffer<E>,
    to: Buffer<E>,
    pieces: usize,
}

impl<E: Element> Roof<E> {
    /// For a kernel that moves so many elements to and from so many places in memory: if it both
    /// reads and writes, a copy of one half of the places to the other.
    pub(crate) fn new(work: &Work, threads: usize) -> Self {
        let places = work.places;
        let (from, to) = match (work.read, work.written) {
            (_, 0) => (places, 0),
            (0, _) => (0, places),
            _ => (places / 2, places / 2),
        };
        // Handing less than this to another thread does not pay.
        let worthwhile = places * size_of::<E>() > 1 << 20;
        Self { from: noise(from), to: zeros(to), pieces: if worthwhile { threads } else { 1 } }
    }

    /// One pass.
    pub(crate) fn call(&mut self) {
        let (from, to) = (black_box(&self.from[..]), black_box(&mut self.to[..]));
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

/// The vectors of a turn of the loops.
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
