//! The micro-kernel: a register tile of C, rows broadcast from A, columns as vectors of B.
//!
//! A tile of `MR` rows by `NV` vectors is held in `MR * NV` accumulators while the kernel walks
//! down k. Every element is one chain of multiply-adds in increasing k, whatever its place in the
//! tile, so the bits of a result depend neither on the tile's shape nor on where it lies.

use super::output::Output;
use super::strided::Strided;
use crate::Float;
use crate::simd::{Kernel, Lanes, Simd};
use crate::vectors::prefetch;

/// The vectors in a row of a tile of packed B.
pub(crate) const VECTORS: usize = 2;

/// Whether the accumulators of a tile, a row of B and a broadcast fit into the registers of `S`.
const fn fits<S: Simd>(rows: usize, vectors: usize) -> bool {
    rows <= MAX_ROWS && rows * vectors + vectors < S::REGISTERS
}

/// The rows of the largest tile on the level `S`.
pub(super) const fn max_rows<S: Simd>() -> usize {
    let mut rows = 1;
    while fits::<S>(rows + 1, VECTORS) {
        rows += 1;
    }
    rows
}

/// The vectors in a row of the widest tile of `rows` rows that has at most `limit` of them. A tile
/// of few rows makes up for them in width, and reads longer pieces of the rows of B.
#[inline(always)]
pub(super) fn widest<S: Simd>(rows: usize, limit: usize) -> usize {
    for vectors in [6, 4, 3, 2] {
        if vectors <= limit && fits::<S>(rows, vectors) {
            return vectors;
        }
    }
    1
}

/// The rows of the largest tile on any level.
pub(crate) const MAX_ROWS: usize = 14;
/// The elements of the largest tile, in vectors.
pub(super) const MAX_VECTORS: usize = MAX_ROWS * VECTORS;

/// One call of the micro-kernel: `C = alpha A B + beta C` on a tile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile<E> {
    /// The rows of the tile, at most [`max_rows`].
    pub(super) rows: usize,
    /// The columns of the tile, at most [`widest`] vectors.
    pub(super) cols: usize,
    /// The depth: columns of A, rows of B.
    pub(super) depth: usize,
    /// Whether B is padded, so that whole vectors may be read past `cols`.
    pub(super) padded: bool,
    pub(super) a: Strided<E>,
    /// Its column stride is one.
    pub(super) b: Strided<E>,
    /// Its column stride is one.
    pub(super) c: Output<E>,
    pub(super) alpha: E,
    pub(super) beta: E,
    /// What is added to the result before it is stored.
    pub(super) bias: Addend<E>,
}

/// A vector added to a tile.
#[derive(Clone, Copy, Debug)]
pub(super) enum Addend<E> {
    None,
    /// An element for each row.
    PerRow(*const E),
    /// An element for each column.
    PerColumn(*const E),
}

impl<E> Addend<E> {
    /// What is added to the tile that begins there.
    #[inline(always)]
    pub(super) fn at(self, row: usize, col: usize) -> Self {
        match self {
            Addend::None => Addend::None,
            Addend::PerRow(bias) => Addend::PerRow(bias.wrapping_add(row)),
            Addend::PerColumn(bias) => Addend::PerColumn(bias.wrapping_add(col)),
        }
    }
}

/// Computes the tile.
///
/// # Safety
/// The elements described by `a` (`rows x depth`) and `b` (`depth x cols`, or whole vectors if
/// `padded`) must be readable, those of `c` readable and writable by this thread alone; `rows` and
/// `cols` must be within the limits stated at [`Tile`] and not zero. The bias must be readable for
/// as many elements as there are rows or columns.
#[inline(always)]
pub(super) unsafe fn run<E: Float, S: Simd>(simd: S, tile: &Tile<E>) {
    let lanes = E::Vector::<S>::LANES;
    let vectors = tile.cols.div_ceil(lanes);
    debug_assert!(widest::<S>(tile.rows, vectors) == vectors);
    // Only the last vector of a row may be partial.
    let whole = tile.padded || tile.cols.is_multiple_of(lanes);
    // SAFETY: `tile.cols` is within `vectors` vectors, the last of them whole if
    // `whole`; the rest of the contract is that of `rows`.
    unsafe {
        match (vectors, whole) {
            (1, true) => rows::<E, S, 1, true>(simd, tile),
            (1, false) => rows::<E, S, 1, false>(simd, tile),
            (2, true) => rows::<E, S, 2, true>(simd, tile),
            (2, false) => rows::<E, S, 2, false>(simd, tile),
            (3, true) => rows::<E, S, 3, true>(simd, tile),
            (3, false) => rows::<E, S, 3, false>(simd, tile),
            (4, true) => rows::<E, S, 4, true>(simd, tile),
            (4, false) => rows::<E, S, 4, false>(simd, tile),
            (_, true) => rows::<E, S, 6, true>(simd, tile),
            (_, false) => rows::<E, S, 6, false>(simd, tile),
        }
    }
}

