//! Patches packed by rows, and planes packed by columns: the operands of the gradient by the
//! weight.

use super::axis::Axis;
use super::band::{Band, Extent, Gather};
use super::patches::{Rectangles, Walk, prefetch};
use crate::Float;
use crate::gemm::implicit::{
    LINE, Left, Right, Scratch, Share, Strided, VECTORS, crowded, pack_b, panel_width,
};
use crate::simd::{Kernel, Lanes, Simd};
use crate::vectors;

/// The matrix of patches as the left operand: its columns are the results of all images, one after
/// another.
#[derive(Clone, Copy, Debug)]
pub(super) struct PatchRows<E> {
    /// Of the first image.
    pub(super) gather: Gather<E>,
    /// From an image to the next.
    pub(super) image_stride: usize,
    /// The row of the matrix of patches that is row 0.
    pub(super) first: usize,
}

impl<E: Float> PatchRows<E> {
    /// The elements from a packed row to the next: room for a vector written past the end.
    #[inline(always)]
    fn stride<S: Simd>(depth: usize) -> usize {
        let lanes = E::Vector::<S>::LANES;
        let stride = depth.next_multiple_of(lanes) + lanes;
        if crowded::<E>(stride as isize) { stride + lanes } else { stride }
    }
}

/// The rows of the matrix of patches for the first tap of the rows, as the left operand of as many
/// products as there are taps: where windows move by one row at a time, what one tap sees is what
/// the first one sees some rows further on.
#[derive(Clone, Copy, Debug)]
pub(super) struct PatchRowsByTap<E> {
    patches: PatchRows<E>,
    taps: usize,
    /// From what a tap sees to what the next one does.
    deeper: usize,
}

impl<E: Float> PatchRowsByTap<E> {
    /// The rows from `first` on, of the image that is the gather's source. A row is a tap of the
    /// columns in a channel.
    pub(super) fn new(gather: &Gather<E>, first: usize) -> Self {
        debug_assert!(gather.rows.step == 1 && gather.rows.tap_step > 0);
        let (taps, tap_step) = (gather.rows.taps, gather.rows.tap_step as usize);
        let rows = Axis { len: gather.rows.len + (taps - 1) * tap_step, taps: 1, ..gather.rows };
        let patches = PatchRows { gather: Gather { rows, ..*gather }, image_stride: 0, first };
        PatchRowsByTap { patches, taps, deeper: tap_step * gather.cols.len }
    }

    /// How much more is packed than a product is deep.
    #[inline(always)]
    pub(super) fn extra(&self) -> usize {
        (self.taps - 1) * self.deeper
    }
}

impl<E: Float> Left<E> for PatchRowsByTap<E> {
    #[inline(always)]
    fn packed_len<S: Simd>(&self, rows: usize, depth: usize) -> usize {
        self.patches.packed_len::<S>(rows, depth + self.extra())
    }

    #[inline(always)]
    unsafe fn pack<S: Simd>(
        &self,
        simd: S,
        rows: (usize, usize),
        (from, depth): (usize, usize),
        to: *mut E,
    ) -> Strided<E> {
        // SAFETY: `packed_len` has room for the extra depth; the rest is the same contract.
        unsafe { self.patches.pack(simd, rows, (from, depth + self.extra()), to) }
    }

    #[inline(always)]
    fn repeats(&self) -> (usize, usize) {
        (self.taps, self.deeper)
    }

    #[inline(always)]
    fn prefetch(&self, rows: (usize, usize), (from, depth): (usize, usize), share: Share) {
        self.patches.prefetch(rows, (from, depth + self.extra()), share);
    }
}

impl<E: Float> Left<E> for PatchRows<E> {
    #[inline(always)]
    fn packed_len<S: Simd>(&self, rows: usize, depth: usize) -> usize {
        rows * Self::stride::<S>(depth)
    }

    #[inline(always)]
    unsafe fn pack<S: Simd>(
        &self,
        simd: S,
        (row, rows): (usize, usize),
        depth: (usize, usize),
        to: *mut E,
    ) -> Strided<E> {
        // SAFETY: the contract of `Left::pack` is that of `pack_rows`.
        unsafe { pack_rows(simd, self, (self.first + row, rows), depth, to) };
        Strided { ptr: to, row_stride: Self::stride::<S>(depth.1) as isize, col_stride: 1 }
    }

    #[inline(always)]
    fn prefetch(&self, (row, rows): (usize, usize), (from, depth): (usize, usize), share: Share) {
        let results = self.gather.results();
        let (image, first) = (from / results, from % results);
        let source = self.gather.source.wrapping_add(image * self.image_stride);
        let gather = Gather { source, ..self.gather };
        let rows = (self.first + row, rows);
        prefetch(&gather, rows, (first, depth.min(results - first)), share);
    }
}

