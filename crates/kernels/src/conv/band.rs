//! A band: the part of a source that a block of patches draws from, padded and with the columns
//! sorted by their residue to the stride, so that whatever the geometry, the elements of a patch
//! row for neighbouring results are neighbours.
//!
//! A band is as large as the part of the source, whatever the kernel: patches overlap in it.

use std::ops::Range;

use super::axis::Axis;
use crate::Float;
use crate::simd::{Lanes, Simd};

/// What patches are drawn from: planes of one image, and the taps along both axes.
///
/// Row p of the matrix of patches is the tap `p % cols.taps` of the columns and
/// `p / cols.taps % rows.taps` of the rows in channel `p / (rows.taps * cols.taps)`; its column j
/// is the result at row `j / cols.len` and column `j % cols.len`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gather<E> {
    /// The first plane of `channels`; the functions that read them require that they be readable.
    pub(crate) source: *const E,
    pub(crate) channels: usize,
    pub(crate) rows: Axis,
    pub(crate) cols: Axis,
}

impl<E: Float> Gather<E> {
    /// The rows of the matrix of patches.
    #[inline(always)]
    pub(crate) fn depth(&self) -> usize {
        self.channels * self.rows.taps * self.cols.taps
    }

    /// Its columns. Without images the number may overflow; it is not used then.
    #[inline(always)]
    pub(crate) fn results(&self) -> usize {
        self.rows.len.wrapping_mul(self.cols.len)
    }

    /// The elements of a plane of the source. Without planes the number may overflow; it is not
    /// used then.
    #[inline(always)]
    pub(crate) fn plane(&self) -> usize {
        self.rows.size.wrapping_mul(self.cols.size)
    }
}

/// The sizes of a band for some channels and results.
#[derive(Clone, Debug)]
pub(crate) struct Extent {
    channels: Range<usize>,
    /// The results: rows and columns.
    results: (Range<usize>, Range<usize>),
    rows: usize,
    /// The elements of a row of one residue, and how many residues there are.
    len: usize,
    phases: usize,
}

impl Extent {
    /// Of `channels` for the results in these rows and columns, none of them empty.
    #[inline(always)]
    pub(crate) fn new<E: Float>(
        gather: &Gather<E>,
        channels: Range<usize>,
        results: (Range<usize>, Range<usize>),
    ) -> Self {
        let farthest = gather.cols.taps.saturating_sub(1) * gather.cols.tap_step.unsigned_abs();
        Extent {
            rows: gather.rows.span(results.0.len()),
            len: results.1.len() + farthest / gather.cols.step,
            phases: gather.cols.step.min(farthest + 1),
            channels,
            results,
        }
    }

    /// The elements the band takes, with a vector of slack: whole vectors may be read from it.
    #[inline(always)]
    pub(crate) fn elements<E: Float, S: Simd>(&self) -> usize {
        self.channels.len() * self.rows * self.phases * self.len + 2 * E::Vector::<S>::LANES
    }
}

/// A filled band.
#[derive(Debug)]
pub(crate) struct Band<'a, E> {
    gather: &'a Gather<E>,
    extent: Extent,
    ptr: *const E,
}

impl<'a, E: Float> Band<'a, E> {
    /// Fills a band, with `around` where the source has no element.
    ///
    /// # Safety
    /// The gather's planes must be readable, and `to` writable for [`Extent::elements`].
    #[inline(always)]
    pub(crate) unsafe fn fill<S: Simd>(
        simd: S,
        gather: &'a Gather<E>,
        extent: Extent,
        around: E,
        to: *mut E,
    ) -> Self {
        let first_row = gather.rows.lowest(extent.results.0.start);
        let first_col = gather.cols.lowest(extent.results.1.start);
        let size = gather.cols.size as isize;
        let mut row_to = to;
        for channel in extent.channels.clone() {
            for row in 0..extent.rows as isize {
                let row = first_row + row;
                let inside = row >= 0 && row < gather.rows.size as isize;
                for phase in 0..extent.phases as isize {
                    // Float l is column `first + l * step` of the source.
                    let first = first_col + phase;
                    let step = gather.cols.step as isize;
                    let (mut from, mut until) = (0, 0);
                    if inside {
                        let len = extent.len as isize;
                        from = if first < 0 { (-first + step - 1) / step } else { 0 }.min(len);
                        until = if first < size { (size - first + step - 1) / step } else { 0 };
                        until = until.clamp(from, len);
                    }
                    // SAFETY: the elements from `from` to `until` lie in the row of the source; of
                    // the band the row is written and up to a vector after it, which is filled
                    // next or slack.
                    unsafe {
                        splat(simd, around, row_to, from as usize);
                        if until > from {
                            let start = row * size + first + from * step;
                            let source = gather
                                .source
                                .wrapping_add(channel * gather.plane())
                                .wrapping_offset(start);
                            let count = (until - from) as usize;
                            copy(simd, source, gather.cols.step, count, row_to.offset(from));
                        }
                        let behind = extent.len - until as usize;
                        splat(simd, around, row_to.offset(until), behind);
                        row_to = row_to.add(extent.len);
                    }
                }
            }
        }
        Band { gather, extent, ptr: to }
    }

