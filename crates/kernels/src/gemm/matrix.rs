//! Strided views of slices as matrices, checked when they are made.
//!
//! Element (i, j) of a view lies at `offset + i * row_stride + j * col_stride` of its slice. The
//! constructors check every index that can be reached, so whatever holds a view may walk it freely.

use std::fmt;

use super::MatrixError;
use super::problem::Strided;
use crate::Element;

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

impl Layout {
    /// Checks that every element lies in a slice of `len` elements.
    #[inline]
    fn check_bounds(&self, len: usize) -> Result<(), MatrixError> {
        let &Layout { offset, rows, cols, row_stride, col_stride } = self;
        if rows == 0 || cols == 0 {
            return Ok(());
        }
        // The usual case, without wide arithmetic: nothing here can overflow.
        if rows <= SMALL
            && cols <= SMALL
            && (row_stride as usize) < SHORT / SMALL
            && (col_stride as usize) < SHORT / SMALL
            && offset < SHORT
            && len > offset + (rows - 1) * row_stride as usize + (cols - 1) * col_stride as usize
        {
            return Ok(());
        }
        let row_span = (rows - 1) as i128 * row_stride as i128;
        let col_span = (cols - 1) as i128 * col_stride as i128;
        let lowest = row_span.min(0).saturating_add(col_span.min(0)).saturating_add(offset as i128);
        let highest =
            row_span.max(0).saturating_add(col_span.max(0)).saturating_add(offset as i128);
        if lowest >= 0 && highest < len as i128 {
            return Ok(());
        }
        Err(MatrixError::OutOfBounds {
            rows,
            cols,
            row_stride,
            col_stride,
            offset,
            lowest,
            highest,
            len,
        })
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

    /// Checks that the matrix and those `step` elements behind each other, `count` in all, lie in a
    /// slice of `len` elements.
    fn check_repeats(&self, count: usize, step: isize, len: usize) -> Result<(), MatrixError> {
        self.check_bounds(len)?;
        if count <= 1 || self.rows == 0 || self.cols == 0 {
            return Ok(());
        }
        let offset = (count - 1) as i128 * step as i128 + self.offset as i128;
        let last = usize::try_from(offset).map(|offset| Layout { offset, ..*self });
        match last {
            Ok(last) => last.check_bounds(len),
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
    /// If an element lies outside `data`; see [`try_new`](Self::try_new).
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
    /// If an element lies outside `data`.
    #[inline]
    pub fn try_new(
        data: &'a [E],
        offset: usize,
        rows: usize,
        cols: usize,
        row_stride: isize,
        col_stride: isize,
    ) -> Result<Self, MatrixError> {
        let layout = Layout { offset, rows, cols, row_stride, col_stride };
        layout.check_bounds(data.len())?;
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

    /// The distance between two rows, in elements.
    #[inline]
    pub fn row_stride(&self) -> isize {
        self.layout.row_stride
    }

    /// The distance between two columns, in elements.
    #[inline]
    pub fn col_stride(&self) -> isize {
        self.layout.col_stride
    }

    /// Element (`row`, `col`).
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

impl<'a, E: Element> MatMut<'a, E> {
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
        let layout = Layout { offset, rows, cols, row_stride, col_stride };
        layout.check_bounds(data.len())?;
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

    /// The distance between two rows, in elements.
    #[inline]
    pub fn row_stride(&self) -> isize {
        self.layout.row_stride
    }

    /// The distance between two columns, in elements.
    #[inline]
    pub fn col_stride(&self) -> isize {
        self.layout.col_stride
    }

    /// Element (`row`, `col`).
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

    /// A pointer to element (0, 0), dangling if the matrix is empty.
    #[inline]
    pub(super) fn as_mut_ptr(&mut self) -> *mut E {
        self.data.as_mut_ptr().wrapping_add(self.layout.offset)
    }
}

impl<E> fmt::Debug for MatMut<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.layout.debug("MatMut", f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reachable_index_is_checked() {
        let data = [0.0_f32; 12];
        assert!(MatRef::try_new(&data, 0, 3, 4, 4, 1).is_ok());
        assert!(MatRef::try_new(&data, 1, 3, 4, 4, 1).is_err());
        assert!(MatRef::try_new(&data, 11, 3, 4, -4, -1).is_ok());
        assert!(MatRef::try_new(&data, 10, 3, 4, -4, -1).is_err());
        assert!(MatRef::try_new(&data, 11, 100, 100, 0, 0).is_ok());
        assert!(MatRef::try_new(&data, 12, 1, 1, 0, 0).is_err());
        assert!(MatRef::try_new(&data, usize::MAX, 0, 5, 1, 1).is_ok());
        assert!(MatRef::try_new(&data, 0, usize::MAX, usize::MAX, isize::MAX, isize::MAX).is_err());
        assert!(MatRef::try_new(&data, 0, 2, 2, isize::MIN, isize::MAX).is_err());
        let error = MatRef::try_new(&data, 2, 3, 4, 4, 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a 3x4 matrix with strides (4, 1) from offset 2 reaches the indices 2..=13, but the \
             slice has 12 elements"
        );
    }

    #[test]
    fn outputs_must_not_overlap() {
        let mut data = [0.0_f32; 64];
        let mut ok =
            |rows, cols, rs, cs| MatMut::try_new(&mut data, 32, rows, cols, rs, cs).is_ok();
        assert!(ok(3, 4, 4, 1));
        assert!(ok(3, 4, 1, 3));
        assert!(ok(3, 4, -4, 1));
        assert!(ok(1, 4, 0, 1));
        assert!(ok(4, 1, 1, 0));
        assert!(ok(1, 1, 0, 0));
        assert!(ok(2, 2, 2, 3));
        assert!(!ok(3, 4, 3, 1));
        assert!(!ok(2, 2, 0, 1));
        assert!(!ok(1, 4, 0, 0));
        assert!(!ok(2, 2, 1, 1));
        assert!(!ok(2, 2, 1, -1));
    }

    #[test]
    fn transposing_swaps_indices() {
        let data: Vec<f64> = (0..6).map(f64::from).collect();
        let a = MatRef::row_major(&data, 2, 3);
        assert_eq!((a.get(1, 2), a.t().get(2, 1), a.t().rows()), (5.0, 5.0, 3));
    }
}
