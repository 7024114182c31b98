//! Many products of one shape in a call, their matrices at fixed distances.

use super::batch::Batch;
use super::error::MatrixError;
use super::product::Gemm;
use crate::Element;

/// `count` products of one shape: for every i, `C_i = act(alpha A_i B_i + beta C_i + bias)`.
///
/// Matrix i of an operand lies `i * step` elements after the first one; a step of zero uses the
/// same matrix for all. Every product has the bits it would have alone.
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
        let BatchedGemm { first, a_step, b_step, c_step, .. } = &mut self;
        let first = first.problem();
        // Without outputs the number of products may be any. With some it is at most that of the
        // elements of C, and every step that leads to elements lies within a slice.
        if first.m > 0 && first.n > 0 {
            let step = |step: isize| if first.k > 0 { step } else { 0 };
            let steps = [step(*a_step), step(*b_step), *c_step];
            // SAFETY: `check_repeats` found the elements of every product in the slices, and those
            // of different products' C apart.
            E::gemm_batched(unsafe { Batch::new(count, steps, first) });
        }
        Ok(())
    }
}
