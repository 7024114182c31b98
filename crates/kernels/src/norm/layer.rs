//! Normalization of rows: layer norm, and RMS norm, which does not take the mean away.

use std::ops::Range;

use crate::Float;
use crate::line::{BLOCK, Line, LineSum, Row, UNROLL, for_line};
use crate::reduce::moments;
use crate::simd::{Kernel, Lanes, Simd};

use super::careful::{RowGrad, is_row_doubtful};

/// The forward pass of some rows; with `CENTER`, layer norm.
pub(super) struct Forward<'a, E, const CENTER: bool> {
    pub(super) x: &'a [E],
    pub(super) cols: usize,
    pub(super) weight: Option<&'a [E]>,
    pub(super) bias: Option<&'a [E]>,
    pub(super) eps: E,
    pub(super) out: &'a mut [E],
    /// A mean for each row, or nothing without `CENTER`.
    pub(super) mean: &'a mut [E],
    pub(super) rstd: &'a mut [E],
}

impl<E: Float, const CENTER: bool> Kernel for Forward<'_, E, CENTER> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { x, cols, weight, bias, eps, out, mean: means, rstd: rstds } = self;
        assert!(
            [weight, bias].into_iter().flatten().all(|w| w.len() == cols) && x.len() == out.len(),
            "the operands have rows of {cols}"
        );
        let line = Row::<S, E>::new(simd, cols);
        // No rows may have no columns.
        let width = cols.max(1);
        let rows = x.chunks_exact(width).zip(out.chunks_exact_mut(width));
        for (i, ((x, out), rstd)) in rows.zip(rstds).enumerate() {
            let (x, out) = (x.as_ptr(), out.as_mut_ptr());
            // SAFETY: `x` is the row.
            let (mean, variance) = unsafe { center::<S, E, CENTER>(line, x, cols) };
            *rstd = E::ONE / (variance + eps).sqrt();
            if CENTER {
                means[i] = mean;
            }
            let mean = E::Vector::<S>::splat(simd, mean);
            let scale = E::Vector::<S>::splat(simd, *rstd);
            for_line!(line, |k, _j, PARTIAL| {
                line.prefetch_next(x, k);
                // SAFETY: the line is the row of every operand, as asserted.
                unsafe {
                    let x = line.load::<PARTIAL>(x, k);
                    let mut y = if CENTER { x - mean } else { x } * scale;
                    if let Some(weight) = weight {
                        y = y * line.load::<PARTIAL>(weight.as_ptr(), k);
                    }
                    if let Some(bias) = bias {
                        y = y + line.load::<PARTIAL>(bias.as_ptr(), k);
                    }
                    line.store::<PARTIAL>(y, out, k);
                }
            });
        }
    }
}

/// The row's mean and variance, or zero and the mean square.
///
/// # Safety
/// `x` must be valid for reads of the row.
#[inline(always)]
unsafe fn center<S: Simd, E: Float, const CENTER: bool>(
    line: Row<S, E>,
    x: *const E,
    cols: usize,
) -> (E, E) {
    if CENTER {
        // SAFETY: `x` is valid for the row, by this function's contract.
        let moments = unsafe { moments(line.simd(), x, cols) };
        return (moments.mean(), moments.variance(0));
    }
    let mut squares = LineSum::new(line.simd());
    for_line!(
        line,
        |k, j, PARTIAL| {
            // SAFETY: `x` is valid for the row, by this function's contract.
            let x = unsafe { line.load::<PARTIAL>(x, k) };
            squares.add_product(j, x, x);
        },
        { squares.flush() }
    );
    (E::ZERO, squares.total().reduce_sum() / E::from_f64(cols as f64))
}

/// The rows whose second pass is one: their shares of the sums down the columns meet in registers.
const ROWS: usize = 4;

