//! Products with an operand that does not stand in memory as a matrix, such as the patches of an
//! image: it is packed from its source as the blocked loops come to it.

use super::blocked;
use super::epilogue::{self, Epilogue};
pub(crate) use super::output::Output;
pub(crate) use super::pack::{LINE, Left, Right, Share, pack_b, panel_width};
pub(crate) use super::plan::{Blocks, PIECE, crowded, worth_threads};
use super::problem::Problem;
pub(crate) use super::row::{each_row, each_vector, multiply_add_row};
pub(crate) use super::scratch::Scratch;
pub(crate) use super::strided::Strided;
pub(crate) use super::tile::{MAX_ROWS, VECTORS};
use crate::Float;
use crate::simd::{Lanes, Simd};

/// `C = act(A B + beta C + bias)` with operands given by sources.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Implicit<'a, E> {
    pub(crate) m: usize,
    pub(crate) n: usize,
    pub(crate) k: usize,
    pub(crate) beta: E,
    /// Its rows are contiguous.
    pub(crate) c: Output<E>,
    pub(crate) epilogue: Epilogue<'a, E>,
    /// The blocks to use instead of the level's own.
    pub(crate) blocks: Option<Blocks>,
}

impl<E: Float> Implicit<'_, E> {
    /// The product as the blocked loops see it, without the operands that are packed.
    ///
    /// # Safety
    /// As for [`matrix_times`](Self::matrix_times), and what `a` does not name must be packed.
    unsafe fn problem(&self, a: Strided<E>) -> Problem<'_, E> {
        let &Implicit { m, n, k, beta, c, epilogue, .. } = self;
        let nowhere = Strided { ptr: std::ptr::null(), row_stride: 0, col_stride: 0 };
        // SAFETY: the contract of this function is that of `Problem::new`, but for operands that
        // are packed and so never read from the problem.
        unsafe { Problem::new([m, n, k], (E::ONE, a, nowhere), (beta, c), epilogue) }
    }

    /// Computes the product of a matrix and what is packed from `b`.
    ///
    /// # Safety
    /// The operands must have the elements that the sizes say, C be written by this thread alone;
    /// m, n and k must not be zero.
    #[inline(always)]
    pub(crate) unsafe fn matrix_times<S: Simd, B: Right<E>>(&self, simd: S, a: Strided<E>, b: &B) {
        let blocks = self.blocks.unwrap_or_else(Blocks::of::<E, S>);
        let wide = self.n > 2 * VECTORS * E::Vector::<S>::LANES;
        let pack_a = wide && self.m > 1 && crowded::<E>(a.row_stride);
        // SAFETY: the operands are readable and C is this thread's, by this function's contract; B,
        // which the problem does not hold, is packed.
        unsafe {
            blocked::run_from(simd, &self.problem(a), (&a, b), &blocks, pack_a, true);
        }
    }

    /// Computes the product of what is packed from `a` and `b`; `extra` is how much deeper than the
    /// product a micro-panel of `a` is.
    ///
    /// # Safety
    /// As for [`matrix_times`](Self::matrix_times).
    #[inline(always)]
    pub(crate) unsafe fn packed<S: Simd, A: Left<E>, B: Right<E>>(
        &self,
        simd: S,
        (a, extra): (&A, usize),
        b: &B,
    ) {
        let nowhere = Strided { ptr: std::ptr::null(), row_stride: 0, col_stride: 0 };
        let mut blocks = self.blocks.unwrap_or_else(Blocks::of::<E, S>);
        if self.blocks.is_none() {
            blocks.depth = blocks.depth.saturating_sub(extra).max(blocks.depth / 2);
        }
        // SAFETY: the operands are readable and C is this thread's, by this function's contract;
        // both operands, which the problem does not hold, are packed.
        unsafe {
            blocked::run_from(simd, &self.problem(nowhere), (a, b), &blocks, true, true);
        }
    }
}

/// Applies `epilogue` to `rows` x `cols` elements of C.
///
/// # Safety
/// The elements must be readable and writable, by this thread alone.
#[inline(always)]
pub(crate) unsafe fn finish<E: Float, S: Simd>(
    simd: S,
    c: Output<E>,
    (rows, cols): (usize, usize),
    epilogue: &Epilogue<'_, E>,
) {
    if !epilogue.is_none() {
        // SAFETY: the contract of this function is that of `epilogue::finish`.
        unsafe { epilogue::finish(simd, c, rows, cols, epilogue) };
    }
}