    /// The channels it has.
    #[inline(always)]
    pub(crate) fn channels(&self) -> Range<usize> {
        self.extent.channels.clone()
    }

    /// From a row of the source to the next.
    #[inline(always)]
    fn row_stride(&self) -> usize {
        self.extent.phases * self.extent.len
    }

    /// From a channel to the next.
    #[inline(always)]
    pub(crate) fn channel_stride(&self) -> usize {
        self.extent.rows * self.row_stride()
    }

    /// From the taps of a row to those of the next.
    #[inline(always)]
    pub(crate) fn tap_stride(&self) -> isize {
        self.gather.rows.tap_step * self.row_stride() as isize
    }

    /// From the results of a row to those of the next.
    #[inline(always)]
    pub(crate) fn result_stride(&self) -> usize {
        self.gather.rows.step * self.row_stride()
    }

    /// Where the elements begin.
    #[inline(always)]
    pub(crate) fn ptr(&self) -> *const E {
        self.ptr
    }

    /// The taps of rows and columns.
    #[inline(always)]
    pub(crate) fn taps(&self) -> (usize, usize) {
        (self.gather.rows.taps, self.gather.cols.taps)
    }

    /// Where the band's first results find the first tap of the rows.
    #[inline(always)]
    pub(crate) fn first_tap(&self) -> isize {
        let (rows, first) = (&self.gather.rows, self.extent.results.0.start);
        (rows.source(first, 0) - rows.lowest(first)) * self.row_stride() as isize
    }

    /// Where the band's first results find a tap of the columns.
    #[inline(always)]
    pub(crate) fn shift(&self, tap: usize) -> usize {
        let (cols, first) = (&self.gather.cols, self.extent.results.1.start);
        let across = (cols.source(first, tap) - cols.lowest(first)) as usize;
        // A division only where there is something to divide.
        match cols.step {
            1 => across,
            step => across % step * self.extent.len + across / step,
        }
    }

    /// The elements that the results from here on have at the first tap of the rows in the first
    /// channel; [`shift`](Self::shift) is to be added.
    #[inline(always)]
    pub(crate) fn first(&self, row: usize, col: usize) -> *const E {
        self.ptr.wrapping_offset(self.first_tap()).wrapping_add(self.offset(row, col))
    }

    /// The distance from [`first`](Self::first) to the rows of the matrix of patches from `row` on.
    #[inline(always)]
    pub(crate) fn offsets(&self, row: usize, offsets: &mut [usize]) {
        let (rows, cols) = self.taps();
        let mut place = (row / (rows * cols), row / cols % rows, row % cols);
        for offset in offsets {
            let (channel, r, t) = place;
            let down = (channel - self.extent.channels.start) * self.channel_stride();
            // Taps upwards wrap, and come right when the whole is added up.
            *offset = (down + self.shift(t)).wrapping_add_signed(r as isize * self.tap_stride());
            place = match (t + 1 == cols, r + 1 == rows) {
                (false, _) => (channel, r, t + 1),
                (true, false) => (channel, r + 1, 0),
                (true, true) => (channel + 1, 0, 0),
            };
        }
    }

    /// The distance from the band's first result to another one.
    #[inline(always)]
    pub(crate) fn offset(&self, row: usize, col: usize) -> usize {
        (row - self.extent.results.0.start) * self.result_stride()
            + (col - self.extent.results.1.start)
    }
}

/// Writes `value` `count` times, in whole vectors.
///
/// # Safety
/// `to` must be writable for `count` rounded up to vectors.
#[inline(always)]
unsafe fn splat<E: Float, S: Simd>(simd: S, value: E, to: *mut E, count: usize) {
    let value = E::Vector::<S>::splat(simd, value);
    let mut i = 0;
    while i < count {
        // SAFETY: whole vectors from `i < count` on are writable, by this function's contract.
        unsafe { value.store_ptr(to.add(i)) };
        i += E::Vector::<S>::LANES;
    }
}

/// Copies `count` elements, `step` apart, writing whole vectors.
///
/// # Safety
/// They must be readable, `to` writable for `count` rounded up to vectors.
#[inline(always)]
unsafe fn copy<E: Float, S: Simd>(simd: S, from: *const E, step: usize, count: usize, to: *mut E) {
    let lanes = E::Vector::<S>::LANES;
    let mut i = 0;
    // SAFETY: `i < count`, whose element is readable and whose vector is writable, by this
    // function's contract.
    unsafe {
        if step == 2 {
            // Of a constant distance, which the compiler makes shuffles of.
            while i < count {
                to.add(i).write(from.add(i * 2).read());
                i += 1;
            }
            return;
        }
        if step != 1 {
            while i < count {
                to.add(i).write(from.add(i * step).read());
                i += 1;
            }
            return;
        }
        while count - i >= lanes {
            E::Vector::<S>::load_ptr(simd, from.add(i)).store_ptr(to.add(i));
            i += lanes;
        }
        if i < count {
            E::Vector::<S>::load_partial_ptr(simd, from.add(i), count - i).store_ptr(to.add(i));
        }
    }
}
