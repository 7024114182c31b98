//! Which kernel a product is given to, and in which blocks: a pure function of the shape, the
//! operands' layout and the level. Everything that decides about speed is decided here.

use std::time::Duration;

use super::problem::Problem;
use super::tile::{self, VECTORS};
use crate::Float;
use crate::simd::{Lanes, Simd};
use crate::threads;

/// The sizes of the blocks of the packed loops.
///
/// They are upper limits: a dimension is divided into the fewest blocks within the limit, of
/// nearly equal size. How k is divided depends on k alone, so every element of C is summed in the
/// same order wherever it lies and whoever computes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blocks {
    /// Loop 5: the columns of B packed at a time. With `depth`, what the second-level cache holds.
    pub(crate) cols: usize,
    /// Loop 4: the depth packed at a time. A micro-panel of A of this depth leaves the first-level
    /// cache room for B to stream through.
    pub(crate) depth: usize,
    /// Loop 3: the rows of a tile.
    pub(crate) rows: usize,
}

impl Blocks {
    /// The blocks used on level `S`.
    #[inline(always)]
    pub(super) fn of<E: Float, S: Simd>() -> Self {
        let rows = tile::max_rows::<S>();
        // Two thirds of 32 KiB for the micro-panel of A, half of 1 MiB for the block of B.
        let depth = ((21 << 10) / (size_of::<E>() * rows)).min(512) & !7;
        let width = VECTORS * E::Vector::<S>::LANES;
        let cols = (512 << 10) / (size_of::<E>() * depth) / width * width;
        Blocks { cols, depth, rows }
    }
}

/// The kernel a product is given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// No product at all (k = 0): C is scaled.
    Scale,
    /// A handful of multiply-adds: plain loops.
    Tiny,
    /// One row, B by rows: C gathers multiples of the rows of B, which stream by once.
    Axpy,
    /// Few rows or few columns: inner products along k.
    Dot,
    /// Register tiles on the operands in place, for products with little to walk over. A B by
    /// columns is turned first; a few columns after whole vectors are rows of the transposed
    /// product.
    Direct,
    /// The blocked loops. The micro-kernel reads in place what is not packed.
    Blocked {
        /// Copy each micro-panel of A before it is used.
        pack_a: bool,
        /// Copy each block of B before it is used.
        pack_b: bool,
    },
}

impl Path {
    /// The multiply-adds worth a piece of their own.
    #[inline(always)]
    pub(super) fn piece(self) -> usize {
        if self == Path::Direct { DIRECT_PIECE } else { PIECE }
    }
}

/// The multiply-adds of a product.
#[inline(always)]
pub(super) fn work<E>(problem: &Problem<'_, E>) -> usize {
    problem.m.saturating_mul(problem.n).saturating_mul(problem.k)
}

/// Whether `work` multiply-adds are worth more than one thread. The result does not depend on it.
#[inline(always)]
pub(crate) fn worth_threads(work: usize) -> bool {
    worth_threads_by(work, PIECE)
}

/// Whether `work` multiply-adds, in pieces of `piece`, are worth more than one thread. The result
/// does not depend on it.
#[inline(always)]
pub(super) fn worth_threads_by(work: usize, piece: usize) -> bool {
    // A platform without threads may have no clock either.
    threads::count() > 1
        && (work >= WAKING
            || work >= 2 * piece
                && threads::awake(Duration::from_nanos(work as u64 / PER_NANOSECOND)))
}

/// How a product is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) path: Path,
    pub(super) blocks: Blocks,
    /// Into how many pieces the rows and the columns of C are divided for the threads. Every piece
    /// is a product of its own; k is never divided.
    pub(super) grid: (usize, usize),
}

impl Plan {
    /// The plan for `problem`, which must be oriented (see [`orient`]), if it may be
    /// spread over `threads` threads.
    #[inline(always)]
    pub(super) fn of<E: Float, S: Simd>(
        problem: &Problem<'_, E>,
        threads: impl FnOnce() -> usize,
    ) -> Self {
        let blocks = Blocks::of::<E, S>();
        let path = path::<E, S>(problem, &blocks);
        let work = work(problem);
        let piece = path.piece();
        let threads = if work < 2 * piece { 1 } else { threads() };
        let grid = if threads == 1 {
            (1, 1)
        } else {
            grid::<E, S>(problem, path, &blocks, (work / piece).min(2 * threads))
        };
        Plan { path, blocks, grid }
    }
}

