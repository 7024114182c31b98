//! A matrix as a kernel writes it: a pointer and two strides.

/// The output: element (i, j) lies `i * row_stride + j * col_stride` elements after `ptr`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output<E> {
    pub(crate) ptr: *mut E,
    pub(crate) row_stride: isize,
    pub(crate) col_stride: isize,
}

impl<E> Output<E> {
    /// The output whose element (0, 0) is this one's (`row`, `col`).
    #[inline(always)]
    pub(crate) fn at(self, row: usize, col: usize) -> Self {
        let step = row as isize * self.row_stride + col as isize * self.col_stride;
        Output { ptr: self.ptr.wrapping_offset(step), ..self }
    }
}
