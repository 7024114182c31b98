//! Folds: the reduction of vectors to one number, in an order that depends on their count alone.

use crate::Float;
use crate::simd::{Kernel, Lanes, Simd};
use crate::vectors::load_filled;

/// A commutative way to combine elements, with a neutral element.
pub(super) trait Fold<E: Float>: Copy + Send + Sync {
    /// The result of an empty fold. Lanes after a slice's end hold it.
    const NEUTRAL: E;

    /// Whether [`add_quick`](Self::add_quick) may pass over a NaN, which the caller then watches
    /// out for.
    const PASSES_NAN: bool = false;

    /// A contribution and an element in one.
    #[inline(always)]
    fn add<V: Lanes<Elem = E>>(self, acc: V, x: V) -> V {
        self.combine(acc, x)
    }

    /// As [`add`](Self::add), for a caller that heeds [`PASSES_NAN`](Self::PASSES_NAN).
    #[inline(always)]
    fn add_quick<V: Lanes<Elem = E>>(self, acc: V, x: V) -> V {
        self.add(acc, x)
    }

    /// Two contributions in one.
    fn combine<V: Lanes<Elem = E>>(self, a: V, b: V) -> V;

    /// Two numbers in one.
    fn combine_scalars(self, a: E, b: E) -> E;
}

/// Independent accumulators: enough to hide the latency of an addition.
const ACCUMULATORS: usize = 8;

/// The vectors each accumulator takes before the block is combined pairwise with others.
const BLOCK: usize = 16;

/// The levels of the cascade. Beyond `2^(DEPTH - 1)` blocks the last level takes them one by one.
const DEPTH: usize = 12;

/// Partial results, combined like the carries of a binary counter: two of equal weight at a time.
#[derive(Clone, Copy)]
struct Cascade<V> {
    partial: [V; DEPTH],
    count: usize,
}

impl<V: Lanes> Cascade<V> {
    #[inline(always)]
    fn new(neutral: V) -> Self {
        Self { partial: [neutral; DEPTH], count: 0 }
    }

    #[inline(always)]
    fn push<F: Fold<V::Elem>>(&mut self, fold: F, mut value: V) {
        let level = (self.count.trailing_ones() as usize).min(DEPTH - 1);
        for j in 0..level {
            value = fold.combine(self.partial[j], value);
        }
        if level == DEPTH - 1 {
            value = fold.combine(self.partial[level], value);
        }
        self.partial[level] = value;
        self.count += 1;
    }

    #[inline(always)]
    fn finish<F: Fold<V::Elem>>(self, fold: F, mut value: V) -> V {
        for (level, partial) in self.partial.into_iter().enumerate() {
            let there = if level == DEPTH - 1 {
                self.count >> level != 0
            } else {
                self.count >> level & 1 != 0
            };
            if there {
                value = fold.combine(partial, value);
            }
        }
        value
    }
}

/// Folds the `len` elements at `x` into one vector.
///
/// # Safety
/// `x` must be valid for reads of `len` elements.
#[inline(always)]
pub(super) unsafe fn fold_vectors<S: Simd, E: Float, F: Fold<E>>(
    simd: S,
    fold: F,
    x: *const E,
    len: usize,
) -> E::Vector<S> {
    let lanes = E::Vector::<S>::LANES;
    let neutral = E::Vector::<S>::splat(simd, F::NEUTRAL);
    let block = ACCUMULATORS * BLOCK * lanes;
    if len < block {
        // SAFETY: `x` is valid for `len` elements, by this function's contract.
        return unsafe { fold_few(simd, fold, x, len) };
    }
    let mut cascade = Cascade::new(neutral);
    let mut i = 0;
    while len - i >= block {
        let mut acc = [neutral; ACCUMULATORS];
        let mut nan = neutral.unordered(neutral);
        for _ in 0..BLOCK {
            // SAFETY: the whole block is within `len`.
            unsafe { add_each(simd, fold, x.add(i), &mut acc, &mut nan) };
            i += ACCUMULATORS * lanes;
        }
        cascade.push(fold, with_nan(tree(fold, acc), nan));
    }
    // SAFETY: `len - i` elements are left.
    let rest = unsafe { fold_few(simd, fold, x.add(i), len - i) };
    cascade.finish(fold, rest)
}