/// # Safety
/// As for [`Left::pack`].
#[inline(never)]
unsafe fn pack_rows<E: Float, S: Simd>(
    simd: S,
    patches: &PatchRows<E>,
    rows: (usize, usize),
    depth: (usize, usize),
    to: *mut E,
) {
    // SAFETY: the contract of this function is that of `PackRows::new`.
    simd.vectorize(unsafe { PackRows::new(patches, rows, depth, to) });
}

struct PackRows<'a, E> {
    patches: &'a PatchRows<E>,
    rows: (usize, usize),
    depth: (usize, usize),
    to: *mut E,
}

impl<'a, E> PackRows<'a, E> {
    /// # Safety
    /// As for [`Left::pack`], while it runs.
    unsafe fn new(
        patches: &'a PatchRows<E>,
        rows: (usize, usize),
        depth: (usize, usize),
        to: *mut E,
    ) -> Self {
        Self { patches, rows, depth, to }
    }
}

impl<E: Float> Kernel for PackRows<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { patches, rows: (row, rows), depth: (from, depth), to } = self;
        let lanes = E::Vector::<S>::LANES;
        let results = patches.gather.results();
        let taps = patches.gather.rows.taps * patches.gather.cols.taps;
        let channels = row / taps..(row + rows - 1) / taps + 1;
        let stride = PatchRows::<E>::stride::<S>(depth);
        let mut done = 0;
        while done < depth {
            let (image, first) = ((from + done) / results, (from + done) % results);
            let count = (depth - done).min(results - first);
            let source = patches.gather.source.wrapping_add(image * patches.image_stride);
            let gather = Gather { source, ..patches.gather };
            let mut rectangles = Rectangles::new(&gather, first, count);
            while let Some((results, range)) = rectangles.next() {
                let extent = Extent::new(&gather, channels.clone(), results.clone());
                let mut scratch = Scratch::take();
                let buffer = scratch.get::<E>(extent.elements::<E, S>());
                // SAFETY: the buffer is as long as asked for, and `new` states that the planes are
                // readable.
                let band = unsafe { Band::fill(simd, &gather, extent, E::ZERO, buffer) };
                let mut walk = Walk::new(&band, row);
                let len = gather.cols.len;
                let until = to.wrapping_add(done + range.len());
                for i in 0..rows {
                    let mut to = to.wrapping_add(i * stride + done);
                    let until = until.wrapping_add(i * stride);
                    let mut col = range.start - results.0.start * len;
                    for result_row in results.0.clone() {
                        let mut from = walk.here().wrapping_add(band.offset(result_row, col));
                        let left = (until as usize - to as usize) / size_of::<E>();
                        let run = (len - col).min(left);
                        let end = to.wrapping_add(run);
                        while to < end {
                            // SAFETY: the run lies in the row and the band; what is written after
                            // it is written next, or the row's slack.
                            unsafe { E::Vector::<S>::load_ptr(simd, from).store_ptr(to) };
                            from = from.wrapping_add(lanes);
                            to = to.wrapping_add(lanes);
                        }
                        to = end;
                        col = 0;
                    }
                    walk.advance();
                }
                done += range.len();
            }
        }
    }
}

/// A batch of planes as the right operand: row q is position `q % plane` of image `q / plane`,
/// column j channel j.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planes<E> {
    /// The first plane of the first image.
    pub(super) ptr: *const E,
    pub(super) plane: usize,
    pub(super) image_stride: usize,
}

impl<E: Float> Right<E> for Planes<E> {
    #[inline(always)]
    unsafe fn pack<S: Simd>(
        &self,
        simd: S,
        (from, depth): (usize, usize),
        (col, cols): (usize, usize),
        to: *mut E,
    ) {
        let full = VECTORS * E::Vector::<S>::LANES;
        let mut panel = 0;
        while panel < cols {
            let count = full.min(cols - panel);
            let width = panel_width::<E, S>(count);
            let mut done = 0;
            while done < depth {
                let (image, position) = ((from + done) / self.plane, (from + done) % self.plane);
                let rows = (depth - done).min(self.plane - position);
                let at = image * self.image_stride + (col + panel) * self.plane + position;
                let ptr = self.ptr.wrapping_add(at);
                let block = Strided { ptr, row_stride: 1, col_stride: self.plane as isize };
                // SAFETY: the block lies in the planes and its place in the packed elements, which
                // may be accessed by the contract of `Right::pack`.
                unsafe {
                    let to = to.add(panel * depth + done * width);
                    pack_b(simd, block, rows, count, to);
                }
                done += rows;
            }
            panel += count;
        }
    }

    #[inline(always)]
    fn prefetch(&self, (from, depth): (usize, usize), (col, cols): (usize, usize), share: Share) {
        let (image, position) = (from / self.plane, from % self.plane);
        let count = depth.min(self.plane - position);
        for channel in share.of(cols) {
            let start = image * self.image_stride + (col + channel) * self.plane + position;
            for at in (0..count).step_by(LINE / size_of::<E>()) {
                vectors::prefetch(self.ptr.wrapping_add(start + at));
            }
        }
    }
}