/// The backward pass of some rows; with `CENTER`, of layer norm.
pub(super) struct Backward<'a, E, const CENTER: bool> {
    pub(super) gy: &'a [E],
    pub(super) x: &'a [E],
    pub(super) cols: usize,
    pub(super) weight: Option<&'a [E]>,
    pub(super) eps: f64,
    /// A mean for each row, or nothing without `CENTER`.
    pub(super) mean: &'a [E],
    pub(super) rstd: &'a [E],
    pub(super) gx: &'a mut [E],
    /// What the sums over these rows are added to: of the weight and of the bias.
    pub(super) sums: [&'a mut [E]; 2],
}

impl<E: Float, const CENTER: bool> Kernel for Backward<'_, E, CENTER> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let (rows, cols) = (self.rstd.len(), self.cols);
        assert!(
            self.weight.is_none_or(|w| w.len() == cols)
                && self.sums.iter().all(|sums| sums.len() == cols)
                && self.gy.len() == rows * cols
                && self.x.len() == rows * cols
                && self.gx.len() == rows * cols
                && self.mean.len() == if CENTER { rows } else { 0 },
            "the operands have {rows} rows of {cols}"
        );
        let mut row = 0;
        while row < rows {
            if rows - row >= ROWS && self.rows::<S, ROWS>(simd, row) {
                row += ROWS;
                continue;
            }
            // One by one the last rows, and those of which some leave the range.
            for row in row..rows.min(row + ROWS) {
                if !self.rows::<S, 1>(simd, row) {
                    self.careful_row(row);
                }
            }
            row += ROWS;
        }
    }
}

/// The numbers of a row, in every lane.
#[derive(Clone, Copy)]
struct OfRow<V> {
    mean: V,
    rstd: V,
    /// `mean(g) rstd` and `mean(g y) rstd`.
    level: V,
    slope: V,
}

impl<'a, E: Float, const CENTER: bool> Backward<'a, E, CENTER> {
    /// `gx = rstd (g - mean(g) - y mean(g y))` with `g = gy weight` and `y = (x - mean) rstd`, and
    /// the sums, of `N` rows. Does nothing and gives false if one of them leaves the range.
    #[inline(always)]
    fn rows<S: Simd, const N: usize>(&mut self, simd: S, first: usize) -> bool {
        let cols = self.cols;
        if CENTER && cols == 1 {
            self.single_elements(first..first + N);
            return true;
        }
        let line = Row::<S, E>::new(simd, cols);
        let zero = E::Vector::<S>::splat(simd, E::ZERO);
        let mut of_rows = [OfRow { mean: zero, rstd: zero, level: zero, slope: zero }; N];
        // Apart from `of_rows`: with a flag in it the compiler keeps the array on the stack, and
        // the loop below reads it there.
        let mut extreme = false;
        for (i, of_row) in of_rows.iter_mut().enumerate() {
            let is_extreme;
            (*of_row, is_extreme) = self.means(line, first + i);
            extreme |= is_extreme;
        }
        if extreme {
            return false;
        }
        let weight = self.weight.map(<[E]>::as_ptr);
        let [gweight, gbias] = self.sums.each_mut().map(|sums| sums.as_mut_ptr());
        let start = first * cols;
        let (gy, x) = (self.gy[start..].as_ptr(), self.x[start..].as_ptr());
        let gx = self.gx[start..].as_mut_ptr();
        for_line!(line, |k, _j, PARTIAL| {
            // SAFETY: the line is a row of every operand, as `run` asserts, and `first + N` rows
            // are there.
            unsafe {
                let factor = match weight {
                    Some(weight) => line.load::<PARTIAL>(weight, k),
                    None => zero.lit(E::ONE),
                };
                let mut sum_gy = line.load::<PARTIAL>(gbias, k);
                let mut sum_gyy = line.load::<PARTIAL>(gweight, k);
                for (i, row) in of_rows.iter().enumerate() {
                    let gy = line.load::<PARTIAL>(gy.add(i * cols), k);
                    let x = line.load::<PARTIAL>(x.add(i * cols), k);
                    let y = (if CENTER { x - row.mean } else { x }) * row.rstd;
                    sum_gy = sum_gy + gy;
                    sum_gyy = gy.mul_add(y, sum_gyy);
                    let rest = (gy * factor).mul_add(row.rstd, -row.level);
                    line.store::<PARTIAL>(y.neg_mul_add(row.slope, rest), gx.add(i * cols), k);
                }
                line.store::<PARTIAL>(sum_gy, gbias, k);
                line.store::<PARTIAL>(sum_gyy, gweight, k);
            }
        });
        true
    }

