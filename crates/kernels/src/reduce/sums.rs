//! Several sums over one slice in one pass: the driver of moments, norms and their gradients.

use crate::Float;
use crate::simd::{Lanes, Simd};

/// What every element contributes to `N` sums.
///
/// Terms must be zero where the operands are: lanes after the end are read as zeros.
pub(crate) trait Terms<E: Float, const N: usize>: Copy {
    /// The sums with the vector at element `i`; with `PARTIAL`, with its first `count` lanes.
    ///
    /// # Safety
    /// The operands must have the elements.
    unsafe fn add<S: Simd, const PARTIAL: bool>(
        self,
        simd: S,
        i: usize,
        count: usize,
        sums: [E::Vector<S>; N],
    ) -> [E::Vector<S>; N];
}

/// Independent accumulators of each sum.
const ACCUMULATORS: usize = 4;

/// The vectors each accumulator takes before it joins the total.
const BLOCK: usize = 32;

/// The sums of `len` terms.
///
/// The error of each is below `(40 + len / 512) eps sum |term|` on top of the terms' own: 32 to an
/// accumulator, then block after block, and at last the lanes.
///
/// # Safety
/// The operands of the terms must have `len` elements.
#[inline(always)]
pub(crate) unsafe fn sums<S: Simd, E: Float, const N: usize, T: Terms<E, N>>(
    simd: S,
    terms: T,
    len: usize,
) -> [E; N] {
    let lanes = E::Vector::<S>::LANES;
    let zero = E::Vector::<S>::splat(simd, E::ZERO);
    let mut total = [zero; N];
    let mut i = 0;
    loop {
        let mut acc = [[zero; N]; ACCUMULATORS];
        let whole = ((len - i) / lanes).min(ACCUMULATORS * BLOCK);
        for _ in 0..whole / ACCUMULATORS {
            for (j, acc) in acc.iter_mut().enumerate() {
                // SAFETY: `whole` vectors are left.
                *acc = unsafe { terms.add::<S, false>(simd, i + j * lanes, lanes, *acc) };
            }
            i += ACCUMULATORS * lanes;
        }
        for acc in acc.iter_mut().take(whole % ACCUMULATORS) {
            // SAFETY: `whole` vectors were left, of which `whole % ACCUMULATORS` remain.
            *acc = unsafe { terms.add::<S, false>(simd, i, lanes, *acc) };
            i += lanes;
        }
        if len - i < lanes && i < len {
            // SAFETY: `len - i` elements are left.
            let last = unsafe { terms.add::<S, true>(simd, i, len - i, acc[ACCUMULATORS - 1]) };
            acc[ACCUMULATORS - 1] = last;
            i = len;
        }
        let [a, b, c, d] = acc;
        for n in 0..N {
            total[n] = total[n] + ((a[n] + c[n]) + (b[n] + d[n]));
        }
        if i == len {
            let mut sums = [E::ZERO; N];
            for (sum, total) in sums.iter_mut().zip(total) {
                *sum = total.reduce_sum();
            }
            return sums;
        }
    }
}
