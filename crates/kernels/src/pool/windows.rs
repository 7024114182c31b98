//! The walk over all windows of a plane, a vector of them at a time.

use super::geometry::PoolGeometry;
use crate::Float;
use crate::conv::axis::Axis;
use crate::conv::band::{Band, Extent, Gather};
use crate::gemm::implicit::Scratch;
use crate::simd::{Lanes, Simd};

/// The elements of a band: about half of the first-level cache.
const BAND: usize = 4 << 10;

/// What the windows of a plane see.
#[inline(always)]
pub(super) fn gather<E: Float>(geometry: &PoolGeometry, x: &[E]) -> Gather<E> {
    let axis = |axis: usize| {
        let (size, len) = (geometry.input()[axis], geometry.output()[axis]);
        Axis::window(&geometry.window(), axis, size, len)
    };
    Gather { source: x.as_ptr(), channels: 1, rows: axis(0), cols: axis(1) }
}

/// Number of rows of output that are worth a band.
#[inline(always)]
fn rows_of_band<E: Float>(gather: &Gather<E>) -> usize {
    if gather.rows.step > gather.rows.span(1) {
        // Between the rows seen are others that are not.
        return 1;
    }
    let row = gather.cols.span(gather.cols.len) * gather.rows.step;
    (BAND / row).clamp(1, gather.rows.len)
}

/// What is made of the elements that each window of a plane sees.
pub(super) trait Windows<E: Float> {
    /// What padding counts as.
    const PADDING: E;

    /// What has been made of the elements seen so far, of neighbouring windows.
    type Seen<S: Simd>: Copy;

    /// The state before the first element.
    fn start<S: Simd>(&self, simd: S) -> Self::Seen<S>;

    /// The state with element `tap` of each window, in row-major order.
    fn see<S: Simd>(seen: Self::Seen<S>, x: E::Vector<S>, tap: usize) -> Self::Seen<S>;

    /// Of `count` windows from output (`row`, `col`) on, all has been seen.
    fn finish<S: Simd>(
        &mut self,
        seen: Self::Seen<S>,
        gather: &Gather<E>,
        at: (usize, usize),
        count: usize,
    );
}

/// Visits all windows of the plane `x`, taps in row-major order.
#[inline(always)]
pub(super) fn walk<E: Float, S: Simd, W: Windows<E>>(
    simd: S,
    geometry: &PoolGeometry,
    x: &[E],
    windows: &mut W,
) {
    let gather = gather(geometry, x);
    let (rows, cols) = (gather.rows.len, gather.cols.len);
    let lanes = E::Vector::<S>::LANES;
    let step = rows_of_band(&gather);
    let mut scratch = Scratch::take();
    let mut first = 0;
    while first < rows {
        let end = (first + step).min(rows);
        let extent = Extent::new(&gather, 0..1, (first..end, 0..cols));
        let buffer = scratch.get::<E>(extent.elements::<E, S>());
        // SAFETY: the buffer is as long as asked for, the plane a slice.
        let band = unsafe { Band::fill(simd, &gather, extent, W::PADDING, buffer) };
        for row in first..end {
            let mut col = 0;
            while col < cols {
                let here = band.first(row, col);
                let mut seen = windows.start(simd);
                for r in 0..gather.rows.taps {
                    let line = here.wrapping_offset(r as isize * band.tap_stride());
                    for t in 0..gather.cols.taps {
                        // SAFETY: the band has what the window sees, and a vector of slack.
                        let x = unsafe {
                            E::Vector::<S>::load_ptr(simd, line.wrapping_add(band.shift(t)))
                        };
                        seen = W::see::<S>(seen, x, r * gather.cols.taps + t);
                    }
                }
                let count = lanes.min(cols - col);
                windows.finish::<S>(seen, &gather, (row, col), count);
                col += count;
            }
        }
        first = end;
    }
}
