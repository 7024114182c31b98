//! Mean and variance in one pass over memory.
//!
//! A slice is taken in chunks that stay in the first-level cache. A chunk's sum and sum of squares
//! come first; where subtracting the mean's share from the squares would cancel, the chunk is read
//! again, from cache, less its mean. Chunks are joined by T. F. Chan, G. H. Golub, R. J. `LeVeque`,
//! "Updating formulae and a pairwise algorithm for computing sample variances" (1979), in `f64`.

use crate::Float;
use crate::simd::{Kernel, Lanes, Simd};
use crate::vectors::{load, store};

use super::sums::{Terms, sums};

/// A number of elements, their mean, and the sum of their squared distances from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moments {
    pub(crate) count: f64,
    pub(crate) mean: f64,
    pub(crate) squares: f64,
}

impl Moments {
    pub(crate) const NONE: Self = Self { count: 0.0, mean: 0.0, squares: 0.0 };

    /// The moments of both together.
    #[inline]
    pub(crate) fn join(self, other: Self) -> Self {
        if self.count == 0.0 {
            return other;
        }
        if other.count == 0.0 {
            return self;
        }
        let count = self.count + other.count;
        let distance = other.mean - self.mean;
        let mean = self.mean + distance * (other.count / count);
        let between = distance * distance * (self.count * other.count / count);
        Self { count, mean, squares: self.squares + other.squares + between }
    }

    /// The mean, NaN of nothing.
    #[inline]
    pub(crate) fn mean<E: Float>(self) -> E {
        if self.count == 0.0 { E::NAN } else { E::from_f64(self.mean) }
    }

    /// The variance, NaN of nothing; divided by zero where `correction` leaves nothing to divide
    /// by.
    #[inline]
    pub(crate) fn variance<E: Float>(self, correction: usize) -> E {
        if self.count == 0.0 {
            return E::NAN;
        }
        E::from_f64(self.squares / (self.count - correction as f64).max(0.0))
    }
}

/// The elements of a chunk.
const CHUNK: usize = 8192;

/// The least share of the squares that must be left after the mean's part was taken away.
const SHARE: f64 = 0.125;

/// The elements and their squares, less `shift` if `SHIFT`.
#[derive(Clone, Copy)]
struct Powers<E, const SHIFT: bool> {
    x: *const E,
    shift: E,
}

impl<E: Float, const SHIFT: bool> Terms<E, 2> for Powers<E, SHIFT> {
    #[inline(always)]
    unsafe fn add<S: Simd, const PARTIAL: bool>(
        self,
        simd: S,
        i: usize,
        count: usize,
        [sum, squares]: [E::Vector<S>; 2],
    ) -> [E::Vector<S>; 2] {
        // SAFETY: `count` elements follow `i`, by this function's contract.
        let mut x = unsafe { load::<S, E, PARTIAL>(simd, self.x.add(i), count) };
        if SHIFT {
            let shift = [self.shift; crate::simd::MAX_LANES];
            // SAFETY: `count <= LANES` elements of the array are read.
            x = x - unsafe { load::<S, E, PARTIAL>(simd, shift.as_ptr(), count) };
        }
        [sum + x, x.mul_add(x, squares)]
    }
}

/// The moments of `len` elements.
///
/// # Safety
/// `x` must be valid for reads of `len` elements.
#[inline(always)]
pub(crate) unsafe fn moments<S: Simd, E: Float>(simd: S, x: *const E, len: usize) -> Moments {
    let mut total = Moments::NONE;
    let mut i = 0;
    while i < len {
        let count = CHUNK.min(len - i);
        // SAFETY: `i + count <= len`.
        total = total.join(unsafe { chunk(simd, x.add(i), count) });
        i += count;
    }
    total
}

/// # Safety
/// `x` must be valid for reads of `len` elements, at least one.
#[inline(always)]
unsafe fn chunk<S: Simd, E: Float>(simd: S, x: *const E, len: usize) -> Moments {
    // SAFETY: `x` is valid for `len` elements, by this function's contract.
    let [sum, squares] =
        unsafe { sums(simd, Powers::<E, false> { x, shift: E::ZERO }, len) }.map(E::to_f64);
    let count = len as f64;
    let mean = sum / count;
    let rest = squares - sum * mean;
    if rest >= SHARE * squares && squares.is_finite() {
        return Moments { count, mean, squares: rest };
    }
    // SAFETY: `x` is valid for `len` elements, at least one, by this function's contract.
    unsafe { shifted_chunk(simd, x, len, mean) }
}

/// The moments of a chunk whose mean is about `mean`.
///
/// # Safety
/// As for [`chunk`].
#[inline(always)]
unsafe fn shifted_chunk<S: Simd, E: Float>(simd: S, x: *const E, len: usize, mean: f64) -> Moments {
    let count = len as f64;
    // SAFETY: `x` is valid for at least one element, by this function's contract.
    let shift = if mean.is_finite() { E::from_f64(mean) } else { unsafe { *x } };
    // SAFETY: `x` is valid for `len` elements, by this function's contract.
    let [sum, squares] = unsafe { sums(simd, Powers::<E, true> { x, shift }, len) }.map(E::to_f64);
    let rest = squares - sum * (sum / count);
    let squares = if rest < 0.0 { 0.0 } else { rest };
    Moments { count, mean: shift.to_f64() + sum / count, squares }
}

/// The moments of a slice.
pub(super) struct SliceMoments<'a, E>(pub(super) &'a [E]);

