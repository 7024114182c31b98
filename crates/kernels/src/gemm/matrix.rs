//! Strided views of slices as matrices, checked when they are made.
//!
//! Float (i, j) of a view lies at `offset + i * row_stride + j * col_stride` of its slice. The
//! constructors establish three invariants:
//!
//! 1. Every index that can be reached lies in the slice.
//! 2. There are at most [`MOST`] elements, or no more than the slice has: sizes can be rounded up
//!    to tiles and multiplied by each other.
//! 3. A stride is shorter than the slice, or shorter than [`SHORT`]: it can be multiplied by any
//!    index of its dimension and by a distance of a few rows. The stride along a dimension of at
//!    most one element, which leads nowhere, may have been anything, and is replaced by zero if it
//!    is not short.

use std::fmt;

use super::error::MatrixError;
use super::output::Output;
use super::strided::Strided;
use crate::Float;

/// The shape of a view: what both kinds have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Layout {
    offset: usize,
    rows: usize,
    cols: usize,
    row_stride: isize,
    col_stride: isize,
}

/// Sizes below this and strides below [`SHORT`]` / SMALL` can be multiplied without overflow.
const SMALL: usize = 1 << (usize::BITS / 4 - 1);
/// See [`SMALL`].
const SHORT: usize = 1 << (usize::BITS / 2);

/// The most elements of a view that repeats some: a sixteenth of what can be counted with a sign.
pub(super) const MOST: usize = isize::MAX as usize / 16;

impl Layout {
    /// This layout of a slice of `len` elements, with the invariants of the [module](self).
    #[inline]
    fn checked(self, len: usize) -> Result<Self, MatrixError> {
        let Layout { offset, rows, cols, row_stride, col_stride } = self;
        // The usual case, without wide arithmetic: nothing here can overflow.
        if rows <= SMALL
            && cols <= SMALL
            && (row_stride as usize) < SHORT / SMALL
            && (col_stride as usize) < SHORT / SMALL
            && offset < SHORT
            && rows > 0
            && cols > 0
            && len > offset + (rows - 1) * row_stride as usize + (cols - 1) * col_stride as usize
        {
            return Ok(self);
        }
        let layout = self.checked_wide(len)?;
        Ok(layout)
    }

    /// As [`checked`](Self::checked), for sizes of any kind.
    #[inline(never)]
    fn checked_wide(self, len: usize) -> Result<Self, MatrixError> {
        let Layout { offset, rows, cols, row_stride, col_stride } = self;
        // Invariant 3: a stride that leads nowhere becomes zero.
        let used = |count: usize, stride: isize| if count > 1 { stride } else { 0 };
        if rows == 0 || cols == 0 {
            return Ok(Layout { row_stride: 0, col_stride: 0, ..self });
        }
        let row_span = (rows - 1) as i128 * row_stride as i128;
        let col_span = (cols - 1) as i128 * col_stride as i128;
        let lowest = row_span.min(0).saturating_add(col_span.min(0)).saturating_add(offset as i128);
        let highest =
            row_span.max(0).saturating_add(col_span.max(0)).saturating_add(offset as i128);
        if lowest < 0 || highest >= len as i128 {
            return Err(MatrixError::OutOfBounds {
                rows,
                cols,
                row_stride,
                col_stride,
                offset,
                lowest,
                highest,
                len,
            });
        }
        let most = len.max(MOST);
        if rows.checked_mul(cols).is_none_or(|elements| elements > most) {
            return Err(MatrixError::TooMany { rows, cols, most });
        }
        let (row_stride, col_stride) = (used(rows, row_stride), used(cols, col_stride));
        Ok(Layout { row_stride, col_stride, ..self })
    }

    /// Checks that no two elements share an index.
    #[inline]
    fn check_distinct(&self) -> Result<(), MatrixError> {
        let &Layout { rows, cols, row_stride, col_stride, .. } = self;
        if rows == 0 || cols == 0 {
            return Ok(());
        }
        let by_row = (row_stride.unsigned_abs(), rows);
        let by_col = (col_stride.unsigned_abs(), cols);
        let (small, large) = if by_row.0 < by_col.0 { (by_row, by_col) } else { (by_col, by_row) };
        let distinct = match (small.1, large.1) {
            (1, 1) => true,
            (_, 1) => small.0 > 0,
            (1, _) => large.0 > 0,
            (count, _) => small.0 > 0 && large.0 as u128 > (count - 1) as u128 * small.0 as u128,
        };
        if distinct {
            Ok(())
        } else {
            Err(MatrixError::Overlap { rows, cols, row_stride, col_stride })
        }
    }

    /// Checks that the matrix and those that follow it, `step` elements apart, `count` in all, lie
    /// in a slice of `len` elements.
    fn check_repeats(&self, count: usize, step: isize, len: usize) -> Result<(), MatrixError> {
        if count <= 1 || self.rows == 0 || self.cols == 0 {
            return Ok(());
        }
        let offset = (count - 1) as i128 * step as i128 + self.offset as i128;
        let last = usize::try_from(offset).map(|offset| Layout { offset, ..*self });
        match last {
            Ok(last) => last.checked(len).map(drop),
            Err(_) => Err(MatrixError::StepOutOfBounds { count, step, offset: self.offset, len }),
        }
    }

