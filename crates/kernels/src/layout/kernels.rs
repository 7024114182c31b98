//! The copies, compiled for each element type: short rows, and blocks transposed in registers.

use crate::Float;
use crate::family::family;
use crate::gemm::transpose;
use crate::simd::{Kernel, Lanes, Level, Simd, run_on};
use crate::slices::Source;

family! {
    /// The copies of an element type.
    LayoutKernels:
    fn turn(level: Level, turn: Turn<Self>) = run_on;
    fn rows(level: Level, rows: ShortRows<Self>) = run_on;
}

/// The side of the square blocks a transposed plane is copied in: more than a cache line's
/// elements.
pub(super) const BLOCK: usize = 16;

/// A copy of rows of neighbours in the source and the output.
pub(super) struct ShortRows<E> {
    from: Source<E>,
    /// The distance of two rows in the source.
    stride: isize,
    to: *mut E,
    /// The distance of two rows in the output.
    step: usize,
    rows: usize,
    run: usize,
}

impl<E> ShortRows<E> {
    /// The copy of `rows` rows of `run` elements, `stride` apart in `from` and
    /// `step` apart in `to`.
    ///
    /// # Safety
    /// While the copy runs, the rows must be readable in `from`, and readable and writable in `to`
    /// by this thread alone.
    pub(super) unsafe fn new(
        (from, stride): (Source<E>, isize),
        (to, step): (*mut E, usize),
        (rows, run): (usize, usize),
    ) -> Self {
        Self { from, stride, to, step, rows, run }
    }
}

impl<E: Float> Kernel for ShortRows<E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { from, stride, to, step, rows, run } = self;
        let lanes = E::Vector::<S>::LANES;
        for i in 0..rows {
            let from = from.as_ptr().wrapping_offset(stride.wrapping_mul(i as isize));
            let to = to.wrapping_add(i * step);
            if run < lanes {
                // SAFETY: `new` states that row `i < rows` of `run` elements is in both.
                unsafe {
                    E::Vector::<S>::load_partial_ptr(simd, from, run).store_partial_ptr(to, run);
                }
                continue;
            }
            // The last vector of a row is moved back so that it is whole.
            for j in (0..run).step_by(lanes) {
                let j = j.min(run - lanes);
                // SAFETY: `j + lanes <= run`, and `new` states that the row is in both.
                unsafe { E::Vector::<S>::load_ptr(simd, from.add(j)).store_ptr(to.add(j)) };
            }
        }
    }
}

/// A copy of a plane whose columns are contiguous in the source and whose rows are in the output.
pub(super) struct Turn<E> {
    from: Source<E>,
    to: *mut E,
    /// The distance of two rows in the output.
    step: usize,
    rows: usize,
    cols: usize,
    /// The distance of two columns in the source.
    distance: isize,
}

impl<E> Turn<E> {
    /// The copy of a plane with columns `distance` apart in `from` and rows `step` apart in `to`.
    ///
    /// # Safety
    /// While the copy runs, the elements of the plane must be readable in
    /// `from`, and writable in `to` by this thread alone.
    pub(super) unsafe fn new(
        (from, distance): (Source<E>, isize),
        (to, step): (*mut E, usize),
        (rows, cols): (usize, usize),
    ) -> Self {
        Self { from, to, step, rows, cols, distance }
    }
}

impl<E: Float> Kernel for Turn<E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { from, to, step, rows, cols, distance } = self;
        let lanes = E::Vector::<S>::LANES;
        if rows < lanes || cols < lanes {
            for i in 0..rows {
                for j in 0..cols {
                    // SAFETY: `i < rows` and `j < cols`, and `new` states that the plane is in
                    // both.
                    unsafe {
                        *to.add(i * step + j) =
                            *from.as_ptr().wrapping_offset(j as isize * distance + i as isize);
                    }
                }
            }
            return;
        }
        // The last block of a row or column is moved back so that it is whole: what it has in
        // common with the one before is written twice. A step along the columns fills cache lines.
        let side = BLOCK.max(lanes);
        for left in (0..cols).step_by(side) {
            for i in (0..rows).step_by(lanes) {
                let i = i.min(rows - lanes);
                for j in (left..cols.min(left + side)).step_by(lanes) {
                    let j = j.min(cols - lanes);
                    let from = from.as_ptr().wrapping_offset(j as isize * distance + i as isize);
                    // SAFETY: `i + lanes <= rows` and `j + lanes <= cols`, and `new` states that
                    // the plane is in both.
                    unsafe {
                        transpose::block(simd, from, distance, to.add(i * step + j), step as isize);
                    }
                }
            }
        }
    }
}
