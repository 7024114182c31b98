//! The micro-kernel: a register tile of C, rows broadcast from A, columns as vectors of B.
//!
//! A tile of `MR` rows by `NV` vectors is held in `MR * NV` accumulators while the kernel walks
//! down k. Every element is one chain of multiply-adds in increasing k, whatever its place in the
//! tile, so the bits of a result depend neither on the tile's shape nor on where it lies.

use super::output::Output;
use super::row::{
    add_row, each_row, load_row, load_whole_row, multiply_add_row, prefetch_row, scale_row,
    store_row,
};
use super::strided::Strided;
use crate::Float;
use crate::simd::{Kernel, Lanes, Simd};

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

/// Whether a tile of this size is compiled: it fits, and [`max_rows`] allows it.
const fn is_compiled<S: Simd>(rows: usize, vectors: usize) -> bool {
    rows <= max_rows::<S>() && fits::<S>(rows, vectors)
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
    // SAFETY: `tile.cols` is within `vectors` vectors; the rest of the contract is that of `rows`.
    unsafe {
        match vectors {
            1 => rows::<E, S, 1>(simd, tile),
            2 => rows::<E, S, 2>(simd, tile),
            3 => rows::<E, S, 3>(simd, tile),
            4 => rows::<E, S, 4>(simd, tile),
            _ => rows::<E, S, 6>(simd, tile),
        }
    }
}

