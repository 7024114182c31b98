//! The blocked loops, numbered from the outside as in Goto and van de Geijn, "Anatomy of
//! high-performance matrix multiplication" (ACM TOMS 34, 2008), and Van Zee and van de Geijn,
//! "BLIS: a framework for rapidly instantiating BLAS functionality" (ACM TOMS 41, 2015).
//!
//! The operand that is broadcast (A) is read slowly and the one read as vectors (B) fast, so B's
//! block sits in the second-level cache and streams through the first, where a single micro-panel
//! of A stays: loops 3 and 1 of the literature fall together.

use std::mem::MaybeUninit;

use super::epilogue;
use super::output::Output;
use super::pack::{self, Left, Right, Share};
use super::plan::{self, Blocks};
use super::problem::Problem;
use super::scratch::{ALIGN, Scratch};
use super::strided::Strided;
use super::tile::{self, Addend, MAX_VECTORS, Tile, VECTORS};
use super::transpose;
use crate::Float;
use crate::activation::Activation;
use crate::simd::{Kernel, Lanes, MAX_LANES, Simd};

/// Computes the product with the blocks and the packing asked for.
///
/// # Safety
/// The problem must hold what [`Problem`] says, with C written by this thread alone; k > 0.
#[inline(always)]
pub(super) unsafe fn run<E: Float, S: Simd>(
    simd: S,
    problem: &Problem<'_, E>,
    blocks: &Blocks,
    pack_a: bool,
    pack_b: bool,
) {
    // SAFETY: the contract of this function is that of `run_from`, and the problem holds both
    // operands.
    unsafe { run_from(simd, problem, (&problem.a, &problem.b), blocks, pack_a, pack_b) };
}