    /// Rows of one element, which is its own mean: the gradient is zero whatever the weight, which
    /// the rounded products of the general formula do not give.
    #[cold]
    fn single_elements(&mut self, rows: Range<usize>) {
        let [gweight, gbias] = &mut self.sums;
        for row in rows {
            let gy = self.gy[row];
            let y = (self.x[row] - self.mean[row]) * self.rstd[row];
            let weight = self.weight.map_or(E::ONE, |weight| weight[0]);
            // Zero, or NaN if an operand is not finite.
            self.gx[row] = E::ZERO + gy * E::ZERO * weight - y * E::ZERO;
            gweight[0] += gy * y;
            gbias[0] += gy;
        }
    }

    /// What the formulas read that leave no range.
    fn careful(&self, row: usize) -> RowGrad<'a, E> {
        let range = row * self.cols..(row + 1) * self.cols;
        let (gy, x, weight) = (&self.gy[range.clone()], &self.x[range], self.weight);
        RowGrad { gy, x, weight, eps: self.eps, center: CENTER }
    }

    #[cold]
    fn careful_row(&mut self, row: usize) {
        let from = self.careful(row);
        let [gweight, gbias] = &mut self.sums;
        from.write(&mut self.gx[row * self.cols..(row + 1) * self.cols], [gweight, gbias]);
    }

    /// The first pass of a row, and whether its numbers leave the range in the formulas of
    /// [`rows`](Self::rows).
    #[inline(always)]
    fn means<S: Simd>(&self, line: Row<S, E>, row: usize) -> (OfRow<E::Vector<S>>, bool) {
        let cols = self.cols;
        let simd = line.simd();
        let (gy, x) = (self.gy[row * cols..].as_ptr(), self.x[row * cols..].as_ptr());
        let mean = E::Vector::<S>::splat(simd, if CENTER { self.mean[row] } else { E::ZERO });
        let weight = self.weight.map(<[E]>::as_ptr);
        let (mut sum, mut dot) = (LineSum::new(simd), LineSum::new(simd));
        for_line!(
            line,
            |k, j, PARTIAL| {
                // SAFETY: the line is the row of every operand, as `run` asserts.
                unsafe {
                    let mut g = line.load::<PARTIAL>(gy, k);
                    if let Some(weight) = weight {
                        g = g * line.load::<PARTIAL>(weight, k);
                    }
                    let x = line.load::<PARTIAL>(x, k);
                    if CENTER {
                        sum.add(j, g);
                        dot.add_product(j, g, x - mean);
                    } else {
                        dot.add_product(j, g, x);
                    }
                }
            },
            {
                sum.flush();
                dot.flush();
            }
        );
        let count = E::from_f64(cols as f64);
        let rstd = self.rstd[row];
        let sum = sum.total().reduce_sum();
        let dot = dot.total().reduce_sum() * rstd;
        let extreme = is_row_doubtful(rstd, [sum, dot]) && self.careful(row).is_extreme(rstd);
        let splat = |value: E| E::Vector::<S>::splat(simd, value);
        let (level, slope) = (splat(sum / count * rstd), splat(dot / count * rstd));
        (OfRow { mean, rstd: splat(rstd), level, slope }, extreme)
    }
}
