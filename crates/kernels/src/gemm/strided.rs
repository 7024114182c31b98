//! A matrix as a kernel reads it: a pointer and two strides.

/// An operand: element (i, j) lies `i * row_stride + j * col_stride` elements after `ptr`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strided<E> {
    pub(crate) ptr: *const E,
    pub(crate) row_stride: isize,
    pub(crate) col_stride: isize,
}

impl<E> Strided<E> {
    /// The operand with rows and columns exchanged.
    #[inline(always)]
    pub(super) fn transposed(self) -> Self {
        Strided { row_stride: self.col_stride, col_stride: self.row_stride, ..self }
    }

    /// The operand whose element (0, 0) is this one's (`row`, `col`).
    #[inline(always)]
    pub(crate) fn at(self, row: usize, col: usize) -> Self {
        let step = row as isize * self.row_stride + col as isize * self.col_stride;
        Strided { ptr: self.ptr.wrapping_offset(step), ..self }
    }
}
