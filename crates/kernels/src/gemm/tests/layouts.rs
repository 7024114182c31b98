//! Matrices stored in every way, with canaries wherever no element lies.

use super::super::{MatMut, MatRef};
use crate::Element;

/// How a matrix is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Layout {
    /// Row after row.
    Rows,
    /// Column after column.
    Columns,
    /// Row after row with a gap after each.
    PaddedRows,
    /// Column after column with a gap after each.
    PaddedColumns,
    /// Both strides larger than one.
    Spread,
    /// Rows from the last to the first.
    RowsUp,
    /// Row after row, each from its last element to its first.
    RowsBack,
    /// Column after column, both directions reversed.
    ColumnsReversed,
    /// One row, repeated (operands only).
    RepeatedRow,
    /// One column, repeated (operands only).
    RepeatedColumn,
}

impl Layout {
    /// Those an output may have.
    pub(super) const OUTPUT: [Layout; 8] = [
        Layout::Rows,
        Layout::Columns,
        Layout::PaddedRows,
        Layout::PaddedColumns,
        Layout::Spread,
        Layout::RowsUp,
        Layout::RowsBack,
        Layout::ColumnsReversed,
    ];

    /// Those an operand may have.
    pub(super) const OPERAND: [Layout; 10] = [
        Layout::Rows,
        Layout::Columns,
        Layout::PaddedRows,
        Layout::PaddedColumns,
        Layout::Spread,
        Layout::RowsUp,
        Layout::RowsBack,
        Layout::ColumnsReversed,
        Layout::RepeatedRow,
        Layout::RepeatedColumn,
    ];

    fn strides(self, rows: usize, cols: usize) -> (isize, isize) {
        let (rows, cols) = (rows.max(1) as isize, cols.max(1) as isize);
        match self {
            Layout::Rows => (cols, 1),
            Layout::Columns => (1, rows),
            Layout::PaddedRows => (cols + 3, 1),
            Layout::PaddedColumns => (1, rows + 5),
            Layout::Spread => (3 * cols + 1, 3),
            Layout::RowsUp => (-cols - 1, 1),
            Layout::RowsBack => (cols, -1),
            Layout::ColumnsReversed => (-1, -rows - 2),
            Layout::RepeatedRow => (0, 1),
            Layout::RepeatedColumn => (1, 0),
        }
    }
}

/// Canaries before and after the elements.
const MARGIN: usize = 19;

/// A stored matrix.
pub(super) struct Stored<E> {
    data: Vec<E>,
    used: Vec<bool>,
    offset: usize,
    rows: usize,
    cols: usize,
    strides: (isize, isize),
}

impl<E: Element> Stored<E> {
    pub(super) fn new(
        layout: Layout,
        rows: usize,
        cols: usize,
        mut value: impl FnMut() -> E,
    ) -> Self {
        let strides = layout.strides(rows, cols);
        let span = |count: usize, stride: isize| count.saturating_sub(1) as isize * stride;
        let spans = [span(rows, strides.0), span(cols, strides.1)];
        let below: isize = spans.iter().map(|&s| s.min(0)).sum();
        let above: isize = spans.iter().map(|&s| s.max(0)).sum();
        let offset = MARGIN + below.unsigned_abs();
        let len = offset + above.unsigned_abs() + 1 + MARGIN;
        let mut stored =
            Stored { data: vec![E::NAN; len], used: vec![false; len], offset, rows, cols, strides };
        for i in 0..rows {
            for j in 0..cols {
                let at = stored.index(i, j);
                stored.data[at] = value();
                stored.used[at] = true;
            }
        }
        stored
    }

    fn index(&self, row: usize, col: usize) -> usize {
        (self.offset as isize + row as isize * self.strides.0 + col as isize * self.strides.1)
            as usize
    }

    pub(super) fn get(&self, row: usize, col: usize) -> E {
        self.data[self.index(row, col)]
    }

    pub(super) fn set(&mut self, row: usize, col: usize, value: E) {
        let at = self.index(row, col);
        self.data[at] = value;
    }

    pub(super) fn fill(&mut self, value: E) {
        for i in 0..self.rows {
            for j in 0..self.cols {
                self.set(i, j, value);
            }
        }
    }

    /// The elements, row after row.
    pub(super) fn values(&self) -> Vec<E> {
        (0..self.rows * self.cols).map(|at| self.get(at / self.cols, at % self.cols)).collect()
    }

    pub(super) fn view(&self) -> MatRef<'_, E> {
        MatRef::new(&self.data, self.offset, self.rows, self.cols, self.strides.0, self.strides.1)
    }

    pub(super) fn view_mut(&mut self) -> MatMut<'_, E> {
        let Stored { offset, rows, cols, strides, .. } = *self;
        // The canaries of an output are numbers, so that a stray write of NaN shows as well.
        for (at, used) in self.used.iter().enumerate() {
            if !used {
                self.data[at] = canary(at);
            }
        }
        MatMut::new(&mut self.data, offset, rows, cols, strides.0, strides.1)
    }

    /// Checks that nothing was written but the elements of an output.
    #[track_caller]
    pub(super) fn check_canaries(&self, context: &dyn std::fmt::Debug) {
        for (at, used) in self.used.iter().enumerate() {
            assert!(
                *used || self.data[at] == canary(at),
                "element {at}, outside the output, became {} in {context:?}",
                self.data[at]
            );
        }
    }
}

fn canary<E: Element>(at: usize) -> E {
    E::from_f64(1234.5 + at as f64)
}