/// Picks the kernel by the number of rows.
///
/// # Safety
/// As for [`run`].
#[inline(always)]
unsafe fn rows<E: Float, S: Simd, const NV: usize, const WHOLE: bool>(simd: S, tile: &Tile<E>) {
    macro_rules! pick {
        ($($rows:literal)+) => {
            match tile.rows {
                // SAFETY: `tile.rows` is matched; the rest of the contract is that of `kernel`.
                $($rows if const { fits::<S>($rows, NV) } => unsafe {
                    kernel::<E, S, $rows, NV, WHOLE>(simd, tile)
                },)+
                // SAFETY: `run` requires that the rows and vectors are within the limits of `Tile`,
                // which are what `fits` allows.
                _ => unsafe { std::hint::unreachable_unchecked() },
            }
        };
    }
    pick!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
}

/// The micro-kernel as a function of its own, so that its registers are its own too.
///
/// # Safety
/// As for [`run`], with `MR` rows and `NV` vectors.
#[inline(never)]
unsafe fn kernel<E: Float, S: Simd, const MR: usize, const NV: usize, const WHOLE: bool>(
    simd: S,
    tile: &Tile<E>,
) {
    if const { fits::<S>(MR, NV) } {
        // SAFETY: the contract of this function is that of `Micro::new`.
        simd.vectorize(unsafe { Micro::<E, MR, NV, WHOLE>::new(tile) });
    }
}

struct Micro<'a, E, const MR: usize, const NV: usize, const WHOLE: bool>(&'a Tile<E>);

impl<'a, E, const MR: usize, const NV: usize, const WHOLE: bool> Micro<'a, E, MR, NV, WHOLE> {
    /// # Safety
    /// As for [`run`], with `MR` rows and `NV` vectors, while it runs.
    #[inline(always)]
    unsafe fn new(tile: &'a Tile<E>) -> Self {
        Self(tile)
    }
}

/// Repeats the body for every row of the tile, with the row a literal: a loop the compiler chose
/// not to unroll would put the accumulators into memory.
macro_rules! each_row {
    ($i:ident < $rows:ident, $body:block) => {
        each_row!(@ $i $rows $body 0 1 2 3 4 5 6 7 8 9 10 11 12 13)
    };
    (@ $i:ident $rows:ident $body:block $($row:literal)+) => {
        $(if const { $row < $rows } {
            const { assert!($row < MAX_ROWS) };
            let $i: usize = $row;
            $body
        })+
    };
}

pub(crate) use each_row;

impl<E: Float, const MR: usize, const NV: usize, const WHOLE: bool> Kernel
    for Micro<'_, E, MR, NV, WHOLE>
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        // SAFETY: the contract of `new` is that of `micro`.
        unsafe { micro::<E, S, MR, NV, WHOLE>(simd, self.0) };
    }
}

