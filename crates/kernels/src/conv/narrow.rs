//! Kernels for groups of few channels, among them the depthwise convolutions: packing patches would
//! cost as much as multiplying them, so they are read in the band. The lanes are neighbouring
//! results of a row.
//!
//! Every element is one chain of multiply-adds in the order of the channels and taps, wherever it
//! lies. The gradient by the weight is in [`narrow_grad`](super::narrow_grad).

use super::band::{Band, Extent, Gather};
use super::patches::Rectangles;
use crate::Float;
use crate::gemm::Epilogue;
use crate::gemm::implicit::{
    MAX_ROWS, Output, Scratch, Strided, each_row, each_vector, finish, multiply_add_row,
};
use crate::simd::{Kernel, Lanes, Simd};

/// The most output channels of a group that these kernels compute.
pub(super) const MOST: usize = 8;

/// The elements of a band: what the first-level cache holds.
const BAND: usize = 6 << 10;

/// The rows of the next tile: as few and equal ones as cover the channels.
#[inline(always)]
pub(super) fn tile_rows(left: usize) -> usize {
    match left {
        0..=4 | 6 => left,
        5 => 3,
        7 | 8 => 4,
        _ => 6,
    }
}

/// Whether the accumulators of a tile and the vectors they are made of fit into the registers.
pub(super) const fn fits<S: Simd>(rows: usize, vectors: usize) -> bool {
    rows * vectors + vectors < S::REGISTERS
}

/// Number of results that are worth a band: whole rows if they are short.
#[inline(always)]
pub(super) fn chunk<E: Float, S: Simd>(gather: &Gather<E>, channels: usize) -> usize {
    let cols = gather.cols.len;
    let columns = |count: usize| gather.cols.span(count).saturating_mul(channels);
    // What a row of results draws from, and what one more adds.
    let row = columns(cols).saturating_mul(gather.rows.span(1));
    if row > 4 * BAND && cols > WIDE * E::Vector::<S>::LANES {
        return WIDE * E::Vector::<S>::LANES;
    }
    let more = columns(cols) * gather.rows.step;
    (BAND.saturating_sub(row) / more + 1).min(gather.rows.len) * cols
}

/// The vectors of a piece of a long row.
const WIDE: usize = 32;

/// `C = act(A P + beta C + bias)` with P the results from `first` on of the matrix of patches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Narrow<'a, E> {
    pub(super) gather: &'a Gather<E>,
    pub(super) first: usize,
    pub(super) count: usize,
    /// The channels made.
    pub(super) made: usize,
    /// Their weights: of each a row, contiguous.
    pub(super) weight: Strided<E>,
    pub(super) beta: E,
    /// Its rows are contiguous.
    pub(super) c: Output<E>,
    pub(super) epilogue: Epilogue<'a, E>,
}

impl<E: Float> Narrow<'_, E> {
    /// Computes it.
    ///
    /// # Safety
    /// The gather's planes and the weights must be readable, C be written by this thread alone; the
    /// depth must not be zero.
    #[inline(always)]
    pub(super) unsafe fn run<S: Simd>(&self, simd: S) {
        let gather = self.gather;
        let depth = gather.depth();
        let lanes = E::Vector::<S>::LANES;
        let step = chunk::<E, S>(gather, gather.channels);
        let (mut scratch, mut table) = (Scratch::take(), Scratch::take());
        let table = offsets(&mut table, depth);
        let most = widest::<S>(tile_rows(self.made), MAX_PIECES);
        let end = self.first + self.count;
        let mut at = self.first;
        while at < end {
            let mut rectangles = Rectangles::new(gather, at, step.min(end - at));
            while let Some((results, range)) = rectangles.next() {
                let extent = Extent::new(gather, 0..gather.channels, results.clone());
                let buffer = scratch.get::<E>(extent.elements::<E, S>());
                // SAFETY: the buffer is as long as asked for, and the gather's planes are readable
                // by this function's contract.
                let band = unsafe { Band::fill(simd, gather, extent, E::ZERO, buffer) };
                band.offsets(0, table);
                let mut result = range.start;
                let mut col = result % gather.cols.len;
                let mut base = band.first(result / gather.cols.len, col);
                while result < range.end {
                    let first = result;
                    let mut pieces = [Piece { base: band.ptr(), to: 0, count: 0 }; MAX_PIECES];
                    let mut planned = 0;
                    while planned < most && result < range.end {
                        let count = lanes.min(gather.cols.len - col).min(range.end - result);
                        let to = result - first;
                        pieces[planned] = Piece { base, to, count };
                        planned += 1;
                        result += count;
                        col += count;
                        base = base.wrapping_add(count);
                        if col == gather.cols.len {
                            base = base.wrapping_add(band.result_stride()).wrapping_sub(col);
                            col = 0;
                        }
                    }
                    let c = self.c.at(0, first - self.first);
                    // SAFETY: the band has what the results see, and whole vectors of it; the
                    // weights and C may be accessed by this function's contract.
                    unsafe {
                        self.tiles(simd, table, &pieces[..planned], c);
                        finish(simd, c, (self.made, result - first), &self.epilogue);
                    }
                }
                at = range.end;
            }
        }
    }
}

