//! Normalization of rows: layer norm, and RMS norm, which does not take the mean away.

use crate::Element;
use crate::line::{BLOCK, Line, LineSum, Row, UNROLL, for_line};
use crate::reduce::moments;
use crate::simd::{Kernel, Lanes, Simd};
use crate::vectors::{load, store};

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

impl<E: Element, const CENTER: bool> Kernel for Forward<'_, E, CENTER> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { x, cols, weight, bias, eps, out, mean: means, rstd: rstds } = self;
        assert!(
            [weight, bias].into_iter().flatten().all(|w| w.len() == cols) && x.len() == out.len(),
            "the operands have rows of {cols}"
        );
        let line = Row::<S, E>::new(simd, cols);
        let rows = x.chunks_exact(cols).zip(out.chunks_exact_mut(cols));
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
                // SAFETY: the line is the row of every operand, as asserted.
                unsafe {
                    let x = line.load::<PARTIAL>(x, k);
                    let mut y = if CENTER { (x - mean) * scale } else { x * scale };
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
unsafe fn center<S: Simd, E: Element, const CENTER: bool>(
    line: Row<S, E>,
    x: *const E,
    cols: usize,
) -> (E, E) {
    if CENTER {
        // SAFETY: the caller vouches for the row.
        let moments = unsafe { moments(line.simd(), x, cols) };
        return (moments.mean(), moments.variance(0));
    }
    let mut squares = LineSum::new(line.simd());
    for_line!(
        line,
        |k, j, PARTIAL| {
            // SAFETY: as above.
            let x = unsafe { line.load::<PARTIAL>(x, k) };
            squares.add(j, x * x);
        },
        { squares.flush() }
    );
    (E::ZERO, squares.total().reduce_sum() / E::from_f64(cols as f64))
}

/// The rows after which sums down the columns are taken, from cache, with their sums in registers.
pub(super) const ROWS: usize = 16;

/// The backward pass of some rows; with `CENTER`, of layer norm.
pub(super) struct Backward<'a, E, const CENTER: bool> {
    pub(super) gy: &'a [E],
    pub(super) x: &'a [E],
    pub(super) cols: usize,
    pub(super) weight: Option<&'a [E]>,
    /// A mean for each row, or nothing without `CENTER`.
    pub(super) mean: &'a [E],
    pub(super) rstd: &'a [E],
    pub(super) gx: &'a mut [E],
    /// The sums over these rows, or nothing where they are not asked for.
    pub(super) gweight: Option<&'a mut [E]>,
    pub(super) gbias: Option<&'a mut [E]>,
}

impl<E: Element, const CENTER: bool> Kernel for Backward<'_, E, CENTER> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let (rows, cols) = (self.rstd.len(), self.cols);
        assert!(
            self.weight.is_none_or(|w| w.len() == cols)
                && [&self.gweight, &self.gbias].into_iter().flatten().all(|g| g.len() == cols)
                && self.gy.len() == rows * cols
                && self.x.len() == rows * cols
                && self.gx.len() == rows * cols
                && self.mean.len() == if CENTER { rows } else { 0 },
            "the operands have {rows} rows of {cols}"
        );
        let mut top = 0;
        while top < rows {
            let block = top..rows.min(top + ROWS);
            for row in block.clone() {
                self.row(simd, row);
            }
            if self.gweight.is_some() || self.gbias.is_some() {
                let lanes = E::Vector::<S>::LANES;
                let mut at = 0;
                while cols - at >= lanes {
                    self.columns::<S, false>(simd, block.clone(), at, lanes);
                    at += lanes;
                }
                if at < cols {
                    self.columns::<S, true>(simd, block.clone(), at, cols - at);
                }
            }
            top = block.end;
        }
    }
}

impl<E: Element, const CENTER: bool> Backward<'_, E, CENTER> {
    /// `gx = rstd (g - mean(g) - y mean(g y))` with `g = gy weight` and `y = (x - mean) rstd`.
    #[inline(always)]
    fn row<S: Simd>(&mut self, simd: S, row: usize) {
        let cols = self.cols;
        let line = Row::<S, E>::new(simd, cols);
        let (gy, x) = (self.gy[row * cols..].as_ptr(), self.x[row * cols..].as_ptr());
        let out = self.gx[row * cols..].as_mut_ptr();
        let splat = |value: E| E::Vector::<S>::splat(simd, value);
        let mean = splat(if CENTER { self.mean[row] } else { E::ZERO });
        let rstd = splat(self.rstd[row]);
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
                    let y = (line.load::<PARTIAL>(x, k) - mean) * rstd;
                    if CENTER {
                        sum.add(j, g);
                    }
                    dot.add(j, g * y);
                }
            },
            {
                sum.flush();
                dot.flush();
            }
        );
        let share = E::ONE / E::from_f64(cols as f64);
        let mean_g = splat(sum.total().reduce_sum() * share);
        let mean_gy = splat(dot.total().reduce_sum() * share);
        for_line!(line, |k, _j, PARTIAL| {
            // SAFETY: as above.
            unsafe {
                let mut g = line.load::<PARTIAL>(gy, k);
                if let Some(weight) = weight {
                    g = g * line.load::<PARTIAL>(weight, k);
                }
                let y = (line.load::<PARTIAL>(x, k) - mean) * rstd;
                let g = if CENTER { g - mean_g } else { g };
                line.store::<PARTIAL>(y.neg_mul_add(mean_gy, g) * rstd, out, k);
            }
        });
    }

    /// Adds up `gweight = sum gy y` and `gbias = sum gy` down some rows, for a vector of columns.
    #[inline(always)]
    fn columns<S: Simd, const PARTIAL: bool>(
        &mut self,
        simd: S,
        rows: std::ops::Range<usize>,
        at: usize,
        count: usize,
    ) {
        let first = rows.start == 0;
        let zero = E::Vector::<S>::splat(simd, E::ZERO);
        let (mut gweight, mut gbias) = (zero, zero);
        for row in rows {
            let mean = zero.lit(if CENTER { self.mean[row] } else { E::ZERO });
            let rstd = zero.lit(self.rstd[row]);
            // SAFETY: the columns lie within the rows, as `run` asserts.
            let (gy, x) = unsafe {
                let at = row * self.cols + at;
                (
                    load::<S, E, PARTIAL>(simd, self.gy.as_ptr().add(at), count),
                    load::<S, E, PARTIAL>(simd, self.x.as_ptr().add(at), count),
                )
            };
            gweight = gy.mul_add((x - mean) * rstd, gweight);
            gbias = gbias + gy;
        }
        for (sum, out) in [(gweight, &mut self.gweight), (gbias, &mut self.gbias)] {
            let Some(out) = out else { continue };
            // SAFETY: as above.
            unsafe {
                let out = out.as_mut_ptr().add(at);
                let before =
                    if first { zero } else { load::<S, E, PARTIAL>(simd, out.cast_const(), count) };
                store::<_, PARTIAL>(before + sum, out, count);
            }
        }
    }
}
