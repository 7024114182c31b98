//! Windows of two rows and two columns that lie side by side, the pool of most small networks:
//! neighbours are taken apart and put together in registers.

use super::geometry::PoolGeometry;
use super::max;
use super::windows::Windows;
use crate::Float;
use crate::simd::{Kernel, Lanes, Simd};
use crate::window::Window;

/// Whether a pool is of this kind.
pub(super) fn are(geometry: &PoolGeometry) -> bool {
    let window = Window::new([2, 2]).stride([2, 2]);
    let within = |axis: usize| 2 * geometry.output()[axis] <= geometry.input()[axis];
    geometry.window() == window && within(0) && within(1)
}

/// Reads `count` pairs of neighbours from `row` on, at most a vector's lanes of them: the first of
/// each, and the second.
#[inline(always)]
fn pairs<E: Float, S: Simd>(simd: S, row: &[E], count: usize) -> [E::Vector<S>; 2] {
    let lanes = E::Vector::<S>::LANES;
    if count == lanes {
        let second = E::Vector::<S>::load(simd, &row[lanes..]);
        return E::Vector::<S>::load(simd, row).deinterleave(second);
    }
    let (first, second) = row[..2 * count].split_at(lanes.min(2 * count));
    let first = E::Vector::<S>::load_partial(simd, first);
    first.deinterleave(E::Vector::<S>::load_partial(simd, second))
}

/// Writes `count` pairs of neighbours.
#[inline(always)]
fn put_pairs<E: Float, S: Simd>([first, second]: [E::Vector<S>; 2], row: &mut [E], count: usize) {
    let lanes = E::Vector::<S>::LANES;
    let (low, high) = row[..2 * count].split_at_mut(lanes.min(2 * count));
    let [first, second] = first.interleave(second);
    first.store_partial(low);
    second.store_partial(high);
}

/// What [`Windows::see`] makes of the four elements of `count` windows.
#[inline(always)]
fn seen<E: Float, S: Simd, W: Windows<E>>(
    simd: S,
    windows: &W,
    [above, below]: [&[E]; 2],
    count: usize,
) -> W::Seen<S> {
    // No closures: what stands in one is not compiled for the level.
    let mut seen = windows.start(simd);
    let [a, b] = pairs::<E, S>(simd, above, count);
    let [c, d] = pairs::<E, S>(simd, below, count);
    for (tap, x) in [a, b, c, d].into_iter().enumerate() {
        seen = W::see::<S>(seen, x, tap);
    }
    seen
}

/// The maxima of a plane.
pub(super) struct Forward<'a, E>(pub(super) max::Forward<'a, E>);

impl<E: Float> Kernel for Forward<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let plane = &mut self.0;
        let ([_, width], [_, cols]) = (plane.geometry.input(), plane.geometry.output());
        let lanes = E::Vector::<S>::LANES;
        let rows = plane.x.chunks_exact(2 * width).zip(0..plane.geometry.output()[0]);
        for (two, row) in rows {
            let (above, below) = two.split_at(width);
            for col in (0..cols).step_by(lanes) {
                let count = lanes.min(cols - col);
                let sources = [&above[2 * col..], &below[2 * col..]];
                let most = seen(simd, plane, sources, count);
                most.store_partial(&mut plane.y[row * cols + col..][..count]);
            }
        }
    }
}

/// The means of a plane: no window has padding, so all are of four elements.
pub(super) struct Means<'a, E> {
    pub(super) geometry: &'a PoolGeometry,
    pub(super) x: &'a [E],
    pub(super) y: &'a mut [E],
}

