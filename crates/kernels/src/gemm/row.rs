//! A row of a register tile: the steps of a micro-kernel on `NV` vectors.
//!
//! Each is a function that is inlined into the tile for each of its rows, and names every vector by
//! a literal. A loop over the vectors in the body of every row is five times as much code for the
//! compiler to translate and to unroll.

use crate::Float;
use crate::simd::{Lanes, Simd};
use crate::vectors::prefetch;

/// Repeats the body for every row of the tile, with the row a literal: a loop the compiler chose
/// not to unroll would put the accumulators into memory.
macro_rules! each_row {
    ($i:ident < $rows:ident, $body:block) => {
        each_row!(@ $i $rows $body 0 1 2 3 4 5 6 7 8 9 10 11 12 13)
    };
    (@ $i:ident $rows:ident $body:block $($row:literal)+) => {
        $(if const { $row < $rows } {
            let $i: usize = $row;
            $body
        })+
    };
}

/// Repeats the body for every vector in a row of the tile, with its number a literal: less to
/// compile than a loop that is then unrolled.
macro_rules! each_vector {
    ($v:ident < $vectors:ident, $body:block) => {
        each_vector!(@ $v $vectors $body 0 1 2 3 4 5 6 7)
    };
    (@ $v:ident $vectors:ident $body:block $($vector:literal)+) => {
        $(if const { $vector < $vectors } {
            let $v: usize = $vector;
            $body
        })+
    };
}

pub(crate) use {each_row, each_vector};

/// The row of `NV` vectors at `ptr`.
///
/// # Safety
/// `ptr` must be readable for as many elements.
#[inline(always)]
pub(crate) unsafe fn load_whole_row<E: Float, S: Simd, const NV: usize>(
    simd: S,
    ptr: *const E,
) -> [E::Vector<S>; NV] {
    let mut row = [E::Vector::<S>::splat(simd, E::ZERO); NV];
    each_vector!(v < NV, {
        let from = ptr.wrapping_add(v * E::Vector::<S>::LANES);
        // SAFETY: `from` is readable for a vector, by this function's contract.
        row[v] = unsafe { E::Vector::<S>::load_ptr(simd, from) };
    });
    row
}

/// The row of `NV` vectors at `ptr`, the last of them of `tail` elements.
///
/// # Safety
/// `ptr` must be readable for as many elements.
#[inline(always)]
pub(crate) unsafe fn load_row<E: Float, S: Simd, const NV: usize>(
    simd: S,
    ptr: *const E,
    tail: usize,
) -> [E::Vector<S>; NV] {
    let mut row = [E::Vector::<S>::splat(simd, E::ZERO); NV];
    each_vector!(v < NV, {
        let from = ptr.wrapping_add(v * E::Vector::<S>::LANES);
        // SAFETY: `from` is readable for a vector, the last of `tail` elements, by this function's
        // contract.
        row[v] = unsafe {
            if v + 1 < NV || is_plain::<E, S>(tail) {
                E::Vector::<S>::load_ptr(simd, from)
            } else {
                E::Vector::<S>::load_partial_ptr(simd, from, tail)
            }
        };
    });
    row
}

/// Writes the row of `NV` vectors to `ptr`, `tail` elements of the last of them.
///
/// # Safety
/// `ptr` must be writable for as many elements.
#[inline(always)]
pub(crate) unsafe fn store_row<E: Float, S: Simd, const NV: usize>(
    row: &[E::Vector<S>; NV],
    ptr: *mut E,
    tail: usize,
) {
    each_vector!(v < NV, {
        let to = ptr.wrapping_add(v * E::Vector::<S>::LANES);
        // SAFETY: `to` is writable for a vector, the last of `tail` elements, by this function's
        // contract.
        unsafe {
            if v + 1 < NV || is_plain::<E, S>(tail) {
                row[v].store_ptr(to);
            } else {
                row[v].store_partial_ptr(to, tail);
            }
        }
    });
}

/// Whether a vector of `tail` elements is loaded and stored as a whole one.
#[inline(always)]
fn is_plain<E: Float, S: Simd>(tail: usize) -> bool {
    tail == E::Vector::<S>::LANES && !E::Vector::<S>::PARTIAL_IS_FREE
}

/// Prefetches the row of `NV` vectors at `ptr`.
#[inline(always)]
pub(crate) fn prefetch_row<E: Float, S: Simd, const NV: usize>(ptr: *const E) {
    each_vector!(v < NV, {
        prefetch(ptr.wrapping_add(v * E::Vector::<S>::LANES));
    });
}

/// `sums += left * row`.
#[inline(always)]
pub(crate) fn multiply_add_row<V: Lanes, const NV: usize>(
    sums: &mut [V; NV],
    left: V,
    row: &[V; NV],
) {
    each_vector!(v < NV, {
        sums[v] = left.mul_add(row[v], sums[v]);
    });
}

/// `sums *= factor`.
#[inline(always)]
pub(crate) fn scale_row<V: Lanes, const NV: usize>(sums: &mut [V; NV], factor: V) {
    each_vector!(v < NV, {
        sums[v] = sums[v] * factor;
    });
}

/// `sums += row`.
#[inline(always)]
pub(crate) fn add_row<V: Lanes, const NV: usize>(sums: &mut [V; NV], row: &[V; NV]) {
    each_vector!(v < NV, {
        sums[v] = sums[v] + row[v];
    });
}
