//! The maximum of a window, and where its gradient goes.

use super::geometry::PoolGeometry;
use super::windows::{Windows, walk};
use crate::Float;
use crate::conv::axis::Axis;
use crate::conv::band::Gather;
use crate::simd::{Kernel, Lanes, MAX_LANES, Simd};

/// One plane.
pub(super) struct Forward<'a, E> {
    pub(super) geometry: &'a PoolGeometry,
    pub(super) x: &'a [E],
    pub(super) y: &'a mut [E],
}

impl<E: Float> Kernel for Forward<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        walk(simd, self.geometry, self.x, &mut self);
    }
}

impl<E: Float> Windows<E> for Forward<'_, E> {
    const PADDING: E = E::NEG_INFINITY;
    type Seen<S: Simd> = E::Vector<S>;

    #[inline(always)]
    fn start<S: Simd>(&self, simd: S) -> E::Vector<S> {
        E::Vector::<S>::splat(simd, E::NEG_INFINITY)
    }

    #[inline(always)]
    fn see<S: Simd>(most: E::Vector<S>, x: E::Vector<S>, _: usize) -> E::Vector<S> {
        E::Vector::<S>::select(x.unordered(x), x, x.max(most))
    }

    #[inline(always)]
    fn finish<S: Simd>(
        &mut self,
        most: E::Vector<S>,
        gather: &Gather<E>,
        (row, col): (usize, usize),
        count: usize,
    ) {
        most.store_partial(&mut self.y[row * gather.cols.len + col..][..count]);
    }
}

/// What is done with the place of each window's first maximum.
pub(super) trait Take {
    /// The place for an output; there is none if its window sees nothing.
    fn take(&mut self, output: usize, place: Option<usize>);
}

/// The gradient: each output's, added up at the place.
pub(super) struct Scatter<'a, E> {
    pub(super) gy: &'a [E],
    pub(super) gx: &'a mut [E],
}

impl<E: Float> Take for Scatter<'_, E> {
    #[inline(always)]
    fn take(&mut self, output: usize, place: Option<usize>) {
        if let Some(place) = place {
            self.gx[place] += self.gy[output];
        }
    }
}

/// What lies at the place in another array, zero if there is none.
pub(super) struct Pick<'a, E> {
    pub(super) from: &'a [E],
    pub(super) y: &'a mut [E],
}

impl<E: Float> Take for Pick<'_, E> {
    #[inline(always)]
    fn take(&mut self, output: usize, place: Option<usize>) {
        self.y[output] = place.map_or(E::ZERO, |place| self.from[place]);
    }
}

/// The places of one plane.
pub(super) struct Places<'a, E, T> {
    pub(super) geometry: &'a PoolGeometry,
    pub(super) x: &'a [E],
    pub(super) take: T,
}

impl<E: Float, T: Take> Kernel for Places<'_, E, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        walk(simd, self.geometry, self.x, &mut self);
    }
}

impl<E: Float, T: Take> Windows<E> for Places<'_, E, T> {
    const PADDING: E = E::NEG_INFINITY;
    /// The maximum, and the place of the first one, counted from one; zero if all seen is as low as
    /// padding.
    type Seen<S: Simd> = (E::Vector<S>, E::Vector<S>);

    #[inline(always)]
    fn start<S: Simd>(&self, simd: S) -> Self::Seen<S> {
        (E::Vector::<S>::splat(simd, E::NEG_INFINITY), E::Vector::<S>::splat(simd, E::ZERO))
    }

    #[inline(always)]
    fn see<S: Simd>((most, place): Self::Seen<S>, x: E::Vector<S>, tap: usize) -> Self::Seen<S> {
        let first_nan = x.unordered(x) & !most.unordered(most);
        let higher = most.lt(x) | first_nan;
        let at = x.lit(E::from_f64((tap + 1) as f64));
        (E::Vector::<S>::select(higher, x, most), E::Vector::<S>::select(higher, at, place))
    }

    #[inline(always)]
    fn finish<S: Simd>(
        &mut self,
        (_, place): Self::Seen<S>,
        gather: &Gather<E>,
        (row, col): (usize, usize),
        count: usize,
    ) {
        let mut places = [E::ZERO; MAX_LANES];
        place.store(&mut places);
        for (col, place) in (col..).zip(&places[..count]) {
            let place = find(gather, row, col, place.to_f64() as usize);
            self.take.take(row * gather.cols.len + col, place);
        }
    }
}

/// The element at a place in the window of an output, counted from one; for zero the first that the
/// window sees.
#[inline(always)]
fn find<E: Float>(gather: &Gather<E>, row: usize, col: usize, place: usize) -> Option<usize> {
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