impl<E: Float> Narrow<'_, E> {
    /// Computes the channels of some pieces, in tiles of as many of each as fit the registers.
    ///
    /// # Safety
    /// Whole vectors must be readable at every offset from a piece, the weights readable, and the
    /// pieces of C be written by this thread alone.
    #[inline(always)]
    unsafe fn tiles<S: Simd>(&self, simd: S, offsets: &[usize], pieces: &[Piece<E>], c: Output<E>) {
        let mut made = 0;
        while made < self.made {
            let rows = tile_rows(self.made - made);
            let mut done = 0;
            while done < pieces.len() {
                let count = widest::<S>(rows, pieces.len() - done);
                let tile = Tile {
                    pieces: &pieces[done..done + count],
                    offsets,
                    weight: self.weight.at(made, 0),
                    beta: self.beta,
                    c: c.at(made, 0),
                };
                // SAFETY: the tile is a part of this function's pieces and channels, of as many
                // rows and pieces as `tile_rows` and `widest` say.
                unsafe { run_tile(simd, rows, &tile) };
                done += count;
            }
            made += rows;
        }
    }
}

/// Room for an offset for each of `count` taps.
#[inline(always)]
pub(super) fn offsets(scratch: &mut Scratch, count: usize) -> &mut [usize] {
    let ptr = scratch.get::<f64>(count);
    const { assert!(size_of::<usize>() <= size_of::<f64>()) };
    // SAFETY: the scratch has as many elements, at least as large and aligned, initialised, and any
    // bits are a number; it is borrowed as long.
    unsafe { std::slice::from_raw_parts_mut(ptr.cast(), count) }
}

/// The most pieces of a tile.
const MAX_PIECES: usize = 8;

/// The number of pieces of the widest tile of `rows` rows.
#[inline(always)]
fn widest<S: Simd>(rows: usize, limit: usize) -> usize {
    [8, 4, 2]
        .into_iter()
        .find(|&vectors| vectors <= limit && rows <= most_rows(vectors) && fits::<S>(rows, vectors))
        .unwrap_or(1)
}

/// The most rows of a tile of `pieces` pieces that is compiled.
const fn most_rows(pieces: usize) -> usize {
    if pieces == 8 { 2 } else { 6 }
}

/// Neighbouring results of a row, at most a vector.
#[derive(Clone, Copy)]
struct Piece<E> {
    /// What they see first.
    base: *const E,
    /// Where they are in C.
    to: usize,
    count: usize,
}

/// Some channels of some pieces.
struct Tile<'a, E> {
    pieces: &'a [Piece<E>],
    offsets: &'a [usize],
    weight: Strided<E>,
    beta: E,
    c: Output<E>,
}

/// Computes a tile.
///
/// # Safety
/// As for [`Narrow::tiles`], with rows and pieces as [`tile_rows`] and [`widest`] say.
#[inline(always)]
unsafe fn run_tile<E: Float, S: Simd>(simd: S, rows: usize, tile: &Tile<'_, E>) {
    macro_rules! pick {
        ($($rows:literal)+) => {
            // SAFETY: rows and pieces are matched; the rest of the contract is that of `kernel`.
            unsafe {
                match (rows, tile.pieces.len()) {
                    $(($rows, 1) => kernel::<E, S, $rows, 1>(simd, tile),
                    ($rows, 2) => kernel::<E, S, $rows, 2>(simd, tile),
                    ($rows, 4) => kernel::<E, S, $rows, 4>(simd, tile),)+
                    (1, 8) => kernel::<E, S, 1, 8>(simd, tile),
                    (2, 8) => kernel::<E, S, 2, 8>(simd, tile),
                    (_, pieces) => unreachable!("no tile has {rows} rows of {pieces} pieces"),
                }
            }
        };
    }
    pick!(1 2 3 4 6);
}

