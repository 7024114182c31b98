//! A line of a matrix, on vectors: a row, whose neighbours fill a vector, or as many columns side
//! by side as a vector has lanes. What is computed along a line is written once for both.

use std::marker::PhantomData;

use crate::Float;
use crate::math::log_lanes as log;
use crate::simd::{Lanes, Simd};
use crate::vectors::{load, load_filled, prefetch, store};

/// The elements of a line that is long.
const LONG: usize = 1024;

/// Where the vectors of a line lie, and what makes one number (a *value*) of a line's vector.
pub(crate) trait Line<S: Simd, E: Float>: Copy {
    /// The number of whole vectors.
    fn whole(self) -> usize;

    /// The number of partial vectors, which come after the whole ones.
    fn partial(self) -> usize;

    /// The lanes of a partial vector.
    fn count(self) -> usize;

    /// Where vector `k` starts.
    fn offset(self, k: usize) -> usize;

    /// The token.
    fn simd(self) -> S;

    /// How far the next line is that will be asked for.
    fn step(self) -> usize;

    /// Whether lines are so long that the memory's latency counts at their beginnings.
    fn is_long(self) -> bool;

    /// The number of lines, the elements of each, and the distance between them. The first element
    /// of line `i` is element `i` from the first line's on.
    fn extent(self) -> [usize; 3];

    /// In a pass that does not read `x` from memory: asks for vector `k` of its next line, if lines
    /// are long.
    #[inline(always)]
    fn prefetch_next(self, x: *const E, k: usize) {
        if self.is_long() {
            prefetch(x.wrapping_add(self.offset(k) + self.step()));
        }
    }

    /// The largest number of the line in every lane.
    fn gather_max(self, v: E::Vector<S>) -> E::Vector<S>;

    /// The line's sum in every lane.
    fn gather_sum(self, v: E::Vector<S>) -> E::Vector<S>;

    /// The logarithms of the lines' values.
    fn log(self, v: E::Vector<S>) -> E::Vector<S>;

    /// The values of the lines from `values` on, one or a vector full.
    ///
    /// # Safety
    /// `values` must be valid for reads of as many elements as there are lines.
    unsafe fn values(self, values: *const E) -> E::Vector<S>;

    /// Writes the values of the lines.
    ///
    /// # Safety
    /// `out` must be valid for writes of as many elements as there are lines.
    unsafe fn put_values(self, v: E::Vector<S>, out: *mut E);

    /// The line's vector `k`, zero in the lanes that are not there.
    ///
    /// # Safety
    /// `x` must be valid for reads of the matrix.
    #[inline(always)]
    unsafe fn load<const PARTIAL: bool>(self, x: *const E, k: usize) -> E::Vector<S> {
        // SAFETY: the vector lies within the matrix.
        unsafe { load::<S, E, PARTIAL>(self.simd(), x.add(self.offset(k)), self.count()) }
    }

    /// As [`load`](Self::load), negative infinity in the lanes that are not there.
    ///
    /// # Safety
    /// As for [`load`](Self::load).
    #[inline(always)]
    unsafe fn load_filled<const PARTIAL: bool>(self, x: *const E, k: usize) -> E::Vector<S> {
        // SAFETY: the vector lies within the matrix.
        unsafe {
            let x = x.add(self.offset(k));
            load_filled::<S, E, PARTIAL>(self.simd(), x, self.count(), E::NEG_INFINITY)
        }
    }

    /// Writes vector `k`.
    ///
    /// # Safety
    /// `out` must be valid for writes of the matrix.
    #[inline(always)]
    unsafe fn store<const PARTIAL: bool>(self, v: E::Vector<S>, out: *mut E, k: usize) {
        // SAFETY: the vector lies within the matrix.
        unsafe { store::<_, PARTIAL>(v, out.add(self.offset(k)), self.count()) }
    }
}

/// A row of `cols` elements.
#[derive(Clone, Copy)]
pub(crate) struct Row<S, E> {
    simd: S,
    cols: usize,
    element: PhantomData<E>,
}

impl<S, E> Row<S, E> {
    #[inline(always)]
    pub(crate) fn new(simd: S, cols: usize) -> Self {
        Self { simd, cols, element: PhantomData }
    }
}

impl<S: Simd, E: Float> Line<S, E> for Row<S, E> {
    #[inline(always)]
    fn whole(self) -> usize {
        self.cols / E::Vector::<S>::LANES
    }

    #[inline(always)]
    fn partial(self) -> usize {
        usize::from(!self.cols.is_multiple_of(E::Vector::<S>::LANES))
    }

    #[inline(always)]
    fn count(self) -> usize {
        self.cols % E::Vector::<S>::LANES
    }

    #[inline(always)]
    fn offset(self, k: usize) -> usize {
        k * E::Vector::<S>::LANES
    }

    #[inline(always)]
    fn simd(self) -> S {
        self.simd
    }

    #[inline(always)]
    fn step(self) -> usize {
        self.cols
    }

    #[inline(always)]
    fn is_long(self) -> bool {
        self.cols >= LONG
    }

    #[inline(always)]
    fn extent(self) -> [usize; 3] {
        [1, self.cols, 1]
    }

    #[inline(always)]
    fn gather_max(self, v: E::Vector<S>) -> E::Vector<S> {
        v.lit(v.reduce_max())
    }

    #[inline(always)]
    fn gather_sum(self, v: E::Vector<S>) -> E::Vector<S> {
        v.lit(v.reduce_sum())
    }

    /// A single number is faster without vectors.
    #[inline(always)]
    fn log(self, v: E::Vector<S>) -> E::Vector<S> {
        v.lit(E::from_f64(v.first().to_f64().ln()))
    }