/// As [`run`], with what is packed drawn from `left` and `right`: an operand of the problem that
/// does not stand in memory as a matrix has its elements there alone.
///
/// # Safety
/// As for [`run`]. An operand that the problem does not hold must be packed.
#[allow(clippy::too_many_lines, reason = "the five loops and what is packed in each")]
#[inline(always)]
pub(super) unsafe fn run_from<E: Float, S: Simd, A: Left<E>, B: Right<E>>(
    simd: S,
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
                let last = from + depth == k;
                let (bias, after) = (problem.epilogue.addend(), problem.epilogue.after_bias());
                let activates = last && !after.is_none();
                if pack_b {
                    right_source.pack(simd, (from, depth), (col, cols), b_packed);
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
                                let row_stride = pack::panel_width::<E, S>(count) as isize;
                                let ptr = b_packed.wrapping_add(panel * depth).cast_const();
                                right = Strided { ptr, row_stride, col_stride: 1 };
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
                                bias: if last { bias.at(row, col + panel) } else { Addend::None },
                            };
                            place(simd, &tile, |simd, c| {
                                if activates {
                                    epilogue::finish(simd, c, rows, count, &after);
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
fn prefetch_next<E: Float, B: Right<E>>(
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
/// columns, which is turned first. The last columns, where they are few, are computed as rows of
/// the transposed product: they would leave most lanes of their vectors idle.
///
/// # Safety
/// The problem must hold what [`Problem`] says, with C written by this thread alone; k > 0, and a
/// stride of B is one.
#[inline(always)]
pub(super) unsafe fn direct<E: Float, S: Simd>(simd: S, problem: &Problem<'_, E>) {
    let edge = plan::edge::<E, S>(problem);
    let cols = problem.n - edge;
    // SAFETY: the contract of this function is that of all three; `edge` is zero unless a stride of
    // A is one.
    unsafe {
        if edge > 0 {
            last_columns(simd, problem, cols);
        }
        if problem.b.col_stride == 1 {
            in_place(simd, problem, cols);
        } else {
            turned(simd, problem, cols);
        }
    }
}

/// Computes the columns from `col` on as rows of the transposed product.
///
/// # Safety
/// As for [`direct`], and a stride of A is one.
#[inline(never)]
unsafe fn last_columns<E: Float, S: Simd>(simd: S, problem: &Problem<'_, E>, col: usize) {
    let &Problem { m, n, .. } = problem;
    let mut last = problem.part(0, m, col, n - col);
    if problem.c.col_stride == 1 {
        // The rows of C are activated whole, these columns with them.
        last.epilogue.activation = Activation::Identity;
    }
    last.transpose();
    // SAFETY: A, one of whose strides is one, has become B; the rest is this function's contract.
    unsafe { turned(simd, &last, m) };
}

/// Computes the first `cols` columns of the product, a B by columns being turned first, and applies
/// the activation: to the whole of its rows, where C has them contiguous.
///
/// # Safety
/// As for [`direct`].
#[inline(never)]
unsafe fn turned<E: Float, S: Simd>(simd: S, problem: &Problem<'_, E>, cols: usize) {
    let &Problem { k, b, .. } = problem;
    if b.col_stride == 1 {
        // SAFETY: the column stride of B is one; the rest is this function's contract.
        return unsafe { in_place(simd, problem, cols) };
    }
    let stride = cols.next_multiple_of(E::Vector::<S>::LANES);
    let mut scratch = Scratch::take();
    let ptr = scratch.get::<E>(k * stride);
    let b = Strided { ptr: ptr.cast_const(), row_stride: stride as isize, col_stride: 1 };
    // SAFETY: the scratch holds k such rows.
    unsafe {
        pack::turn(simd, problem.b, (k, cols), ptr, stride);
        in_place(simd, &Problem { b, ..*problem }, cols);
    }
}

/// Computes the first `cols` columns of the product tile by tile, with the operands in place and k
/// in one piece, and applies the activation, as [`turned`] does.
///
/// # Safety
/// As for [`direct`], and the column stride of B is one.
#[inline(always)]
unsafe fn in_place<E: Float, S: Simd>(simd: S, problem: &Problem<'_, E>, cols: usize) {
    let &Problem { m, n, k, alpha, a, b, beta, c, .. } = problem;
    let lanes = E::Vector::<S>::LANES;
    let (bias, after) = (problem.epilogue.addend(), problem.epilogue.after_bias());
    // Rows are activated whole, unless they lie scattered.
    let by_tiles = !after.is_none() && c.col_stride != 1;
    let by_rows = !after.is_none() && c.col_stride == 1;
    let row_step = plan::block_size(m, tile::max_rows::<S>(), 1);
    let mut row = 0;
    while row < m {
        let rows = row_step.min(m - row);
        let mut col = 0;
        while col < cols {
            let vectors = tile::widest::<S>(rows, (cols - col).div_ceil(lanes));
            let count = (vectors * lanes).min(cols - col);
            let tile = Tile {
                rows,
                cols: count,
                depth: k,
                padded: false,
                a: a.at(row, 0),
                b: b.at(0, col),
                c: c.at(row, col),
                alpha,
                beta,
                bias: bias.at(row, col),
            };
            // SAFETY: the tile is a part of the problem.
            unsafe {
                place(simd, &tile, |simd, c| {
                    if by_tiles {
                        epilogue::finish(simd, c, rows, count, &after);
                    }
                });
            }
            col += count;
        }
        if by_rows {
            // SAFETY: the rows are a part of C.
            unsafe { epilogue::finish(simd, c.at(row, 0), rows, n, &after) };
        }
        row += rows;
    }
}

/// A tile of C near by.
#[repr(align(64))]
struct Near<E>([E; MAX_VECTORS * MAX_LANES]);

/// Computes the tile and finishes it, by way of a copy where the rows of C are not contiguous.
///
/// # Safety
/// As for [`tile::run`], but for the column stride of C, which may be any.
#[inline(always)]
unsafe fn place<E: Float, S: Simd>(simd: S, tile: &Tile<E>, finish: impl Fn(S, Output<E>)) {
    if tile.c.col_stride == 1 {
        // SAFETY: the column stride of C is one; the rest is this function's contract.
        unsafe { tile::run(simd, tile) };
        finish(simd, tile.c);
    } else {
        // SAFETY: the contract of this function is that of `scatter`.
        unsafe { scatter(simd, tile, finish) };
    }
}

/// Computes the tile and finishes it by way of a copy. A function of its own, so that others need
/// no room for one.
///
/// # Safety
/// As for [`place`].
#[inline(never)]
unsafe fn scatter<E: Float, S: Simd>(simd: S, tile: &Tile<E>, finish: impl Fn(S, Output<E>)) {
    let mut copy = MaybeUninit::<Near<E>>::uninit();
    let row_stride = tile.cols.next_multiple_of(E::Vector::<S>::LANES) as isize;
    let near = Output { ptr: copy.as_mut_ptr().cast(), row_stride, col_stride: 1 };
    let size = (tile.rows, tile.cols);
    // SAFETY: the copy has room for the largest tile in rows of whole vectors, and the tile of C
    // may be accessed, by this function's contract.
    unsafe {
        if tile.beta != E::ZERO {
            carry::<E, S, false>(simd, near, tile.c, size);
        }
        tile::run(simd, &Tile { c: near, ..*tile });
        finish(simd, near);
        carry::<E, S, true>(simd, near, tile.c, size);
    }
}

/// Copies a tile, to C if `BACK` and from there if not.
///
/// # Safety
/// `near` must have rows of whole vectors, and C be readable and writable by this thread alone.
#[inline(never)]
unsafe fn carry<E: Float, S: Simd, const BACK: bool>(
    simd: S,
    near: Output<E>,
    c: Output<E>,
    size: (usize, usize),
) {
    // SAFETY: the contract of this function is that of `Carry::new`.
    simd.vectorize(unsafe { Carry::<E, BACK>::new(near, c, size) });
}

struct Carry<E, const BACK: bool> {
    near: Output<E>,
    c: Output<E>,
    size: (usize, usize),
}

impl<E, const BACK: bool> Carry<E, BACK> {
    /// # Safety
    /// As for [`carry`], while it runs.
    unsafe fn new(near: Output<E>, c: Output<E>, size: (usize, usize)) -> Self {
        Self { near, c, size }
    }
}

impl<E: Float, const BACK: bool> Kernel for Carry<E, BACK> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Carry { near, c, size: (rows, cols) } = self;
        let lanes = E::Vector::<S>::LANES;
        // SAFETY: `new` states that the tile is there in both, in rows of whole vectors in `near`.
        unsafe {
            if c.row_stride != 1 {
                for i in 0..rows {
                    for j in 0..cols {
                        let [from, to] = if BACK { [near, c] } else { [c, near] };
                        to.at(i, j).ptr.write(from.at(i, j).ptr.read());
                    }
                }
                return;
            }
            for i in (0..rows).step_by(lanes) {
                for j in (0..cols).step_by(lanes) {
                    let (near, c) = (near.at(i, j), c.at(i, j));
                    let (down, across) = (lanes.min(rows - i), lanes.min(cols - j));
                    if BACK {
                        let (size, stride) = ((down, across), near.row_stride);
                        transpose::exact_block(simd, near.ptr, stride, size, c.ptr, c.col_stride);
                    } else {
                        let (size, stride) = ((across, down), near.row_stride);
                        transpose::partial_block(simd, c.ptr, c.col_stride, size, near.ptr, stride);
                    }
                }
            }
        }
    }
}