impl<E: Float> Kernel for SliceMoments<'_, E> {
    type Output = Moments;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Moments {
        // SAFETY: the pointer and the length are the slice's.
        unsafe { moments(simd, self.0.as_ptr(), self.0.len()) }
    }
}

/// The mean and the variance of every row.
pub(super) struct RowMoments<'a, E> {
    pub(super) x: &'a [E],
    pub(super) cols: usize,
    pub(super) correction: usize,
    pub(super) mean: &'a mut [E],
    pub(super) variance: &'a mut [E],
}

impl<E: Float> Kernel for RowMoments<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let out = self.mean.iter_mut().zip(self.variance);
        for (row, (mean, variance)) in self.x.chunks_exact(self.cols).zip(out) {
            // SAFETY: the pointer and the length are the row's.
            let moments = unsafe { moments(simd, row.as_ptr(), row.len()) };
            *mean = moments.mean();
            *variance = moments.variance(self.correction);
        }
    }
}

/// The rows of a block in which distances are taken from the block's first row.
const ROWS: usize = 32;

/// The mean and the variance of some columns of a `rows x stride` matrix.
///
/// The columns are the lanes. Distances are taken from the first row of a block of [`ROWS`], which
/// is within `sqrt(ROWS)` standard deviations of the block's mean, whatever the numbers are.
pub(super) struct ColumnMoments<'a, E> {
    pub(super) x: &'a [E],
    pub(super) rows: usize,
    pub(super) stride: usize,
    /// The first column; `mean` has an element for each.
    pub(super) first: usize,
    pub(super) correction: usize,
    pub(super) mean: &'a mut [E],
    pub(super) variance: &'a mut [E],
}

/// The vectors of columns one pass carries.
const COLUMNS: usize = 4;

impl<E: Float> Kernel for ColumnMoments<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let lanes = E::Vector::<S>::LANES;
        let len = self.mean.len();
        assert!(
            self.variance.len() == len
                && self.first + len <= self.stride
                && self.rows * self.stride <= self.x.len(),
            "the columns lie within the matrix"
        );
        let mut i = 0;
        while len - i >= COLUMNS * lanes {
            self.pass::<S, COLUMNS, false>(simd, i, lanes);
            i += COLUMNS * lanes;
        }
        while len - i >= lanes {
            self.pass::<S, 1, false>(simd, i, lanes);
            i += lanes;
        }
        if i < len {
            self.pass::<S, 1, true>(simd, i, len - i);
        }
    }
}

impl<E: Float> ColumnMoments<'_, E> {
    /// `N` vectors of columns from column `at` on; with `PARTIAL`, `count` lanes of one.
    #[inline(always)]
    fn pass<S: Simd, const N: usize, const PARTIAL: bool>(
        &mut self,
        simd: S,
        at: usize,
        count: usize,
    ) {
        let lanes = E::Vector::<S>::LANES;
        let splat = |value: f64| E::Vector::<S>::splat(simd, E::from_f64(value));
        let zero = splat(0.0);
        // The mean is `shift + mean`, so that it has more digits than an element.
        let (mut shift, mut mean, mut squares) = ([zero; N], [zero; N], [zero; N]);
        let mut top = 0;
        while top < self.rows {
            let rows = ROWS.min(self.rows - top);
            // SAFETY: the columns lie within the row, and the row within the matrix, as `run`
            // asserts.
            let x = unsafe { self.x.as_ptr().add(top * self.stride + self.first + at) };
            let mut first = [zero; N];
            for (j, first) in first.iter_mut().enumerate() {
                // SAFETY: the columns lie within row `top` of the matrix, as `run` asserts.
                *first = unsafe { load::<S, E, PARTIAL>(simd, x.add(j * lanes), count) };
            }
            let (mut sum, mut sum_squares) = ([zero; N], [zero; N]);
            for row in 1..rows {
                for j in 0..N {
                    // SAFETY: the columns lie within row `top + row` of the matrix, as `run`
                    // asserts.
                    let x = unsafe {
                        load::<S, E, PARTIAL>(simd, x.add(row * self.stride + j * lanes), count)
                    };
                    let d = x - first[j];
                    sum[j] = sum[j] + d;
                    sum_squares[j] = d.mul_add(d, sum_squares[j]);
                }
            }
            let (before, here) = (top as f64, rows as f64);
            let (share, weight) =
                (splat(here / (before + here)), splat(before * here / (before + here)));
            let part = splat(1.0 / here);
            for j in 0..N {
                let block_mean = sum[j] * part;
                let block_squares = zero.max(sum[j].neg_mul_add(block_mean, sum_squares[j]));
                // Zero, or NaN for a first row that is not finite: the sums do not contain it.
                let block_squares = block_squares + first[j] * zero;
                if top == 0 {
                    (shift[j], mean[j], squares[j]) = (first[j], block_mean, block_squares);
                } else {
                    let distance = (first[j] - shift[j]) + (block_mean - mean[j]);
                    mean[j] = distance.mul_add(share, mean[j]);
                    squares[j] = (distance * distance).mul_add(weight, squares[j] + block_squares);
                }
            }
            top += rows;
        }
        let divisor = E::from_f64((self.rows as f64 - self.correction as f64).max(0.0));
        let divisor = E::Vector::<S>::splat(simd, divisor);
        for j in 0..N {
            // SAFETY: the columns lie within the outputs.
            unsafe {
                let at = at + j * lanes;
                store::<_, PARTIAL>(shift[j] + mean[j], self.mean.as_mut_ptr().add(at), count);
                store::<_, PARTIAL>(
                    squares[j] / divisor,
                    self.variance.as_mut_ptr().add(at),
                    count,
                );
            }
        }
    }
}