    /// Checks that no two elements of `count` matrices, `step` elements apart, share an index.
    fn check_repeats_distinct(&self, count: usize, step: isize) -> Result<(), MatrixError> {
        let mut dimensions = [
            (self.row_stride.unsigned_abs(), self.rows),
            (self.col_stride.unsigned_abs(), self.cols),
            (step.unsigned_abs(), count),
        ];
        if dimensions.iter().any(|&(_, len)| len == 0) {
            return Ok(());
        }
        dimensions.sort_unstable();
        let mut extent = 0_u128;
        for (stride, len) in dimensions.into_iter().filter(|&(_, len)| len > 1) {
            if stride as u128 <= extent {
                let &Layout { rows, cols, row_stride, col_stride, .. } = self;
                return Err(MatrixError::StepOverlap {
                    count,
                    step,
                    rows,
                    cols,
                    row_stride,
                    col_stride,
                });
            }
            extent += (len - 1) as u128 * stride as u128;
        }
        Ok(())
    }

    fn transposed(self) -> Self {
        Layout {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }

    fn index(&self, row: usize, col: usize) -> usize {
        assert!(
            row < self.rows && col < self.cols,
            "element ({row}, {col}) was asked of a {}x{} matrix",
            self.rows,
            self.cols
        );
        self.offset
            .wrapping_add_signed(self.row_stride.wrapping_mul(row as isize))
            .wrapping_add_signed(self.col_stride.wrapping_mul(col as isize))
    }

    fn debug(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("rows", &self.rows)
            .field("cols", &self.cols)
            .field("row_stride", &self.row_stride)
            .field("col_stride", &self.col_stride)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

/// A matrix to be read: a slice, an offset, a shape and two strides of any sign (zero repeats an
/// element).
#[derive(Clone, Copy)]
pub struct MatRef<'a, E> {
    data: &'a [E],
    layout: Layout,
}

impl<'a, E: Copy> MatRef<'a, E> {
    /// The view whose element (i, j) is `data[offset + i * row_stride + j * col_stride]`.
    ///
    /// # Panics
    /// If an element lies outside `data` or there are too many; see [`try_new`](Self::try_new).
    #[inline]
    #[track_caller]
    pub fn new(
        data: &'a [E],
        offset: usize,
        rows: usize,
        cols: usize,
        row_stride: isize,
        col_stride: isize,
    ) -> Self {
        match Self::try_new(data, offset, rows, cols, row_stride, col_stride) {
            Ok(view) => view,
            Err(error) => panic!("{error}"),
        }
    }

    /// The view whose element (i, j) is `data[offset + i * row_stride + j * col_stride]`.
    ///
    /// # Errors
    /// If an element lies outside `data`, or there are more than `isize::MAX / 16` of them and more
    /// than `data` has.
    #[inline]
    pub fn try_new(
        data: &'a [E],
        offset: usize,
        rows: usize,
        cols: usize,
        row_stride: isize,
        col_stride: isize,
    ) -> Result<Self, MatrixError> {
        let layout = Layout { offset, rows, cols, row_stride, col_stride }.checked(data.len())?;
        Ok(MatRef { data, layout })
    }

    /// A contiguous matrix, row after row.
    ///
    /// # Panics
    /// If `data` has fewer than `rows * cols` elements.
    #[inline]
    #[track_caller]
    pub fn row_major(data: &'a [E], rows: usize, cols: usize) -> Self {
        Self::new(data, 0, rows, cols, cols as isize, 1)
    }

    /// The transposed matrix; nothing is copied.
    #[inline]
    pub fn t(self) -> Self {
        MatRef { data: self.data, layout: self.layout.transposed() }
    }

    /// The number of rows.
    #[inline]
    pub fn rows(&self) -> usize {
        self.layout.rows
    }

    /// The number of columns.
    #[inline]
    pub fn cols(&self) -> usize {
        self.layout.cols
    }

    /// The distance between two rows, in elements. With fewer than two rows it has no meaning, and
    /// may be zero instead of what was given.
    #[inline]
    pub fn row_stride(&self) -> isize {
        self.layout.row_stride
    }

    /// The distance between two columns, in elements. With fewer than two columns it has no
    /// meaning, and may be zero instead of what was given.
    #[inline]
    pub fn col_stride(&self) -> isize {
        self.layout.col_stride
    }

    /// Float (`row`, `col`).
    ///
    /// # Panics
    /// If there is none.
    #[inline]
    #[track_caller]
    pub fn get(&self, row: usize, col: usize) -> E {
        self.data[self.layout.index(row, col)]
    }

    /// Checks that `count` matrices like this, `step` elements apart, lie in the slice.
    pub(super) fn check_repeats(&self, count: usize, step: isize) -> Result<(), MatrixError> {
        self.layout.check_repeats(count, step, self.data.len())
    }

    /// The matrix as a pointer, dangling if there are no elements, and strides.
    #[inline]
    pub(super) fn strided(&self) -> Strided<E> {
        let Layout { offset, row_stride, col_stride, .. } = self.layout;
        Strided { ptr: self.data.as_ptr().wrapping_add(offset), row_stride, col_stride }
    }
}

impl<E> fmt::Debug for MatRef<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.layout.debug("MatRef", f)
    }
}