/// Picks the kernel by the number of rows.
///
/// # Safety
/// As for [`run`].
#[inline(always)]
unsafe fn rows<E: Float, S: Simd, const NV: usize>(simd: S, tile: &Tile<E>) {
    macro_rules! pick {
        ($($rows:literal)+) => {
            match tile.rows {
                // SAFETY: `tile.rows` is matched; the rest of the contract is that of `kernel`.
                $($rows if const { is_compiled::<S>($rows, NV) } => unsafe {
                    kernel::<E, S, $rows, NV>(simd, tile)
                },)+
                // SAFETY: `run` requires that the rows and vectors are within the limits of `Tile`,
                // which are what `is_compiled` allows.
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
unsafe fn kernel<E: Float, S: Simd, const MR: usize, const NV: usize>(simd: S, tile: &Tile<E>) {
    if const { is_compiled::<S>(MR, NV) } {
        // SAFETY: the contract of this function is that of `Micro::new`.
        simd.vectorize(unsafe { Micro::<E, MR, NV>::new(tile) });
    }
}

struct Micro<'a, E, const MR: usize, const NV: usize>(&'a Tile<E>);

impl<'a, E, const MR: usize, const NV: usize> Micro<'a, E, MR, NV> {
    /// # Safety
    /// As for [`run`], with `MR` rows and `NV` vectors, while it runs.
    #[inline(always)]
    unsafe fn new(tile: &'a Tile<E>) -> Self {
        Self(tile)
    }
}

impl<E: Float, const MR: usize, const NV: usize> Kernel for Micro<'_, E, MR, NV> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        // SAFETY: the contract of `new` is that of `micro`.
        unsafe { micro::<E, S, MR, NV>(simd, self.0) };
    }
}

/// The accumulators of a tile.
type Sums<V, const MR: usize, const NV: usize> = [[V; NV]; MR];

/// A tile: the products, then what is done to them in registers, then the stores.
///
/// # Safety
/// As for [`run`], with `MR` rows and `NV` vectors.
#[inline(always)]
unsafe fn micro<E: Float, S: Simd, const MR: usize, const NV: usize>(simd: S, tile: &Tile<E>) {
    let lanes = E::Vector::<S>::LANES;
    // Only the last vector of a row may be partial.
    let tail = tile.cols - (NV - 1) * lanes;
    // Three rows share a pointer: at strides of 0, 1 and 2 the addresses come for free.
    let row_stride = tile.c.row_stride;
    let c = thirds::<E>(tile.c.ptr, row_stride);
    if tile.depth >= PREFETCH_DEPTH {
        each_row!(i < MR, {
            prefetch_row::<E, S, NV>(nth(&c, row_stride, i));
        });
    }
    // SAFETY: A has `MR` rows and `depth` columns, B has `depth` rows of the columns of the tile,
    // and of whole vectors where it is padded, by this function's contract.
    let mut acc: Sums<E::Vector<S>, MR, NV> = unsafe {
        if tile.padded || tail == lanes {
            products::<E, S, MR, NV, true>(simd, tile, tail)
        } else {
            products::<E, S, MR, NV, false>(simd, tile, tail)
        }
    };

    let plain = tile.alpha == E::ONE && tile.beta == E::ZERO;
    // SAFETY: C has `MR` rows of `cols` elements and the bias one for each row or column, by this
    // function's contract; the last of `NV` vectors has `tail` elements.
    unsafe {
        if plain && matches!(tile.bias, Addend::None) {
            each_row!(i < MR, {
                store_row::<E, S, NV>(&acc[i], nth(&c, row_stride, i).cast_mut(), tail);
            });
            return;
        }
        let addend = match tile.bias {
            Addend::PerColumn(bias) => load_row::<E, S, NV>(simd, bias, tail),
            // Adding -0 changes no number.
            _ => [E::Vector::<S>::splat(simd, -E::ZERO); NV],
        };
        each_row!(i < MR, {
            let to = nth(&c, row_stride, i).cast_mut();
            finish_row::<E, S, NV>(simd, tile, &mut acc[i], (i, to, tail), &addend);
        });
    }
}

/// Completes row `i` of a tile from its sums of products and writes its `NV` vectors to `to`, the
/// last of them of `tail` elements. `addend` is added unless the bias has an element for each row.
///
/// # Safety
/// `to` must be readable and writable for as many elements, and the bias readable.
#[inline(always)]
unsafe fn finish_row<E: Float, S: Simd, const NV: usize>(
    simd: S,
    tile: &Tile<E>,
    sums: &mut [E::Vector<S>; NV],
    (i, to, tail): (usize, *mut E, usize),
    addend: &[E::Vector<S>; NV],
) {
    // Multiplied by 1, too: a branch here makes the compiler keep the sums in memory.
    scale_row(sums, E::Vector::<S>::splat(simd, tile.alpha));
    // SAFETY: the row and the bias are readable, by this function's contract.
    unsafe {
        if tile.beta != E::ZERO {
            let old = load_row::<E, S, NV>(simd, to, tail);
            multiply_add_row(sums, E::Vector::<S>::splat(simd, tile.beta), &old);
        }
        if let Addend::PerRow(bias) = tile.bias {
            let bias = E::Vector::<S>::splat(simd, bias.wrapping_add(i).read());
            add_row(sums, &[bias; NV]);
        } else {
            add_row(sums, addend);
        }
        store_row::<E, S, NV>(sums, to, tail);
    }
}

/// The loop over k: the sums of products of a tile.
///
/// # Safety
/// A must be readable for `MR` rows and `tile.depth` columns, B for `tile.depth` rows of `NV`
/// vectors, the last of them of `tail` elements unless `WHOLE`.
#[inline(always)]
unsafe fn products<E: Float, S: Simd, const MR: usize, const NV: usize, const WHOLE: bool>(
    simd: S,
    tile: &Tile<E>,
    tail: usize,
) -> Sums<E::Vector<S>, MR, NV> {
    let zero = E::Vector::<S>::splat(simd, E::ZERO);
    let mut acc = [[zero; NV]; MR];
    let (step, stride) = (tile.a.col_stride, tile.a.row_stride);
    let mut a = thirds::<E>(tile.a.ptr, stride);
    let mut b = tile.b.ptr;
    for _ in 0..tile.depth {
        if const { MR >= PREFETCH_ROWS_FROM } {
            prefetch_row::<E, S, NV>(b.wrapping_offset(PREFETCH_ROWS * tile.b.row_stride));
        }
        // SAFETY: B has these vectors, the last of them partial unless `WHOLE`, and A has `MR` rows
        // and `depth` columns, by this function's contract.
        unsafe {
            let row = if WHOLE {
                load_whole_row::<E, S, NV>(simd, b)
            } else {
                load_row::<E, S, NV>(simd, b, tail)
            };
            each_row!(i < MR, {
                let left = E::Vector::<S>::splat(simd, nth(&a, stride, i).read());
                multiply_add_row(&mut acc[i], left, &row);
            });
        }
        for ptr in &mut a {
            *ptr = ptr.wrapping_offset(step);
        }
        b = b.wrapping_offset(tile.b.row_stride);
    }
    acc
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

/// The pointer to row `i`, given those of [`thirds`].
#[inline(always)]
fn nth<E>(thirds: &[*const E; MAX_ROWS.div_ceil(3)], row_stride: isize, i: usize) -> *const E {
    thirds[i / 3].wrapping_offset((i % 3) as isize * row_stride)
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
