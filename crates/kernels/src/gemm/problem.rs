//! A product as the kernels see it: pointers, strides, and the scalars around them.

use std::mem::swap;

use super::epilogue::{Bias, Epilogue};
use super::output::Output;
use super::strided::Strided;
use crate::Float;

/// `C = act(alpha A B + beta C + bias)` with A of m x k, B of k x n, C of m x n elements.
///
/// [`new`](Self::new) states what must be readable and writable for the lifetime `'a`.
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
}

// SAFETY: the operands are only read, and the parts of C handed to threads are disjoint; elements
// are `Send` and `Sync`.
unsafe impl<E: Float> Send for Problem<'_, E> {}
// SAFETY: a shared problem is only read; see `Send` for its elements.
unsafe impl<E: Float> Sync for Problem<'_, E> {}

impl<'a, E: Float> Problem<'a, E> {
    /// The problem of sizes m, n and k, with factor and operands, and with the factor of C and C.
    ///
    /// # Safety
    /// For the lifetime `'a` every element of A and B must be readable, and every element of C
    /// readable and writable by the holder of the problem alone; elements of C must not overlap.
    /// The bias must have an element for each row or column.
    #[inline(always)]
    pub(super) unsafe fn new(
        [m, n, k]: [usize; 3],
        (alpha, a, b): (E, Strided<E>, Strided<E>),
        (beta, c): (E, Output<E>),
        epilogue: Epilogue<'a, E>,
    ) -> Self {
        Problem { m, n, k, alpha, a, b, beta, c, epilogue }
    }

    /// Writes the same product the other way: `C^T = act(alpha B^T A^T + beta C^T + bias^T)`.
    #[inline(always)]
    pub(super) fn transpose(&mut self) {
        swap(&mut self.m, &mut self.n);
        swap(&mut self.a, &mut self.b);
        swap(&mut self.a.row_stride, &mut self.a.col_stride);
        swap(&mut self.b.row_stride, &mut self.b.col_stride);
        swap(&mut self.c.row_stride, &mut self.c.col_stride);
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
