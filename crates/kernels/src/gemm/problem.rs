//! A product as the kernels see it: pointers, strides, and the scalars around them.

use std::mem::swap;

use super::source::Source;
use super::{Bias, Epilogue, Gemm};
use crate::Element;

/// A strided operand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strided<E> {
    pub(crate) ptr: *const E,
    pub(crate) row_stride: isize,
    pub(crate) col_stride: isize,
}

impl<E> Strided<E> {
    /// The operand whose element (0, 0) is this one's (`row`, `col`).
    #[inline(always)]
    pub(crate) fn at(self, row: usize, col: usize) -> Self {
        let step = row as isize * self.row_stride + col as isize * self.col_stride;
        Strided { ptr: self.ptr.wrapping_offset(step), ..self }
    }
}

impl<E> Strided<E> {
    /// The operand with rows and columns exchanged.
    #[inline(always)]
    pub(super) fn transposed(self) -> Self {
        Strided { row_stride: self.col_stride, col_stride: self.row_stride, ..self }
    }
}

/// The output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output<E> {
    pub(crate) ptr: *mut E,
    pub(crate) row_stride: isize,
    pub(crate) col_stride: isize,
}

impl<E> Output<E> {
    /// The output with rows and columns exchanged.
    #[inline(always)]
    pub(super) fn transposed(self) -> Self {
        Output { row_stride: self.col_stride, col_stride: self.row_stride, ..self }
    }

    /// The output whose element (0, 0) is this one's (`row`, `col`).
    #[inline(always)]
    pub(crate) fn at(self, row: usize, col: usize) -> Self {
        let step = row as isize * self.row_stride + col as isize * self.col_stride;
        Output { ptr: self.ptr.wrapping_offset(step), ..self }
    }
}

/// `C = act(alpha A B + beta C + bias)` with A of m x k, B of k x n, C of m x n elements.
///
/// Whoever makes one vouches that every element so described may be read, and those of C be
/// written by whoever holds it, for the lifetime `'a`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Problem<'a, E> {
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
    pub(super) alpha: E,
    pub(super) a: Strided<E>,
    pub(super) b: Strided<E>,
    pub(super) beta: E,
    pub(super) c: Output<E>,
    pub(super) epilogue: Epilogue<'a, E>,
    pub(super) sources: Sources<'a, E>,
}

/// Operands that are not read in place, and the first line of each that is meant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sources<'a, E> {
    pub(super) a: Option<&'a Source<E>>,
    pub(super) b: Option<&'a Source<E>>,
    pub(super) row: usize,
    pub(super) col: usize,
}

impl<E: Element> Sources<'_, E> {
    /// Whether one of the operands is packed, to be read as it is.
    #[inline(always)]
    pub(super) fn packed(&self) -> bool {
        [self.a, self.b].into_iter().flatten().any(|source| source.panels().is_some())
    }
}

impl<E> Default for Sources<'_, E> {
    #[inline(always)]
    fn default() -> Self {
        Sources { a: None, b: None, row: 0, col: 0 }
    }
}

// SAFETY: the operands are only read, and the parts of C handed to threads are disjoint; elements
// are `Send` and `Sync`.
unsafe impl<E: Element> Send for Problem<'_, E> {}
// SAFETY: as above.
unsafe impl<E: Element> Sync for Problem<'_, E> {}

impl<'a, E: Element> Problem<'a, E> {
    /// The problem `gemm` describes, its shapes checked. Always inlined: of operands that are plain views
    /// little is left.
    #[inline(always)]
    #[track_caller]
    pub(super) fn new(gemm: &'a mut Gemm<'_, E>, sources: &'a [Option<Source<E>>; 2]) -> Self {
        let Gemm { alpha, a, b, beta, c, epilogue } = gemm;
        let (m, n, k) = (c.rows(), c.cols(), a.cols());
        assert!(
            a.rows() == m && b.rows() == k && b.cols() == n,
            "a matrix product needs A of m x k, B of k x n and C of m x n elements, but A is {}x{}, \
             B is {}x{} and C is {m}x{n}",
            a.rows(),
            a.cols(),
            b.rows(),
            b.cols()
        );
        let (per, expected, got) = match epilogue.bias {
            Bias::None => ("", 0, 0),
            Bias::PerRow(bias) => ("row", m, bias.len()),
            Bias::PerColumn(bias) => ("column", n, bias.len()),
        };
        assert!(
            expected == got,
            "a bias per {per} of a {m}x{n} output needs {expected} elements, but has {got}"
        );
        Problem {
            m,
            n,
            k,
            alpha: *alpha,
            a: a.in_place(),
            b: b.in_place(),
            beta: *beta,
            c: Output {
                row_stride: c.row_stride(),
                col_stride: c.col_stride(),
                ptr: c.as_mut_ptr(),
            },
            epilogue: epilogue.checked(),
            sources: Sources { a: sources[0].as_ref(), b: sources[1].as_ref(), row: 0, col: 0 },
        }
    }

    /// Writes the same product the other way: `C^T = act(alpha B^T A^T + beta C^T + bias^T)`.
    #[inline(always)]
    pub(super) fn transpose(&mut self) {
        swap(&mut self.m, &mut self.n);
        swap(&mut self.a, &mut self.b);
        swap(&mut self.a.row_stride, &mut self.a.col_stride);
        swap(&mut self.b.row_stride, &mut self.b.col_stride);
        swap(&mut self.c.row_stride, &mut self.c.col_stride);
        swap(&mut self.sources.a, &mut self.sources.b);
        swap(&mut self.sources.row, &mut self.sources.col);
        self.epilogue.bias = match self.epilogue.bias {
            Bias::None => Bias::None,
            Bias::PerRow(bias) => Bias::PerColumn(bias),
            Bias::PerColumn(bias) => Bias::PerRow(bias),
        };
    }

    /// The part of the product that gives `rows` x `cols` elements of C from (`row`, `col`) on.
    #[inline(always)]
    pub(super) fn part(self, row: usize, rows: usize, col: usize, cols: usize) -> Self {
        debug_assert!(row + rows <= self.m && col + cols <= self.n);
        Problem {
            m: rows,
            n: cols,
            a: self.a.at(row, 0),
            b: self.b.at(0, col),
            c: self.c.at(row, col),
            epilogue: self.epilogue.part(row, rows, col, cols),
            sources: Sources {
                row: self.sources.row + row,
                col: self.sources.col + col,
                ..self.sources
            },
            ..self
        }
    }

    /// Settles the free strides, those of dimensions of one element.
    #[inline(always)]
    pub(super) fn settle(&mut self) {
        if self.n == 1 {
            self.b.col_stride = 1;
            self.c.col_stride = 1;
        }
        if self.m == 1 {
            self.c.row_stride = self.n as isize;
            self.a.row_stride = self.k as isize;
        }
        if self.k == 1 {
            self.a.col_stride = 1;
            if self.b.col_stride != 1 {
                self.b.row_stride = 1;
            }
        }
    }
}
