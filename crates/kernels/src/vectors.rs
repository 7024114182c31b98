//! Whole and partial vectors in memory, distinguished at compile time.

use crate::Float;
use crate::simd::{Lanes, MAX_LANES, Simd};

/// The vector at `x`; with `PARTIAL`, its first `count` lanes and zeros.
///
/// # Safety
/// `x` must be valid for reads of that many elements.
#[inline(always)]
pub(crate) unsafe fn load<S: Simd, E: Float, const PARTIAL: bool>(
    simd: S,
    x: *const E,
    count: usize,
) -> E::Vector<S> {
    // SAFETY: `x` is valid for `count` or `LANES` elements, by this function's contract.
    unsafe {
        if PARTIAL {
            E::Vector::<S>::load_partial_ptr(simd, x, count)
        } else {
            E::Vector::<S>::load_ptr(simd, x)
        }
    }
}

/// Writes the vector to `out`; with `PARTIAL`, its first `count` lanes.
///
/// # Safety
/// `out` must be valid for writes of that many elements.
#[inline(always)]
pub(crate) unsafe fn store<V: Lanes, const PARTIAL: bool>(v: V, out: *mut V::Elem, count: usize) {
    // SAFETY: `out` is valid for `count` or `LANES` elements, by this function's contract.
    unsafe {
        if PARTIAL {
            v.store_partial_ptr(out, count);
        } else {
            v.store_ptr(out);
        }
    }
}

/// As [`load`], with `fill` in the lanes that are not there.
///
/// # Safety
/// `x` must be valid for reads of that many elements.
#[inline(always)]
pub(crate) unsafe fn load_filled<S: Simd, E: Float, const PARTIAL: bool>(
    simd: S,
    x: *const E,
    count: usize,
    fill: E,
) -> E::Vector<S> {
    // SAFETY: `x` is valid for `count` or `LANES` elements, by this function's contract.
    let x = unsafe { load::<S, E, PARTIAL>(simd, x, count) };
    if !PARTIAL {
        return x;
    }
    let mut there = [E::ONE; 2 * MAX_LANES];
    there[MAX_LANES..].fill(E::ZERO);
    let there = E::Vector::<S>::load(simd, &there[MAX_LANES - count.min(MAX_LANES)..]);
    E::Vector::<S>::select(there.eq(x.lit(E::ONE)), x, x.lit(fill))
}

/// Asks for the cache line at `x`, wherever that is: of what is read next, while something else is
/// written.
#[inline(always)]
pub(crate) fn prefetch<E>(x: *const E) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the instruction is in every x86-64, and a prefetch faults at no address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(x.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = x;
}