/// # Safety
/// As for [`run_tile`].
#[inline(never)]
unsafe fn kernel<E: Float, S: Simd, const MR: usize, const NV: usize>(simd: S, tile: &Tile<'_, E>) {
    if const { fits::<S>(MR, NV) } {
        // SAFETY: the contract of this function is that of `Micro::new`.
        simd.vectorize(unsafe { Micro::<E, MR, NV>::new(tile) });
    }
}

struct Micro<'a, E, const MR: usize, const NV: usize>(&'a Tile<'a, E>);

impl<'a, E, const MR: usize, const NV: usize> Micro<'a, E, MR, NV> {
    /// # Safety
    /// As for [`run_tile`], with `MR` rows and `NV` pieces, while it runs.
    #[inline(always)]
    unsafe fn new(tile: &'a Tile<'a, E>) -> Self {
        Self(tile)
    }
}

impl<E: Float, const MR: usize, const NV: usize> Kernel for Micro<'_, E, MR, NV> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let tile = self.0;
        let zero = E::Vector::<S>::splat(simd, E::ZERO);
        let mut acc = [[zero; NV]; MR];
        // Three rows share a pointer: at strides of 0, 1 and 2 the addresses come for free.
        let stride = tile.weight.row_stride;
        let mut weights = [tile.weight.ptr; MAX_ROWS.div_ceil(3)];
        for (third, weight) in weights.iter_mut().enumerate() {
            *weight = tile.weight.at(3 * third, 0).ptr;
        }
        let mut bases = [std::ptr::null(); NV];
        for (base, piece) in bases.iter_mut().zip(tile.pieces) {
            *base = piece.base;
        }
        for &offset in tile.offsets {
            // SAFETY: `new` states that whole vectors are readable at every offset from a piece,
            // and that each of `MR` rows has a weight for every offset.
            unsafe {
                let row = load_pieces::<E, S, NV>(simd, &bases, offset);
                each_row!(i < MR, {
                    let left = weights[i / 3].wrapping_offset((i % 3) as isize * stride).read();
                    multiply_add_row(&mut acc[i], E::Vector::<S>::splat(simd, left), &row);
                });
            }
            weights = weights.map(|weight| weight.wrapping_add(1));
        }
        each_row!(i < MR, {
            // SAFETY: `new` states that each piece's elements of C are this thread's.
            unsafe { store_pieces::<E, S, NV>(simd, &acc[i], tile, i) };
        });
    }
}

/// A vector from each base.
///
/// # Safety
/// Whole vectors must be readable at `offset` from every base.
#[inline(always)]
unsafe fn load_pieces<E: Float, S: Simd, const NV: usize>(
    simd: S,
    bases: &[*const E; NV],
    offset: usize,
) -> [E::Vector<S>; NV] {
    let mut row = [E::Vector::<S>::splat(simd, E::ZERO); NV];
    each_vector!(v < NV, {
        // SAFETY: a vector is readable there, by this function's contract.
        row[v] = unsafe { E::Vector::<S>::load_ptr(simd, bases[v].wrapping_add(offset)) };
    });
    row
}

/// Writes the sums of channel `i` to the pieces of C.
///
/// # Safety
/// The pieces of that channel must be writable by this thread alone.
#[inline(always)]
unsafe fn store_pieces<E: Float, S: Simd, const NV: usize>(
    simd: S,
    sums: &[E::Vector<S>; NV],
    tile: &Tile<'_, E>,
    i: usize,
) {
    let beta = E::Vector::<S>::splat(simd, tile.beta);
    for (piece, &sum) in tile.pieces.iter().zip(sums) {
        let &Piece { to, count, .. } = piece;
        let to = tile.c.at(i, to).ptr;
        // SAFETY: the piece's `count` elements of C are this thread's, by this function's contract.
        unsafe {
            let mut sum = sum;
            if tile.beta != E::ZERO {
                sum = beta.mul_add(E::Vector::<S>::load_partial_ptr(simd, to, count), sum);
            }
            if count == E::Vector::<S>::LANES {
                sum.store_ptr(to);
            } else {
                sum.store_partial_ptr(to, count);
            }
        }
    }
}
