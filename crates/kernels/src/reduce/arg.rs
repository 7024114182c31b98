//! The position of the first largest or smallest element.

use crate::Float;
use crate::simd::{Kernel, Lanes, Mask as _, Simd};

use super::fold::{Fold, fold_lanes, fold_vectors};
use super::kinds::{Max, Min};

/// Which of two elements is ahead.
pub(super) trait Order<E: Float>: Fold<E> {
    /// `x` is ahead of `best`, neither being NaN.
    fn ahead<V: Lanes<Elem = E>>(self, x: V, best: V) -> V::Mask;
}

impl<E: Float> Order<E> for Max {
    #[inline(always)]
    fn ahead<V: Lanes<Elem = E>>(self, x: V, best: V) -> V::Mask {
        best.lt(x)
    }
}

impl<E: Float> Order<E> for Min {
    #[inline(always)]
    fn ahead<V: Lanes<Elem = E>>(self, x: V, best: V) -> V::Mask {
        x.lt(best)
    }
}

/// The elements searched at a time. Only where a chunk has the best element so far is it read
/// again, from the first-level cache, for the place.
const CHUNK: usize = 4096;

/// The position of the best element of every row.
pub(super) struct RowArg<'a, E, O> {
    pub(super) order: O,
    pub(super) x: &'a [E],
    pub(super) cols: usize,
    pub(super) out: &'a mut [usize],
}

impl<E: Float, O: Order<E>> Kernel for RowArg<'_, E, O> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for (row, out) in self.x.chunks_exact(self.cols).zip(self.out) {
            *out = position(simd, self.order, row);
        }
    }
}

#[inline(always)]
fn position<S: Simd, E: Float, O: Order<E>>(simd: S, order: O, row: &[E]) -> usize {
    let (mut best, mut place) = (None, 0);
    for (chunk, x) in row.chunks(CHUNK).enumerate() {
        // SAFETY: the pointer and the length are the chunk's.
        let here = fold_lanes(order, unsafe { fold_vectors(simd, order, x.as_ptr(), x.len()) });
        let better = match best {
            None => true,
            Some(best) => order.combine_scalars(best, here) != best || here.is_nan(),
        };
        if better {
            best = Some(here);
            place = chunk * CHUNK + find(simd, x, here);
            if here.is_nan() {
                break;
            }
        }
    }
    place
}

/// Where in `x` the first element equal to `value` is, all NaNs being equal.
#[inline(always)]
fn find<S: Simd, E: Float>(simd: S, x: &[E], value: E) -> usize {
    let lanes = E::Vector::<S>::LANES;
    let wanted = E::Vector::<S>::splat(simd, value);
    let mut start = 0;
    if !value.is_nan() {
        while x.len() - start >= lanes && !E::Vector::<S>::load(simd, &x[start..]).eq(wanted).any()
        {
            start += lanes;
        }
    }
    let same = |x: &E| *x == value || (x.is_nan() && value.is_nan());
    start + x[start..].iter().position(same).expect("the best element is one of the elements")
}

/// The rows after which the places, counted in lanes of elements, are written down.
const ROWS: usize = 4096;

/// The position of the best element of some columns of a `rows x stride` matrix.
pub(super) struct ColumnArg<'a, E, O> {
    pub(super) order: O,
    pub(super) x: &'a [E],
    pub(super) rows: usize,
    pub(super) stride: usize,
    /// The first column; `out` has an element for each.
    pub(super) first: usize,
    pub(super) out: &'a mut [usize],
}

impl<E: Float, O: Order<E>> Kernel for ColumnArg<'_, E, O> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let lanes = E::Vector::<S>::LANES;
        let Self { order, x, rows, stride, first, out } = self;
        let none = E::Vector::<S>::splat(simd, -E::ONE);
        for (tile, out) in out.chunks_mut(lanes).enumerate() {
            let count = out.len();
            let row = |i: usize| {
                let start = i * stride + first + tile * lanes;
                &x[start..start + count]
            };
            let mut best = load_row(simd, row(0));
            out.fill(0);
            for top in (0..rows).step_by(ROWS) {
                let mut place = none;
                for i in top..rows.min(top + ROWS) {
                    let x = load_row(simd, row(i));
                    let nan = x.unordered(x) & !best.unordered(best);
                    let better = order.ahead(x, best) | nan;
                    best = E::Vector::<S>::select(better, x, best);
                    let i = E::Vector::<S>::splat(simd, E::from_f64((i - top) as f64));
                    place = E::Vector::<S>::select(better, i, place);
                }
                let mut places = [E::ZERO; crate::simd::MAX_LANES];
                place.store(&mut places);
                for (out, place) in out.iter_mut().zip(places).filter(|(_, at)| *at >= E::ZERO) {
                    *out = top + place.to_f64() as usize;
                }
            }
        }
    }
}

/// At most a vector of elements.
#[inline(always)]
fn load_row<S: Simd, E: Float>(simd: S, row: &[E]) -> E::Vector<S> {
    if row.len() == E::Vector::<S>::LANES {
        E::Vector::<S>::load(simd, row)
    } else {
        E::Vector::<S>::load_partial(simd, row)
    }
}