/// Chooses between a product and its transpose, and settles the strides that do not matter.
///
/// The columns of C are computed as vectors, so they should be contiguous; of a vector, the longer
/// dimension becomes the columns. Where C has so few columns that many lanes would idle, and the
/// rows of A are interleaved anyhow, they become the columns though C must then be scattered; so
/// they do in a small product if less has to be turned then.
#[inline(always)]
pub(super) fn orient<E: Float, S: Simd>(problem: &mut Problem<'_, E>) {
    let &mut Problem { m, n, k, a, c, .. } = problem;
    let lanes = E::Vector::<S>::LANES;
    let rows_unit = c.row_stride == 1 || m == 1;
    let cols_unit = c.col_stride == 1 || n == 1;
    // The lanes of one vector or two, a third of them without a column.
    let idle = n < lanes || n < 2 * lanes && 2 * n.next_multiple_of(lanes) >= 3 * n;
    let narrow = idle && m > lanes && k > lanes && a.row_stride == 1 && a.col_stride != 1;
    if rows_unit && (!cols_unit || (n == 1 && m > 1)) || narrow {
        problem.transpose();
    }
    if turns_less::<E, S>(problem) {
        problem.transpose();
    }
    problem.settle();
}

/// Whether the transposed product is less work for a B by columns, which has to be turned: then A
/// is turned instead, if need be, and C must be scattered.
#[inline(always)]
fn turns_less<E: Float, S: Simd>(problem: &Problem<'_, E>) -> bool {
    let &Problem { m, n, k, a, b, c, .. } = problem;
    let lanes = E::Vector::<S>::LANES;
    let turned = b.row_stride == 1 && b.col_stride != 1 && c.col_stride == 1;
    if !turned || m < lanes || n < lanes || k < lanes {
        return false;
    }
    if work(problem) > DIRECT || k > Blocks::of::<E, S>().depth {
        return false;
    }
    let turn_a = if a.row_stride == 1 { 0 } else { m * k };
    let tiles = [m * n.div_ceil(lanes) * k, n * m.div_ceil(lanes) * k];
    tiles[1] + (turn_a + m * n) / TURNED < tiles[0] + n * k / TURNED
}

/// The number of columns after whole vectors, if they are few: on the direct path, these columns
/// are faster as rows of the transposed product.
#[inline(always)]
pub(super) fn edge<E: Float, S: Simd>(problem: &Problem<'_, E>) -> usize {
    let &Problem { m, n, k, a, .. } = problem;
    let lanes = E::Vector::<S>::LANES;
    let edge = n % lanes;
    if n < lanes || m < lanes || a.row_stride != 1 && a.col_stride != 1 {
        return 0;
    }
    let turn_a = if a.row_stride == 1 { 0 } else { m * k };
    let turned = edge * m.div_ceil(lanes) * k + (turn_a + m * lanes) / TURNED;
    if turned < m * k { edge } else { 0 }
}

/// The path of an oriented problem.
#[inline(always)]
fn path<E: Float, S: Simd>(problem: &Problem<'_, E>, blocks: &Blocks) -> Path {
    let &Problem { m, n, k, a, b, .. } = problem;
    let lanes = E::Vector::<S>::LANES;
    let width = VECTORS * lanes;
    let b_by_rows = b.col_stride == 1;
    if k == 0 {
        return Path::Scale;
    }
    if m.saturating_mul(n).saturating_mul(k) <= TINY {
        return Path::Tiny;
    }
    if m == 1 && b_by_rows && n >= lanes {
        return Path::Axpy;
    }
    // Inner products fill the lanes along k, tiles along n; the one pays for adding up the lanes
    // and the other for packing. The costs are in vector operations.
    if a.col_stride == 1 && k >= lanes || b.row_stride == 1 {
        let area = m.saturating_mul(n);
        let dot = area.saturating_mul(k.div_ceil(lanes) + SUM_COST).saturating_mul(9) / 8;
        let copy_a = if a.col_stride == 1 { 0 } else { m.saturating_mul(k) };
        let copy_b = if b.row_stride == 1 { 0 } else { n.saturating_mul(k) };
        let tiles = m.saturating_mul(n.div_ceil(lanes)).saturating_mul(k);
        let pack = if b_by_rows { 0 } else { n.saturating_mul(k) / 2 };
        if dot.saturating_add(copy_a).saturating_add(copy_b) < tiles.saturating_add(pack) {
            return Path::Dot;
        }
    }
    // B is read in place, if its rows are contiguous, unless it is too large for the second-level
    // cache and enough panels of A pass over it to repay the copy.
    let b_bytes = size_of::<E>().saturating_mul(n).saturating_mul(k);
    let panels = m.div_ceil(tile::max_rows::<S>());
    let pack_b =
        !b_by_rows || IN_PLACE.iter().any(|&(most, bytes)| panels > most && b_bytes > bytes);
    let small = k <= blocks.depth && work(problem) <= DIRECT;
    if small && (!pack_b || b.row_stride == 1) {
        return Path::Direct;
    }
    // So is A, unless its rows crowd into a few sets of the first-level cache (they do at strides
    // of half a page), or its columns do and they are long, or nothing in it is contiguous.
    let pack_a = n > 2 * width
        && m > 1
        && match (a.row_stride, a.col_stride) {
            (_, 1) => crowded::<E>(a.row_stride) && k > lanes,
            (1, _) => k > IN_PLACE_DEPTH && pack_b,
            _ => true,
        };
    Path::Blocked { pack_a, pack_b }
}

