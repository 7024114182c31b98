//! The loop of an update: one pass over the gradient and the arrays that change.

use std::time::Duration;

use crate::Float;
use crate::simd::{Kernel, Lanes, Level, Simd, run_on};
use crate::slices::{Operand as _, Shared, Source, check_len};
use crate::threads::{self, Cost};

/// An update of `N` arrays by a gradient, lane by lane.
pub(super) trait Update<E: Float, const N: usize>: Copy + Send + Sync {
    fn eval<V: Lanes<Elem = E>>(self, g: V, state: [V; N]) -> [V; N];
}

pub(super) fn update<E: Float, const N: usize, U: Update<E, N>>(
    rule: U,
    g: &[E],
    state: [&mut [E]; N],
) {
    let level = Level::current();
    let len = g.len();
    for array in &state {
        check_len("g", len, array.len());
    }
    let g = Source::new(g);
    let state = state.map(Shared::new);
    threads::for_ranges(len, grain(len), |range| {
        // SAFETY: every array has `len` elements, as checked above, and the ranges are disjoint
        // parts of `0..len`.
        let kernel = unsafe {
            let (g, state) = (g.at(range.start), state.map(|array| array.at(range.start)));
            UpdateKernel::new(rule, g.as_ptr(), state, range.len())
        };
        run_on(level, kernel);
    });
}

/// How many of `len` elements to hand to a thread. While the pool is awake a share of a small array
/// is worth it too: whoever computed that share of the gradient has it near by.
fn grain(len: usize) -> usize {
    let grain = Cost::Light.grain() / 2;
    let alone = Duration::from_nanos(len as u64 / 4);
    if len < 2 * SHARE || len > grain || threads::count() == 1 || !threads::awake(alone) {
        return grain;
    }
    len.div_ceil((len / SHARE).min(2 * threads::count()))
}

/// The elements of a small array worth a piece of their own.
const SHARE: usize = threads::work(1 << 12);

struct UpdateKernel<E, U, const N: usize> {
    rule: U,
    g: *const E,
    state: [*mut E; N],
    len: usize,
}

impl<E, U, const N: usize> UpdateKernel<E, U, N> {
    /// The update of `len` elements.
    ///
    /// # Safety
    /// While it runs, `len` elements must be readable at `g`, and readable and writable in every
    /// array of `state` by this thread alone.
    unsafe fn new(rule: U, g: *const E, state: [*mut E; N], len: usize) -> Self {
        Self { rule, g, state, len }
    }
}

impl<E: Float, const N: usize, U: Update<E, N>> Kernel for UpdateKernel<E, U, N> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { rule, g, state, len } = self;
        let lanes = E::Vector::<S>::LANES;
        let zero = E::Vector::<S>::splat(simd, E::ZERO);
        let mut i = 0;
        while i < len {
            let count = lanes.min(len - i);
            let mut vectors = [zero; N];
            // SAFETY: `i + count <= len`, the number of elements in every array by `new`; `count`
            // is `lanes` in the first case.
            unsafe {
                if count == lanes {
                    let g = E::Vector::<S>::load_ptr(simd, g.add(i));
                    for j in 0..N {
                        vectors[j] = E::Vector::<S>::load_ptr(simd, state[j].add(i));
                    }
                    let new = rule.eval(g, vectors);
                    for j in 0..N {
                        new[j].store_ptr(state[j].add(i));
                    }
                } else {
                    let g = E::Vector::<S>::load_partial_ptr(simd, g.add(i), count);
                    for j in 0..N {
                        vectors[j] = E::Vector::<S>::load_partial_ptr(simd, state[j].add(i), count);
                    }
                    let new = rule.eval(g, vectors);
                    for j in 0..N {
                        new[j].store_partial_ptr(state[j].add(i), count);
                    }
                }
            }
            i += count;
        }
    }
}