/// Adds a vector to each accumulator; `nan` records the NaNs that the fold ignores.
///
/// # Safety
/// `x` must be valid for reads of as many vectors as there are accumulators.
#[inline(always)]
unsafe fn add_each<S: Simd, E: Float, F: Fold<E>>(
    simd: S,
    fold: F,
    x: *const E,
    acc: &mut [E::Vector<S>; ACCUMULATORS],
    nan: &mut <E::Vector<S> as Lanes>::Mask,
) {
    let lanes = E::Vector::<S>::LANES;
    for j in (0..ACCUMULATORS).step_by(2) {
        // SAFETY: `x` is valid for `ACCUMULATORS` vectors, by this function's contract.
        let (a, b) = unsafe {
            let x = x.add(j * lanes);
            (E::Vector::<S>::load_ptr(simd, x), E::Vector::<S>::load_ptr(simd, x.add(lanes)))
        };
        acc[j] = fold.add_quick(acc[j], a);
        acc[j + 1] = fold.add_quick(acc[j + 1], b);
        if F::PASSES_NAN {
            *nan = *nan | a.unordered(b);
        }
    }
}

/// `total`, or NaN if a comparison met one.
#[inline(always)]
fn with_nan<V: Lanes>(total: V, nan: V::Mask) -> V {
    V::select(nan, total.lit(V::Elem::NAN), total)
}

/// Folds fewer elements than a block has.
///
/// # Safety
/// `x` must be valid for reads of `len` elements.
#[inline(always)]
unsafe fn fold_few<S: Simd, E: Float, F: Fold<E>>(
    simd: S,
    fold: F,
    x: *const E,
    len: usize,
) -> E::Vector<S> {
    let lanes = E::Vector::<S>::LANES;
    let neutral = E::Vector::<S>::splat(simd, F::NEUTRAL);
    let mut acc = [neutral; ACCUMULATORS];
    let mut nan = neutral.unordered(neutral);
    let mut i = 0;
    while len - i >= ACCUMULATORS * lanes {
        // SAFETY: as many elements are left.
        unsafe { add_each(simd, fold, x.add(i), &mut acc, &mut nan) };
        i += ACCUMULATORS * lanes;
    }
    for acc in &mut acc {
        if len - i < lanes {
            break;
        }
        // SAFETY: at least `lanes` elements are left.
        *acc = fold.add(*acc, unsafe { E::Vector::<S>::load_ptr(simd, x.add(i)) });
        i += lanes;
    }
    if i < len {
        // SAFETY: `len - i` elements are left.
        let x = unsafe { load_filled::<S, E, true>(simd, x.add(i), len - i, F::NEUTRAL) };
        acc[ACCUMULATORS - 1] = fold.add(acc[ACCUMULATORS - 1], x);
    }
    with_nan(tree(fold, acc), nan)
}

#[inline(always)]
fn tree<V: Lanes, F: Fold<V::Elem>>(fold: F, mut acc: [V; ACCUMULATORS]) -> V {
    let mut half = ACCUMULATORS / 2;
    while half > 0 {
        for j in 0..half {
            acc[j] = fold.combine(acc[j], acc[j + half]);
        }
        half /= 2;
    }
    acc[0]
}

/// The lanes of a vector in one number, halves onto each other.
#[inline(always)]
pub(super) fn fold_lanes<V: Lanes, F: Fold<V::Elem>>(fold: F, x: V) -> V::Elem {
    let mut x = x;
    let mut half = V::LANES / 2;
    while half > 0 {
        x = fold.combine(x, x.upper(half));
        half /= 2;
    }
    x.first()
}

/// A whole slice in one number.
pub(super) struct FoldSlice<'a, E, F> {
    pub(super) fold: F,
    pub(super) x: &'a [E],
}

