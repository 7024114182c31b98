//! The blocked loops, numbered from the outside as in Goto and van de Geijn, "Anatomy of
//! high-performance matrix multiplication" (ACM TOMS 34, 2008), and Van Zee and van de Geijn,
//! "BLIS: a framework for rapidly instantiating BLAS functionality" (ACM TOMS 41, 2015).
//!
//! The operand that is broadcast (A) is read slowly and the one read as vectors (B) fast, so B's
//! block sits in the second-level cache and streams through the first, where a single micro-panel
//! of A stays: loops 3 and 1 of the literature fall together.

use super::epilogue;
use super::pack::{self, Block, Left, Right, Share};
use super::plan::{self, Blocks};
use super::problem::{Output, Problem, Strided};
use super::scratch::{ALIGN, Scratch};
use super::source::Sided;
use super::tile::{self, Fma, MAX_VECTORS, Multiply, Tile, VECTORS};
use crate::Element;
use crate::simd::{Lanes, MAX_LANES, Simd};

/// Computes the product with the blocks and the packing asked for.
///
/// # Safety
/// The problem must hold what [`Problem`] says, with C written by this thread alone; k > 0.
#[inline(always)]
pub(super) unsafe fn run<E: Element, S: Simd>(
    simd: S,
    problem: &Problem<'_, E>,
    blocks: &Blocks,
    pack_a: bool,
    pack_b: bool,
) {
    let (a, b) = (Sided::left(problem), Sided::right(problem));
    let (pack_a, pack_b) = (pack_a || a.source.is_some(), pack_b || b.source.is_some());
    // SAFETY: passed on.
    unsafe { run_from(simd, Fma, problem, (&a, &b), blocks, pack_a, pack_b) };
}

/// As [`run`], with what is packed drawn from `left` and `right`: an operand of the problem that
/// does not stand in memory as a matrix has its elements there alone.
///
/// # Safety
/// As for [`run`]. An operand that the problem does not hold must be packed.
#[allow(clippy::too_many_lines, reason = "the five loops and what is packed in each")]
#[inline(always)]
pub(super) unsafe fn run_from<E: Element, S: Simd, M: Multiply<E, S>, A: Left<E>, B: Right<E>>(
    simd: S,
    multiply: M,
    problem: &Problem<'_, E>,
    (left_source, right_source): (&A, &B),
    blocks: &Blocks,
    pack_a: bool,
    pack_b: bool,
) {
    let &Problem { m, n, k, a, b, c, .. } = problem;
    let lanes = E::Vector::<S>::LANES;
    let width = VECTORS * lanes;
    // The micro-kernel reads rows of B.
    let pack_b = pack_b || b.col_stride != 1;
    let depth_step = plan::block_size(k, blocks.depth, 1);
    // Whole panels: one that is packed already is cut nowhere else.
    let col_limit = blocks.cols.saturating_mul(blocks.depth) / depth_step / width * width;
    let col_step = plan::block_size(n, col_limit.max(width), width);
    let even = plan::block_size(m, blocks.rows.min(tile::max_rows::<S>()), 1);
    let row_step = if pack_a { left_source.tile_rows::<S>(even) } else { even };

    let mut scratch = None;
    let (mut a_packed, mut b_packed) = (std::ptr::null_mut::<E>(), std::ptr::null_mut::<E>());
    if pack_a || pack_b {
        let aligned = ALIGN / size_of::<E>();
        let a_len = left_source.packed_len::<S>(row_step, depth_step).next_multiple_of(aligned);
        let b_len = pack::b_len::<E, S>(depth_step, col_step) + lanes;
        let scratch = scratch.insert(Scratch::take());
        a_packed = scratch.get::<E>(a_len + if pack_b { b_len } else { 0 });
        b_packed = a_packed.wrapping_add(a_len);
    }

    // SAFETY: every operand below is a part of the problem's own, or of the scratch, which was
    // asked for by the lengths that packing states.
    unsafe {
        // Loop 5: columns of B and C.
        let mut col = 0;
        while col < n {
            let cols = col_step.min(n - col);
            // Loop 4: depth. The first block meets beta, the last one the epilogue.
            let mut from = 0;
            while from < k {
                let depth = depth_step.min(k - from);
                let beta = if from == 0 { problem.beta } else { E::ONE };
                let last = from + depth == k && !problem.epilogue.is_none();
                let mut block = Block { ptr: b_packed.cast_const(), depth, from: 0 };
                if pack_b {
                    match right_source.there::<S>(from, col) {
                        Some(there) => block = there,
                        None => right_source.pack(simd, (from, depth), (col, cols), b_packed),
                    }
                }
                // Loop 3: rows of A and C, a micro-panel at a time.
                let mut row = 0;
                while row < m {
                    let rows = row_step.min(m - row);
                    if pack_b {
                        let share = Share { done: row, now: rows, all: m };
                        let (depths, columns) =
                            ((from, depth, depth_step, k), (col, cols, col_step, n));
                        prefetch_next(right_source, depths, columns, share);
                    }
                    let mut left = a.at(row, from);
                    if pack_a {
                        left = left_source.pack(simd, (row, rows), (from, depth), a_packed);
                    }
                    let (repeats, deeper) = left_source.repeats();
                    for repeat in 0..repeats {
                        let c_row = repeat * m + row;
                        // Loop 2: the panels of the block of B.
                        let mut panel = 0;
                        while panel < cols {
                            let vectors = (cols - panel).div_ceil(lanes);
                            let vectors = if pack_b {
                                vectors.min(VECTORS)
                            } else {
                                tile::widest::<S>(rows, vectors)
                            };
                            let count = (vectors * lanes).min(cols - panel);
                            let mut right = b.at(from, col + panel);
                            if pack_b {
                                right = block.panel(panel, pack::panel_width::<E, S>(count));
                            }
                            // Loop 1, the micro-kernel's: down k.
                            let tile = Tile {
                                rows,
                                cols: count,
                                depth,
                                padded: pack_b,
                                a: left.at(0, repeat * deeper),
                                b: right,
                                c: c.at(c_row, col + panel),
                                alpha: problem.alpha,
                                beta,
                            };
                            place(simd, multiply, &tile, |simd, c| {
                                if last {
                                    let part = problem.epilogue.part(row, rows, col + panel, count);
                                    epilogue::finish(simd, c, rows, count, &part);
                                }
                            });
                            if row + rows < m {
                                let next = (row + rows, row_step.min(m - row - rows));
                                let share = Share {
                                    done: repeat * cols + panel,
                                    now: count,
                                    all: repeats * cols,
                                };
                                left_source.prefetch(next, (from, depth), share);
                            }
                            panel += count;
                        }
                    }
                    row += rows;
                }
                from += depth;
            }
            col += cols;
        }
    }
}

