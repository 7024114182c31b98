//! The maximum of a window, and where its gradient goes.

use super::geometry::PoolGeometry;
use crate::Element;
use crate::conv::axis::Axis;
use crate::conv::band::{Band, Extent, Gather};
use crate::gemm::implicit::Scratch;
use crate::simd::{Kernel, Lanes, MAX_LANES, Simd};

/// The elements of a band: about half of the first-level cache.
const BAND: usize = 4 << 10;

/// What the windows of a plane see.
#[inline(always)]
pub(super) fn gather<E: Element>(geometry: &PoolGeometry, x: &[E]) -> Gather<E> {
    let axis = |axis: usize| {
        let (size, len) = (geometry.input()[axis], geometry.output()[axis]);
        Axis::window(&geometry.window(), axis, size, len)
    };
    Gather { source: x.as_ptr(), channels: 1, rows: axis(0), cols: axis(1) }
}

/// So many rows of output are worth a band.
#[inline(always)]
pub(super) fn rows_of_band<E: Element>(gather: &Gather<E>) -> usize {
    if gather.rows.step > gather.rows.span(1) {
        // Between the rows seen are others that are not.
        return 1;
    }
    let row = gather.cols.span(gather.cols.len) * gather.rows.step;
    (BAND / row).clamp(1, gather.rows.len)
}

/// One plane.
pub(super) struct Forward<'a, E> {
    pub(super) geometry: &'a PoolGeometry,
    pub(super) x: &'a [E],
    pub(super) y: &'a mut [E],
}

impl<E: Element> Kernel for Forward<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let gather = gather(self.geometry, self.x);
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
            let band = unsafe { Band::fill(simd, &gather, extent, E::NEG_INFINITY, buffer) };
            for row in first..end {
                let mut col = 0;
                while col < cols {
                    let count = lanes.min(cols - col);
                    let here = band.first(row, col);
                    let mut most = E::Vector::<S>::splat(simd, E::NEG_INFINITY);
                    for r in 0..gather.rows.taps as isize {
                        let line = here.wrapping_offset(r * band.tap_stride());
                        for t in 0..gather.cols.taps {
                            // SAFETY: the band has what the window sees, and a vector of slack.
                            let x = unsafe {
                                E::Vector::<S>::load_ptr(simd, line.wrapping_add(band.shift(t)))
                            };
                            most = E::Vector::<S>::select(x.unordered(x), x, x.max(most));
                        }
                    }
                    most.store_partial(&mut self.y[row * cols + col..][..count]);
                    col += count;
                }
            }
            first = end;
        }
    }
}

/// One plane of the gradient.
pub(super) struct Backward<'a, E> {
    pub(super) geometry: &'a PoolGeometry,
    pub(super) x: &'a [E],
    pub(super) gy: &'a [E],
    pub(super) gx: &'a mut [E],
}

impl<E: Element> Kernel for Backward<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let gather = gather(self.geometry, self.x);
        let (rows, cols) = (gather.rows.len, gather.cols.len);
        let lanes = E::Vector::<S>::LANES;
        let step = rows_of_band(&gather);
        self.gx.fill(E::ZERO);
        let mut scratch = Scratch::take();
        let mut first = 0;
        while first < rows {
            let end = (first + step).min(rows);
            let extent = Extent::new(&gather, 0..1, (first..end, 0..cols));
            let buffer = scratch.get::<E>(extent.elements::<E, S>());
            // SAFETY: the buffer is as long as asked for, the plane a slice.
            let band = unsafe { Band::fill(simd, &gather, extent, E::NEG_INFINITY, buffer) };
            for row in first..end {
                let mut col = 0;
                while col < cols {
                    let count = lanes.min(cols - col);
                    let here = band.first(row, col);
                    let mut most = E::Vector::<S>::splat(simd, E::NEG_INFINITY);
                    // The place of the first maximum, counted from one; zero if all seen is as low as
                    // padding.
                    let mut place = E::Vector::<S>::splat(simd, E::ZERO);
                    let mut at = E::ONE;
                    for r in 0..gather.rows.taps as isize {
                        let line = here.wrapping_offset(r * band.tap_stride());
                        for t in 0..gather.cols.taps {
                            // SAFETY: the band has what the window sees, and a vector of slack.
                            let x = unsafe {
                                E::Vector::<S>::load_ptr(simd, line.wrapping_add(band.shift(t)))
                            };
                            let first_nan = x.unordered(x) & !most.unordered(most);
                            let higher = most.lt(x) | first_nan;
                            most = E::Vector::<S>::select(higher, x, most);
                            place = E::Vector::<S>::select(higher, x.lit(at), place);
                            at += E::ONE;
                        }
                    }
                    let mut places = [E::ZERO; MAX_LANES];
                    place.store(&mut places);
                    let gy = &self.gy[row * cols + col..][..count];
                    for (j, (&gy, &place)) in gy.iter().zip(&places).enumerate() {
                        if let Some(to) = find(&gather, row, col + j, place.to_f64() as usize) {
                            self.gx[to] += gy;
                        }
                    }
                    col += count;
                }
            }
            first = end;
        }
    }
}

/// The element at a place in the window of an output, counted from one; for zero the first that the
/// window sees.
#[inline(always)]
fn find<E: Element>(gather: &Gather<E>, row: usize, col: usize, place: usize) -> Option<usize> {
    let (rows, cols) = (&gather.rows, &gather.cols);
    let (r, t) = match place {
        0 => (seen_first(rows, row)?, seen_first(cols, col)?),
        place => ((place - 1) / cols.taps, (place - 1) % cols.taps),
    };
    Some(rows.source(row, r) as usize * cols.size + cols.source(col, t) as usize)
}

/// The first tap that is within the source.
#[cold]
fn seen_first(axis: &Axis, i: usize) -> Option<usize> {
    (0..axis.taps).find(|&tap| (0..axis.size as isize).contains(&axis.source(i, tap)))
}
