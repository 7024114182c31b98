//! The mean of a window, and its gradient.

use super::geometry::PoolGeometry;
use super::windows::{Windows, gather, walk};
use crate::Float;
use crate::conv::band::Gather;
use crate::gemm::implicit::Scratch;
use crate::simd::{Kernel, Lanes, Simd};

/// By how many the sums of a pool are divided.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts<'a> {
    pub(super) geometry: &'a PoolGeometry,
    count_include_pad: bool,
}

impl<'a> Counts<'a> {
    pub(super) fn new(geometry: &'a PoolGeometry, count_include_pad: bool) -> Self {
        Counts { geometry, count_include_pad }
    }

    /// The positions that count along an axis at output `i`. At least one, so that a window that
    /// sees none has the mean zero.
    fn along(&self, axis: usize, i: usize) -> usize {
        let window = self.geometry.window();
        let [before, behind] = window.padding[axis];
        let (dilation, kernel) = (window.dilation[axis], window.kernel[axis]);
        let size = self.geometry.input()[axis];
        // The positions from `low` until `high` count, from the padding's first on.
        let (low, high) = if self.count_include_pad {
            (0, before + size + behind)
        } else {
            (before, before + size)
        };
        let start = i * window.stride[axis];
        let until = |end: usize| end.saturating_sub(start).div_ceil(dilation).min(kernel);
        (until(high) - until(low)).max(1)
    }
}

/// One plane.
pub(super) struct Forward<'a, E> {
    pub(super) counts: Counts<'a>,
    pub(super) x: &'a [E],
    pub(super) y: &'a mut [E],
}

impl<E: Float> Kernel for Forward<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { counts, x, y } = self;
        let mut widths = Scratch::take();
        let widths = counts.widths::<E>(&mut widths);
        walk(simd, counts.geometry, x, &mut Means { counts, widths, y });
    }
}

/// The means of all windows, the counts along the columns at hand.
struct Means<'a, E> {
    counts: Counts<'a>,
    widths: &'a [E],
    y: &'a mut [E],
}

impl<E: Float> Windows<E> for Means<'_, E> {
    const PADDING: E = E::ZERO;
    type Seen<S: Simd> = E::Vector<S>;

    #[inline(always)]
    fn start<S: Simd>(&self, simd: S) -> E::Vector<S> {
        E::Vector::<S>::splat(simd, E::ZERO)
    }

    #[inline(always)]
    fn see<S: Simd>(sum: E::Vector<S>, x: E::Vector<S>, _: usize) -> E::Vector<S> {
        sum + x
    }

    #[inline(always)]
    fn finish<S: Simd>(
        &mut self,
        sum: E::Vector<S>,
        gather: &Gather<E>,
        (row, col): (usize, usize),
        count: usize,
    ) {
        let height = sum.lit(E::from_f64(self.counts.along(0, row) as f64));
        let width = E::Vector::<S>::load_partial(sum.token(), &self.widths[col..col + count]);
        let mean = sum / (height * width);
        mean.store_partial(&mut self.y[row * gather.cols.len + col..][..count]);
    }
}

impl Counts<'_> {
    /// The counts along the columns.
    #[inline(always)]
    fn widths<'s, E: Float>(&self, scratch: &'s mut Scratch) -> &'s [E] {
        let cols = self.geometry.output()[1];
        let ptr = scratch.get::<E>(cols);
        // SAFETY: the scratch has that number of initialised elements, and is borrowed for as long.
        let widths = unsafe { std::slice::from_raw_parts_mut(ptr, cols) };
        for (col, width) in widths.iter_mut().enumerate() {
            *width = E::from_f64(self.along(1, col) as f64);
        }
        widths
    }
}

/// One plane of the gradient.
pub(super) struct Backward<'a, E> {
    pub(super) counts: Counts<'a>,
    pub(super) gy: &'a [E],
    pub(super) gx: &'a mut [E],
}

impl<E: Float> Kernel for Backward<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let gather = gather(self.counts.geometry, self.gx);
        let (rows, cols) = (&gather.rows, &gather.cols);
        let mut widths = Scratch::take();
        let widths = self.counts.widths::<E>(&mut widths);
        let mut scratch = Scratch::take();
        let ptr = scratch.get::<E>(cols.size);
        // SAFETY: the scratch has that number of initialised elements, and outlives the slice.
        let line = unsafe { std::slice::from_raw_parts_mut(ptr, cols.size) };
        self.gx.fill(E::ZERO);
        for (row, gy) in self.gy.chunks_exact(cols.len).enumerate() {
            // What every row of the window is given.
            let height = E::from_f64(self.counts.along(0, row) as f64);
            line.fill(E::ZERO);
            for tap in 0..cols.taps {
                // The outputs from `low` until `high` have the tap in the source.
                let start = cols.source(0, tap);
                let until = |end: isize| {
                    let steps = (end - start).max(0) as usize;
                    steps.div_ceil(cols.step).min(cols.len)
                };
                let (low, high) = (until(0), until(cols.size as isize));
                if low < high {
                    let to = &mut line[cols.source(low, tap) as usize..];
                    let (gy, widths) = (&gy[low..high], &widths[low..high]);
                    match cols.step {
                        1 => add(gy, widths, height, to.iter_mut()),
                        step => add(gy, widths, height, to.iter_mut().step_by(step)),
                    }
                }
            }
            for tap in 0..rows.taps {
                let to = rows.source(row, tap);
                if (0..rows.size as isize).contains(&to) {
                    let to = &mut self.gx[to as usize * cols.size..][..cols.size];
                    for (to, &line) in to.iter_mut().zip(&*line) {
                        *to += line;
                    }
                }
            }
        }
    }
}

/// Adds each gradient's share.
#[inline(always)]
fn add<'t, E: Float>(gy: &[E], widths: &[E], height: E, to: impl Iterator<Item = &'t mut E>) {
    for ((&gy, &width), to) in gy.iter().zip(widths).zip(to) {
        *to += gy / (height * width);
    }
}