/// Asks for a share of the block of B that is packed next, after the one given by its first index,
/// length and the most there are of a dimension in a block and in all.
#[inline(always)]
fn prefetch_next<E: Element, B: Right<E>>(
    source: &B,
    (from, depth, depth_step, k): (usize, usize, usize, usize),
    (col, cols, col_step, n): (usize, usize, usize, usize),
    share: Share,
) {
    let (deeper, further) = (from + depth, col + cols);
    if deeper < k {
        source.prefetch((deeper, depth_step.min(k - deeper)), (col, cols), share);
    } else if further < n {
        source.prefetch((0, depth_step), (further, col_step.min(n - further)), share);
    }
}

/// Computes the product tile by tile, with k in one piece and the operands in place, but for a B by
/// columns, which is turned first.
///
/// # Safety
/// The problem must hold what [`Problem`] says, with C written by this thread alone; k > 0, the
/// column stride of C and a stride of B are one.
#[inline(always)]
pub(super) unsafe fn direct<E: Element, S: Simd>(simd: S, problem: &Problem<'_, E>) {
    let &Problem { n, k, b, .. } = problem;
    if b.col_stride == 1 {
        // SAFETY: passed on.
        return unsafe { in_place(simd, problem) };
    }
    let stride = n.next_multiple_of(E::Vector::<S>::LANES);
    let mut scratch = Scratch::take();
    let ptr = scratch.get::<E>(k * stride);
    let b = Strided { ptr: ptr.cast_const(), row_stride: stride as isize, col_stride: 1 };
    // SAFETY: the scratch holds k such rows.
    unsafe {
        pack::turn(simd, problem.b, (k, n), ptr, stride);
        in_place(simd, &Problem { b, ..*problem });
    }
}

/// Computes the product tile by tile, with the operands in place and k in one piece.
///
/// # Safety
/// As for [`direct`], and the column stride of B is one.
#[inline(always)]
unsafe fn in_place<E: Element, S: Simd>(simd: S, problem: &Problem<'_, E>) {
    let &Problem { m, n, k, alpha, a, b, beta, c, .. } = problem;
    let lanes = E::Vector::<S>::LANES;
    let plain = problem.epilogue.is_none();
    let row_step = plan::block_size(m, tile::max_rows::<S>(), 1);
    let mut row = 0;
    while row < m {
        let rows = row_step.min(m - row);
        let mut col = 0;
        while col < n {
            let vectors = tile::widest::<S>(rows, (n - col).div_ceil(lanes));
            let cols = (vectors * lanes).min(n - col);
            let (a, b, c) = (a.at(row, 0), b.at(0, col), c.at(row, col));
            let tile = Tile { rows, cols, depth: k, padded: false, a, b, c, alpha, beta };
            // SAFETY: the tile is a part of the problem.
            unsafe {
                tile::run(simd, Fma, &tile);
                if !plain {
                    let part = problem.epilogue.part(row, rows, col, cols);
                    epilogue::finish(simd, c, rows, cols, &part);
                }
            }
            col += cols;
        }
        row += rows;
    }
}

/// Computes the tile and finishes it, by way of a copy where the rows of C are not contiguous.
///
/// # Safety
/// As for [`tile::run`], but for the column stride of C, which may be any.
#[inline(always)]
unsafe fn place<E: Element, S: Simd, M: Multiply<E, S>>(
    simd: S,
    multiply: M,
    tile: &Tile<E>,
    finish: impl Fn(S, Output<E>),
) {
    if tile.c.col_stride == 1 {
        // SAFETY: passed on.
        unsafe { tile::run(simd, multiply, tile) };
        finish(simd, tile.c);
        return;
    }
    let mut copy = [E::ZERO; MAX_VECTORS * MAX_LANES];
    let row_stride = tile.cols.next_multiple_of(E::Vector::<S>::LANES) as isize;
    let near = Output { ptr: copy.as_mut_ptr(), row_stride, col_stride: 1 };
    // SAFETY: the copy has room for the largest tile, and the caller vouches for C.
    unsafe {
        if tile.beta != E::ZERO {
            for i in 0..tile.rows {
                for j in 0..tile.cols {
                    near.at(i, j).ptr.write(tile.c.at(i, j).ptr.read());
                }
            }
        }
        tile::run(simd, multiply, &Tile { c: near, ..*tile });
        finish(simd, near);
        for i in 0..tile.rows {
            for j in 0..tile.cols {
                tile.c.at(i, j).ptr.write(near.at(i, j).ptr.read());
            }
        }
    }
}
