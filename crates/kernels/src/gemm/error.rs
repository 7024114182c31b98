//! What can be wrong with the matrices of a call.

use thiserror::Error;

/// Why a slice cannot be seen as the matrix that was asked for.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum MatrixError {
    /// Some element would lie outside the slice.
    #[error(
        "a {rows}x{cols} matrix with strides ({row_stride}, {col_stride}) from offset {offset} \
         reaches the indices {lowest}..={highest}, but the slice has {len} elements"
    )]
    OutOfBounds {
        /// The rows asked for.
        rows: usize,
        /// The columns asked for.
        cols: usize,
        /// The distance between rows.
        row_stride: isize,
        /// The distance between columns.
        col_stride: isize,
        /// The index of the first element.
        offset: usize,
        /// The lowest index reached.
        lowest: i128,
        /// The highest index reached.
        highest: i128,
        /// The length of the slice.
        len: usize,
    },
    /// There would be more elements than can be counted.
    #[error(
        "a {rows}x{cols} matrix repeats elements of its slice, but then it may have at most {most}"
    )]
    TooMany {
        /// The rows asked for.
        rows: usize,
        /// The columns asked for.
        cols: usize,
        /// The most elements there may be.
        most: usize,
    },
    /// Two elements of an output would share a place.
    #[error(
        "an output matrix needs a place for each element, but in a {rows}x{cols} matrix with \
         strides ({row_stride}, {col_stride}) elements overlap; the larger stride must exceed the \
         extent of the other dimension"
    )]
    Overlap {
        /// The rows asked for.
        rows: usize,
        /// The columns asked for.
        cols: usize,
        /// The distance between rows.
        row_stride: isize,
        /// The distance between columns.
        col_stride: isize,
    },
    /// A matrix of a batch would begin before or far after its slice.
    #[error(
        "the last of {count} matrices, {step} elements apart from offset {offset} on, does not \
         begin within the slice of {len} elements"
    )]
    StepOutOfBounds {
        /// The number of matrices.
        count: usize,
        /// The distance from one to the next.
        step: isize,
        /// The index of the first element of the first.
        offset: usize,
        /// The length of the slice.
        len: usize,
    },
    /// Two outputs of a batch would share a place.
    #[error(
        "the outputs of a batch need a place for each element, but those of {count} {rows}x{cols} \
         matrices with strides ({row_stride}, {col_stride}), {step} elements apart, may overlap; \
         the larger of strides and step must exceed the extent of the smaller ones"
    )]
    StepOverlap {
        /// The number of matrices.
        count: usize,
        /// The distance from one to the next.
        step: isize,
        /// The rows of each.
        rows: usize,
        /// The columns of each.
        cols: usize,
        /// The distance between rows.
        row_stride: isize,
        /// The distance between columns.
        col_stride: isize,
    },
}