impl<E: Float> Kernel for Means<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let ([_, width], [rows, cols]) = (self.geometry.input(), self.geometry.output());
        let lanes = E::Vector::<S>::LANES;
        let zero = E::Vector::<S>::splat(simd, E::ZERO);
        let quarter = E::Vector::<S>::splat(simd, E::from_f64(0.25));
        for (two, row) in self.x.chunks_exact(2 * width).zip(0..rows) {
            let (above, below) = two.split_at(width);
            for col in (0..cols).step_by(lanes) {
                let count = lanes.min(cols - col);
                let [a, b] = pairs::<E, S>(simd, &above[2 * col..], count);
                let [c, d] = pairs::<E, S>(simd, &below[2 * col..], count);
                // From zero on, as other windows are: of four negative zeros, too.
                let mean = (zero + a + b + c + d) * quarter;
                mean.store_partial(&mut self.y[row * cols + col..][..count]);
            }
        }
    }
}

/// The gradient of the means of a plane.
pub(super) struct MeansGrad<'a, E> {
    pub(super) geometry: &'a PoolGeometry,
    pub(super) gy: &'a [E],
    pub(super) gx: &'a mut [E],
}

impl<E: Float> Kernel for MeansGrad<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let ([_, width], [rows, cols]) = (self.geometry.input(), self.geometry.output());
        let lanes = E::Vector::<S>::LANES;
        let quarter = E::Vector::<S>::splat(simd, E::from_f64(0.25));
        let (seen, unseen) = self.gx.split_at_mut(2 * rows * width);
        for (two, row) in seen.chunks_exact_mut(2 * width).zip(0..rows) {
            let (above, below) = two.split_at_mut(width);
            for col in (0..cols).step_by(lanes) {
                let count = lanes.min(cols - col);
                let gy = &self.gy[row * cols + col..][..count];
                let share = E::Vector::<S>::load_partial(simd, gy) * quarter;
                put_pairs::<E, S>([share, share], &mut above[2 * col..], count);
                put_pairs::<E, S>([share, share], &mut below[2 * col..], count);
            }
            above[2 * cols..].fill(E::ZERO);
            below[2 * cols..].fill(E::ZERO);
        }
        unseen.fill(E::ZERO);
    }
}

/// The gradient of the maxima of a plane.
pub(super) struct Backward<'a, E>(pub(super) max::Places<'a, E, max::Scatter<'a, E>>);

impl<E: Float> Kernel for Backward<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let plane = &mut self.0;
        let ([_, width], [rows, cols]) = (plane.geometry.input(), plane.geometry.output());
        let lanes = E::Vector::<S>::LANES;
        let zero = E::Vector::<S>::splat(simd, E::ZERO);
        let mut taps = [zero; 4];
        for (tap, number) in taps.iter_mut().enumerate() {
            *number = E::Vector::<S>::splat(simd, E::from_f64((tap + 1) as f64));
        }
        for row in 0..rows {
            let at = 2 * row * width;
            let two = &plane.x[at..][..2 * width];
            let (above, below) = two.split_at(width);
            for col in (0..cols).step_by(lanes) {
                let count = lanes.min(cols - col);
                let sources = [&above[2 * col..], &below[2 * col..]];
                let (_, place) = seen(simd, plane, sources, count);
                let gy =
                    E::Vector::<S>::load_partial(simd, &plane.take.gy[row * cols + col..][..count]);
                let mut to = [zero; 4];
                for (to, tap) in to.iter_mut().zip(taps) {
                    *to = E::Vector::<S>::select(place.eq(tap), gy, zero);
                }
                // All as low as padding: the first has it.
                to[0] = E::Vector::<S>::select(place.le(taps[0]), gy, zero);
                let (to_above, to_below) = plane.take.gx[at..][..2 * width].split_at_mut(width);
                put_pairs::<E, S>([to[0], to[1]], &mut to_above[2 * col..], count);
                put_pairs::<E, S>([to[2], to[3]], &mut to_below[2 * col..], count);
            }
            if 2 * cols < width {
                for line in plane.take.gx[at..][..2 * width].chunks_exact_mut(width) {
                    line[2 * cols..].fill(E::ZERO);
                }
            }
        }
        plane.take.gx[2 * rows * width..].fill(E::ZERO);
    }
}