impl<E: Float, F: Fold<E>> Kernel for FoldSlice<'_, E, F> {
    type Output = E;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> E {
        // SAFETY: the pointer and the length are the slice's.
        let total = unsafe { fold_vectors(simd, self.fold, self.x.as_ptr(), self.x.len()) };
        fold_lanes(self.fold, total)
    }
}

/// Every row of a matrix in one number.
pub(super) struct FoldRows<'a, E, F> {
    pub(super) fold: F,
    pub(super) x: &'a [E],
    pub(super) cols: usize,
    pub(super) out: &'a mut [E],
}

impl<E: Float, F: Fold<E>> Kernel for FoldRows<'_, E, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { fold, x, cols, out } = self;
        for (i, out) in out.iter_mut().enumerate() {
            let row = &x[i * cols..(i + 1) * cols];
            // SAFETY: the pointer and the length are the row's.
            let total = unsafe { fold_vectors(simd, fold, row.as_ptr(), cols) };
            *out = fold_lanes(fold, total);
        }
    }
}

/// The vectors of columns one pass down the rows carries.
const COLUMNS: usize = 4;

/// Every column of a `rows x stride` matrix in one number, for some of its columns.
pub(super) struct FoldColumns<'a, E, F> {
    pub(super) fold: F,
    /// The matrix, row by row.
    pub(super) x: &'a [E],
    pub(super) rows: usize,
    /// The number of elements in a row.
    pub(super) stride: usize,
    /// The first column; `out` has an element for each.
    pub(super) first: usize,
    pub(super) out: &'a mut [E],
}

impl<E: Float, F: Fold<E>> Kernel for FoldColumns<'_, E, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let lanes = E::Vector::<S>::LANES;
        let len = self.out.len();
        assert!(
            self.first + len <= self.stride && self.rows * self.stride <= self.x.len(),
            "the columns lie within the matrix"
        );
        let mut i = 0;
        while len - i >= COLUMNS * lanes {
            self.pass::<S, COLUMNS>(simd, i, lanes);
            i += COLUMNS * lanes;
        }
        while i < len {
            let count = lanes.min(len - i);
            self.pass::<S, 1>(simd, i, count);
            i += count;
        }
    }
}

impl<E: Float, F: Fold<E>> FoldColumns<'_, E, F> {
    /// Folds `N` vectors of columns from column `at` on; `count` lanes of the last are there.
    #[inline(always)]
    fn pass<S: Simd, const N: usize>(&mut self, simd: S, at: usize, count: usize) {
        let lanes = E::Vector::<S>::LANES;
        let fold = self.fold;
        let neutral = E::Vector::<S>::splat(simd, F::NEUTRAL);
        let mut cascades = [Cascade::new(neutral); N];
        let mut acc = [neutral; N];
        for row in 0..self.rows {
            for (j, acc) in acc.iter_mut().enumerate() {
                // SAFETY: the columns lie within the row, and the row within the matrix, as `run`
                // asserts; the last vector of a row is read in part.
                let x = unsafe {
                    let x = self.x.as_ptr().add(row * self.stride + self.first + at + j * lanes);
                    if count == lanes {
                        E::Vector::<S>::load_ptr(simd, x)
                    } else {
                        E::Vector::<S>::load_partial_ptr(simd, x, count)
                    }
                };
                *acc = fold.add(*acc, x);
            }
            if row % BLOCK == BLOCK - 1 {
                for (cascade, acc) in cascades.iter_mut().zip(&mut acc) {
                    cascade.push(fold, *acc);
                    *acc = neutral;
                }
            }
        }
        for (j, (cascade, acc)) in cascades.into_iter().zip(acc).enumerate() {
            let total = cascade.finish(fold, acc);
            // SAFETY: the columns lie within `out`.
            unsafe {
                let out = self.out.as_mut_ptr().add(at + j * lanes);
                total.store_partial_ptr(out, count);
            }
        }
    }
}