    #[inline(always)]
    unsafe fn values(self, values: *const E) -> E::Vector<S> {
        // SAFETY: `values` is valid for the one value of a row, by the contract of `Line`.
        E::Vector::<S>::splat(self.simd, unsafe { *values })
    }

    #[inline(always)]
    unsafe fn put_values(self, v: E::Vector<S>, out: *mut E) {
        // SAFETY: `out` is valid for the one value of a row, by the contract of `Line`.
        unsafe { v.store_partial_ptr(out, 1) }
    }
}

/// `count` columns side by side, at most a vector full, of a matrix with rows `stride` apart.
#[derive(Clone, Copy)]
pub(crate) struct Columns<S, E> {
    simd: S,
    rows: usize,
    stride: usize,
    count: usize,
    element: PhantomData<E>,
}

impl<S, E> Columns<S, E> {
    #[inline(always)]
    pub(crate) fn new(simd: S, rows: usize, stride: usize, count: usize) -> Self {
        Self { simd, rows, stride, count, element: PhantomData }
    }
}

impl<S: Simd, E: Float> Line<S, E> for Columns<S, E> {
    #[inline(always)]
    fn whole(self) -> usize {
        if self.count == E::Vector::<S>::LANES { self.rows } else { 0 }
    }

    #[inline(always)]
    fn partial(self) -> usize {
        if self.count == E::Vector::<S>::LANES { 0 } else { self.rows }
    }

    #[inline(always)]
    fn count(self) -> usize {
        self.count
    }

    #[inline(always)]
    fn offset(self, k: usize) -> usize {
        k * self.stride
    }

    #[inline(always)]
    fn simd(self) -> S {
        self.simd
    }

    #[inline(always)]
    fn step(self) -> usize {
        E::Vector::<S>::LANES
    }

    #[inline(always)]
    fn is_long(self) -> bool {
        self.rows * E::Vector::<S>::LANES >= LONG
    }

    #[inline(always)]
    fn extent(self) -> [usize; 3] {
        [self.count, self.rows, self.stride]
    }

    #[inline(always)]
    fn gather_max(self, v: E::Vector<S>) -> E::Vector<S> {
        v
    }

    #[inline(always)]
    fn gather_sum(self, v: E::Vector<S>) -> E::Vector<S> {
        v
    }

    #[inline(always)]
    fn log(self, v: E::Vector<S>) -> E::Vector<S> {
        log(v)
    }

    #[inline(always)]
    unsafe fn values(self, values: *const E) -> E::Vector<S> {
        // SAFETY: `values` is valid for `count` values, by the contract of `Line`.
        unsafe { E::Vector::<S>::load_partial_ptr(self.simd, values, self.count) }
    }

    #[inline(always)]
    unsafe fn put_values(self, v: E::Vector<S>, out: *mut E) {
        // SAFETY: `out` is valid for `count` values, by the contract of `Line`.
        unsafe { v.store_partial_ptr(out, self.count) }
    }
}

/// Vectors taken side by side, each with an accumulator of its own.
pub(crate) const UNROLL: usize = 4;

/// The vectors after which a sum's accumulators are emptied into its total.
pub(crate) const BLOCK: usize = 32 * UNROLL;

/// Calls `$body` with every vector of the line: its number, that of its accumulator, and whether it
/// is partial, as a constant. `$flush` comes after every [`BLOCK`] of them and at the end.
macro_rules! for_line {
    ($line:expr, |$k:ident, $j:ident, $partial:ident| $body:block) => {
        for_line!($line, |$k, $j, $partial| $body, {})
    };
    ($line:expr, |$k:ident, $j:ident, $partial:ident| $body:block, $flush:block) => {{
        let (whole, end) = ($line.whole(), $line.whole() + $line.partial());
        // Both in the same order: a column's result does not depend on the number of columns.
        for_line!(@from 0, whole, |$k, $j, $partial = false| $body, $flush);
        for_line!(@from whole, end, |$k, $j, $partial = true| $body, $flush);
    }};
    (@from $start:expr, $end:expr, |$k:ident, $j:ident, $partial:ident = $value:literal|
        $body:block, $flush:block) => {{
        const $partial: bool = $value;
        let mut next = $start;
        while next < $end {
            let stop = $end.min(next + BLOCK);
            while stop - next >= UNROLL {
                for $j in 0..UNROLL {
                    let $k = next + $j;
                    $body
                }
                next += UNROLL;
            }
            while next < stop {
                let ($k, $j) = (next, 0);
                $body
                next += 1;
            }
            $flush
        }
    }};
}
pub(crate) use for_line;

/// A sum along a line, emptied into its total block by block.
#[derive(Clone, Copy)]
pub(crate) struct LineSum<V> {
    accumulators: [V; UNROLL],
    total: V,
}

impl<V: Lanes> LineSum<V> {
    #[inline(always)]
    pub(crate) fn new(token: V::Token) -> Self {
        let zero = V::splat(token, V::Elem::ZERO);
        Self { accumulators: [zero; UNROLL], total: zero }
    }

    #[inline(always)]
    pub(crate) fn add(&mut self, j: usize, x: V) {
        self.accumulators[j] = self.accumulators[j] + x;
    }

    #[inline(always)]
    pub(crate) fn add_product(&mut self, j: usize, a: V, b: V) {
        self.accumulators[j] = a.mul_add(b, self.accumulators[j]);
    }

    #[inline(always)]
    pub(crate) fn flush(&mut self) {
        let [a, b, c, d] = self.accumulators;
        self.total = self.total + ((a + c) + (b + d));
        self.accumulators = [a.lit(V::Elem::ZERO); UNROLL];
    }

    #[inline(always)]
    pub(crate) fn total(self) -> V {
        self.total
    }
}
