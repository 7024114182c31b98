//! Many products of one shape in a call, their matrices at fixed distances.

use super::plan;
use super::problem::{Problem, Sources};
use super::{Gemm, MatrixError};
use crate::{Element, threads};

/// `count` products of one shape: for every i, `C_i = act(alpha A_i B_i + beta C_i + bias)`.
///
/// Matrix i of an operand lies `i * step` elements behind the first one; a step of zero uses the
/// same matrix for all. What an operand's prologue multiplies it by has the operand's step. Every product has the bits it would have alone.
///
/// ```
/// use wengert_kernels::gemm::{BatchedGemm, Gemm, MatMut, MatRef};
///
/// let a = [1.0_f64, 2.0, 3.0, 4.0];
/// let x = [1.0_f64, -1.0];
/// let mut y = [0.0_f64; 2];
/// BatchedGemm {
///     count: 2,
///     // Two rows of A, each times the same x.
///     first: Gemm::new(
///         MatRef::row_major(&a, 1, 2),
///         MatRef::row_major(&x, 2, 1),
///         MatMut::row_major(&mut y, 1, 1),
///     ),
///     a_step: 2,
///     b_step: 0,
///     c_step: 1,
/// }
/// .run()?;
/// assert_eq!(y, [-1.0, -1.0]);
/// # Ok::<(), wengert_kernels::gemm::MatrixError>(())
/// ```
#[derive(Debug)]
pub struct BatchedGemm<'a, E> {
    /// The number of products.
    pub count: usize,
    /// The first product; the others share its shape, strides, factors and epilogue.
    pub first: Gemm<'a, E>,
    /// The distance from one A to the next, in elements.
    pub a_step: isize,
    /// The distance from one B to the next.
    pub b_step: isize,
    /// The distance from one C to the next.
    pub c_step: isize,
}

impl<E: Element> BatchedGemm<'_, E> {
    /// Computes the products.
    ///
    /// # Errors
    /// If a matrix reaches outside its slice, or two of the outputs may overlap: of the two strides
    /// of C and its step, the larger must exceed the extent of the smaller ones.
    ///
    /// # Panics
    /// As for [`Gemm::run`].
    #[track_caller]
    pub fn run(mut self) -> Result<(), MatrixError> {
        let count = self.count;
        self.first.a.check_repeats(count, self.a_step)?;
        self.first.b.check_repeats(count, self.b_step)?;
        self.first.c.check_repeats(count, self.c_step)?;
        let sources = self.first.sources();
        let BatchedGemm { first, a_step, b_step, c_step, .. } = &mut self;
        let first = Problem::new(first, &sources);
        // Without outputs the number of products may be any. With some it is at most that of the
        // elements of C, and every step that leads to elements lies within a slice.
        if first.m > 0 && first.n > 0 {
            let step = |step: isize| if first.k > 0 { step } else { 0 };
            let (a_step, b_step, c_step) = (step(*a_step), step(*b_step), *c_step);
            E::gemm_batched(Batch { count, a_step, b_step, c_step, first });
        }
        Ok(())
    }
}

/// A batch as the kernels see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch<'a, E> {
    count: usize,
    a_step: isize,
    b_step: isize,
    c_step: isize,
    first: Problem<'a, E>,
}

impl<E: Element> Batch<'_, E> {
    /// Calls `one` for product `index`.
    fn product(&self, index: usize, one: &impl Fn(Problem<'_, E>)) {
        let mut product = self.first;
        let index = index as isize;
        product.a.ptr = product.a.ptr.wrapping_offset(index * self.a_step);
        product.b.ptr = product.b.ptr.wrapping_offset(index * self.b_step);
        product.c.ptr = product.c.ptr.wrapping_offset(index * self.c_step);
        if product.sources.a.is_none() && product.sources.b.is_none() {
            return one(product);
        }
        let a = product.sources.a.map(|source| source.further(index * self.a_step));
        let b = product.sources.b.map(|source| source.further(index * self.b_step));
        one(Problem {
            sources: Sources { a: a.as_ref(), b: b.as_ref(), row: 0, col: 0 },
            ..product
        });
    }

    /// Calls `one` for every product: one after another if each is worth several threads, and
    /// otherwise in runs that are worth one.
    pub(super) fn each(&self, one: impl Fn(Problem<'_, E>) + Sync) {
        let work = plan::work(&self.first).max(1);
        let run = (plan::PIECE / work).max(1);
        let all = work.saturating_mul(self.count);
        if work >= plan::WAKING || self.count <= run || !plan::worth_threads(all) {
            (0..self.count).for_each(|index| self.product(index, &one));
        } else {
            threads::for_pieces(self.count.div_ceil(run), |piece| {
                let last = self.count.min((piece + 1) * run);
                (piece * run..last).for_each(|index| self.product(index, &one));
            });
        }
    }
}