/// Whether rows so far apart crowd into a few sets of the first-level cache.
#[inline(always)]
pub(crate) fn crowded<E>(stride: isize) -> bool {
    stride.unsigned_abs().wrapping_mul(size_of::<E>()).is_multiple_of(CROWDING_BYTES)
}

/// Divides C into at most `pieces` pieces, of whole tiles, so that the least is packed twice.
fn grid<E: Float, S: Simd>(
    problem: &Problem<'_, E>,
    path: Path,
    blocks: &Blocks,
    pieces: usize,
) -> (usize, usize) {
    let &Problem { m, n, .. } = problem;
    let lanes = E::Vector::<S>::LANES;
    let width = VECTORS * lanes;
    let most_rows = match path {
        Path::Scale | Path::Tiny => return (1, 1),
        // Nothing is packed but a B by columns, which is small.
        Path::Direct => return (pieces.min(m.div_ceil(lanes)), 1),
        Path::Axpy | Path::Dot => m,
        Path::Blocked { .. } => m.div_ceil(blocks.rows),
    };
    let most_cols = n.div_ceil(width);
    // Each division of the rows packs B once more, each of the columns packs A once more.
    let mut best = (1, 1);
    let mut lowest = usize::MAX;
    for rows in 1..=pieces.min(most_rows) {
        let cols = (pieces / rows).min(most_cols);
        let left_over = pieces - rows * cols;
        let cost = (rows * n + cols * m).saturating_add(left_over.saturating_mul(m + n));
        if cost < lowest {
            (best, lowest) = ((rows, cols), cost);
        }
    }
    best
}

/// The multiply-adds worth a piece of their own, when another thread is awake and comes within a
/// microsecond: they take some three.
pub(crate) const PIECE: usize = threads::work(1 << 18);
/// The same on the direct path, where a division costs next to nothing: little is packed.
const DIRECT_PIECE: usize = threads::work(1 << 17);
/// The multiply-adds worth waking a thread for: about what this one does until the other has come.
pub(crate) const WAKING: usize = 2 << 20;
/// The multiply-adds a thread does in a nanosecond where not much goes well.
const PER_NANOSECOND: u64 = 16;
/// Up to this many multiply-adds plain loops are quicker than anything else.
const TINY: usize = 40;
/// Up to this many multiply-adds packing and prefetching are not worth the looking.
const DIRECT: usize = 1 << 19;
/// The elements that are turned in the time of a vector operation.
const TURNED: usize = 3;
/// What it costs to add up the lanes of an inner product.
const SUM_COST: usize = 5;
/// B is worth a copy if more panels of A than the first pass over more bytes than the second.
const IN_PLACE: [(usize, usize); 2] = [(12, 768 << 10), (24, 128 << 10)];
/// Up to this depth a column-major A is not worth a copy.
const IN_PLACE_DEPTH: usize = 192;
/// Rows this far apart, or a multiple of it, share the sets of the first-level cache.
const CROWDING_BYTES: usize = 2 << 10;

/// A dimension divided into the fewest blocks of at most `limit`, of nearly equal size, each but
/// the last a multiple of `unit`.
#[inline(always)]
pub(super) fn block_size(len: usize, limit: usize, unit: usize) -> usize {
    if len <= limit {
        return len;
    }
    let blocks = len.div_ceil(limit);
    len.div_ceil(blocks).next_multiple_of(unit).min(limit)
}
