//! Means of bins that divide the input evenly, and their gradient.

use super::geometry::AdaptiveGeometry;
use crate::Float;
use crate::gemm::implicit::Scratch;
use crate::simd::{Kernel, Simd};

/// One plane.
pub(super) struct Forward<'a, E> {
    pub(super) geometry: &'a AdaptiveGeometry,
    pub(super) x: &'a [E],
    pub(super) y: &'a mut [E],
}

impl<E: Float> Kernel for Forward<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { geometry, x, y } = self;
        let (width, cols) = (geometry.input()[1], geometry.output()[1]);
        let mut scratch = Scratch::take();
        let line = line::<E>(&mut scratch, width);
        for (row, y) in y.chunks_exact_mut(cols).enumerate() {
            let rows = geometry.bin(0, row);
            // The rows of the bin first: they lie in vectors.
            line.fill(E::ZERO);
            for x in x[rows.start * width..rows.end * width].chunks_exact(width) {
                for (sum, &x) in line.iter_mut().zip(x) {
                    *sum += x;
                }
            }
            for (col, y) in y.iter_mut().enumerate() {
                let cols = geometry.bin(1, col);
                let count = E::from_f64((rows.len() * cols.len()) as f64);
                *y = line[cols].iter().copied().sum::<E>() / count;
            }
        }
    }
}

/// One plane of the gradient.
pub(super) struct Backward<'a, E> {
    pub(super) geometry: &'a AdaptiveGeometry,
    pub(super) gy: &'a [E],
    pub(super) gx: &'a mut [E],
}

impl<E: Float> Kernel for Backward<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { geometry, gy, gx } = self;
        let (width, cols) = (geometry.input()[1], geometry.output()[1]);
        let mut scratch = Scratch::take();
        let line = line::<E>(&mut scratch, width);
        gx.fill(E::ZERO);
        if cols == 0 {
            return;
        }
        for (row, gy) in gy.chunks_exact(cols).enumerate() {
            let rows = geometry.bin(0, row);
            line.fill(E::ZERO);
            for (col, &gy) in gy.iter().enumerate() {
                let cols = geometry.bin(1, col);
                let share = gy / E::from_f64((rows.len() * cols.len()) as f64);
                for sum in &mut line[cols] {
                    *sum += share;
                }
            }
            for gx in gx[rows.start * width..rows.end * width].chunks_exact_mut(width) {
                for (gx, &sum) in gx.iter_mut().zip(&*line) {
                    *gx += sum;
                }
            }
        }
    }
}

/// A row of sums.
#[inline(always)]
fn line<E: Float>(scratch: &mut Scratch, width: usize) -> &mut [E] {
    let ptr = scratch.get::<E>(width);
    // SAFETY: the scratch has that number of initialised elements, and is borrowed for as long.
    unsafe { std::slice::from_raw_parts_mut(ptr, width) }
}