/// A matrix to be written: as [`MatRef`], but no two elements may share a place.
pub struct MatMut<'a, E> {
    data: &'a mut [E],
    layout: Layout,
}

impl<'a, E: Float> MatMut<'a, E> {
    /// The view whose element (i, j) is `data[offset + i * row_stride + j * col_stride]`.
    ///
    /// # Panics
    /// If an element lies outside `data` or two overlap; see [`try_new`](Self::try_new).
    #[inline]
    #[track_caller]
    pub fn new(
        data: &'a mut [E],
        offset: usize,
        rows: usize,
        cols: usize,
        row_stride: isize,
        col_stride: isize,
    ) -> Self {
        match Self::try_new(data, offset, rows, cols, row_stride, col_stride) {
            Ok(view) => view,
            Err(error) => panic!("{error}"),
        }
    }

    /// The view whose element (i, j) is `data[offset + i * row_stride + j * col_stride]`.
    ///
    /// # Errors
    /// If an element lies outside `data`, or if the strides let elements overlap: of two dimensions
    /// longer than one, the larger stride must exceed the other's extent.
    #[inline]
    pub fn try_new(
        data: &'a mut [E],
        offset: usize,
        rows: usize,
        cols: usize,
        row_stride: isize,
        col_stride: isize,
    ) -> Result<Self, MatrixError> {
        let layout = Layout { offset, rows, cols, row_stride, col_stride }.checked(data.len())?;
        layout.check_distinct()?;
        Ok(MatMut { data, layout })
    }

    /// A contiguous matrix, row after row.
    ///
    /// # Panics
    /// If `data` has fewer than `rows * cols` elements.
    #[inline]
    #[track_caller]
    pub fn row_major(data: &'a mut [E], rows: usize, cols: usize) -> Self {
        // The usual case. The elements lie one after another, so they are apart and inside the
        // slice, and no more than it has. With at least one row, `cols` is no more than that
        // either.
        if (1..=data.len()).contains(&rows.saturating_mul(cols)) && cols < SHORT {
            let layout = Layout { offset: 0, rows, cols, row_stride: cols as isize, col_stride: 1 };
            return MatMut { data, layout };
        }
        Self::row_major_checked(data, rows, cols)
    }

    #[cold]
    #[track_caller]
    fn row_major_checked(data: &'a mut [E], rows: usize, cols: usize) -> Self {
        Self::new(data, 0, rows, cols, cols as isize, 1)
    }

    /// The transposed matrix; nothing is copied.
    #[inline]
    pub fn t(self) -> Self {
        MatMut { data: self.data, layout: self.layout.transposed() }
    }

    /// The number of rows.
    #[inline]
    pub fn rows(&self) -> usize {
        self.layout.rows
    }

    /// The number of columns.
    #[inline]
    pub fn cols(&self) -> usize {
        self.layout.cols
    }

    /// The distance between two rows, in elements. With fewer than two rows it has no meaning, and
    /// may be zero instead of what was given.
    #[inline]
    pub fn row_stride(&self) -> isize {
        self.layout.row_stride
    }

    /// The distance between two columns, in elements. With fewer than two columns it has no
    /// meaning, and may be zero instead of what was given.
    #[inline]
    pub fn col_stride(&self) -> isize {
        self.layout.col_stride
    }

    /// Float (`row`, `col`).
    ///
    /// # Panics
    /// If there is none.
    #[inline]
    #[track_caller]
    pub fn get(&self, row: usize, col: usize) -> E {
        self.data[self.layout.index(row, col)]
    }

    /// Checks that `count` matrices like this, `step` elements apart, lie in the slice and apart
    /// from each other.
    pub(super) fn check_repeats(&self, count: usize, step: isize) -> Result<(), MatrixError> {
        self.layout.check_repeats(count, step, self.data.len())?;
        self.layout.check_repeats_distinct(count, step)
    }

    /// The matrix as a pointer, dangling if there are no elements, and strides.
    #[inline]
    pub(super) fn output(&mut self) -> Output<E> {
        let Layout { offset, row_stride, col_stride, .. } = self.layout;
        Output { ptr: self.data.as_mut_ptr().wrapping_add(offset), row_stride, col_stride }
    }
}

impl<E> fmt::Debug for MatMut<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.layout.debug("MatMut", f)
    }
}