/// The loop over k, and what comes before and after it.
///
/// # Safety
/// As for [`run`], with `MR` rows and `NV` vectors.
#[allow(clippy::too_many_lines, reason = "a loop, and all that is done to a tile in registers")]
#[inline(always)]
unsafe fn micro<E: Float, S: Simd, const MR: usize, const NV: usize, const WHOLE: bool>(
    simd: S,
    tile: &Tile<E>,
) {
    let lanes = E::Vector::<S>::LANES;
    let tail = tile.cols - (NV - 1) * lanes;
    // Three rows share a pointer: at strides of 0, 1 and 2 the addresses come for free.
    let row_stride = tile.c.row_stride;
    let c = thirds::<E>(tile.c.ptr, row_stride).map(<*const E>::cast_mut);
    if tile.depth >= PREFETCH_DEPTH {
        each_row!(i < MR, {
            let row = c[i / 3].wrapping_offset((i % 3) as isize * row_stride);
            for v in 0..NV {
                prefetch(row.wrapping_add(v * lanes));
            }
        });
    }

    let zero = E::Vector::<S>::splat(simd, E::ZERO);
    let mut acc = [[zero; NV]; MR];
    let (step, stride) = (tile.a.col_stride, tile.a.row_stride);
    let mut a = thirds::<E>(tile.a.ptr, stride);
    let mut b = tile.b.ptr;
    for _ in 0..tile.depth {
        if MR >= PREFETCH_ROWS_FROM {
            let ahead = b.wrapping_offset(PREFETCH_ROWS * tile.b.row_stride);
            for v in 0..NV {
                prefetch(ahead.wrapping_add(v * lanes));
            }
        }
        let mut row = [zero; NV];
        for (v, vector) in row.iter_mut().enumerate() {
            let from = b.wrapping_add(v * lanes);
            // SAFETY: B has the columns of the tile, whole vectors of them if `WHOLE`, by this
            // function's contract.
            *vector = unsafe {
                if WHOLE || v + 1 < NV {
                    E::Vector::<S>::load_ptr(simd, from)
                } else {
                    E::Vector::<S>::load_partial_ptr(simd, from, tail)
                }
            };
        }
        each_row!(i < MR, {
            let from = a[i / 3].wrapping_offset((i % 3) as isize * stride);
            // SAFETY: A has `MR` rows and `depth` columns, by this function's contract.
            let left = E::Vector::<S>::splat(simd, unsafe { from.read() });
            for (sum, right) in acc[i].iter_mut().zip(row) {
                *sum = left.mul_add(right, *sum);
            }
        });
        for ptr in &mut a {
            *ptr = ptr.wrapping_offset(step);
        }
        b = b.wrapping_offset(tile.b.row_stride);
    }

    if tile.alpha != E::ONE {
        let alpha = E::Vector::<S>::splat(simd, tile.alpha);
        each_row!(i < MR, {
            for sum in &mut acc[i] {
                *sum = *sum * alpha;
            }
        });
    }
    // SAFETY: C has `MR` rows of `cols` elements and the bias one for each row or column, by this
    // function's contract; the last of `NV` vectors has `tail` elements.
    unsafe {
        if tile.beta != E::ZERO {
            let beta = E::Vector::<S>::splat(simd, tile.beta);
            each_row!(i < MR, {
                let row = c[i / 3].wrapping_offset((i % 3) as isize * row_stride);
                for (v, sum) in acc[i].iter_mut().enumerate() {
                    let from = row.wrapping_add(v * lanes);
                    let old = if v + 1 < NV || tail == lanes {
                        E::Vector::<S>::load_ptr(simd, from)
                    } else {
                        E::Vector::<S>::load_partial_ptr(simd, from, tail)
                    };
                    *sum = beta.mul_add(old, *sum);
                }
            });
        }
        match tile.bias {
            Addend::None => {}
            Addend::PerRow(bias) => {
                each_row!(i < MR, {
                    let bias = E::Vector::<S>::splat(simd, bias.wrapping_add(i).read());
                    for sum in &mut acc[i] {
                        *sum = *sum + bias;
                    }
                });
            }
            Addend::PerColumn(bias) => {
                let mut row = [zero; NV];
                for (v, vector) in row.iter_mut().enumerate() {
                    let from = bias.wrapping_add(v * lanes);
                    *vector = if v + 1 < NV || tail == lanes {
                        E::Vector::<S>::load_ptr(simd, from)
                    } else {
                        E::Vector::<S>::load_partial_ptr(simd, from, tail)
                    };
                }
                each_row!(i < MR, {
                    for (sum, bias) in acc[i].iter_mut().zip(row) {
                        *sum = *sum + bias;
                    }
                });
            }
        }
        each_row!(i < MR, {
            let row = c[i / 3].wrapping_offset((i % 3) as isize * row_stride);
            for (v, sum) in acc[i].iter().enumerate() {
                let to = row.wrapping_add(v * lanes);
                if v + 1 < NV || tail == lanes {
                    sum.store_ptr(to);
                } else {
                    sum.store_partial_ptr(to, tail);
                }
            }
        });
    }
}

/// Pointers to rows 0, 3, 6, ...
#[inline(always)]
fn thirds<E>(ptr: *const E, row_stride: isize) -> [*const E; MAX_ROWS.div_ceil(3)] {
    let mut rows = [ptr; MAX_ROWS.div_ceil(3)];
    for (third, row) in rows.iter_mut().enumerate() {
        *row = ptr.wrapping_offset(3 * third as isize * row_stride);
    }
    rows
}

/// From this depth on C is fetched into the cache while the tile is computed.
const PREFETCH_DEPTH: usize = 64;

/// Number of rows of B that are prefetched ahead of the one in use.
const PREFETCH_ROWS: isize = 8;
/// In tiles with at least this many rows; with fewer, the rows follow too closely.
const PREFETCH_ROWS_FROM: usize = 10;

/// Asks for a cache line in the second-level cache.
#[inline(always)]
pub(super) fn fetch_far<E>(ptr: *const E) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch accesses nothing; SSE is part of the architecture.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(ptr.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = ptr;
}
