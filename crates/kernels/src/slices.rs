//! Slice drivers: from a function of vectors to a function of slices.
//!
//! A function is written once as a [`VectorFn`] (or [`VectorFn2`]) and driven over slices by
//! `map` and `zip`: whole vectors first, then one partial vector through the *same* vector
//! code, so that a result depends neither on its position nor on the slice's length. In place and
//! out of place are the same loop. Long slices are split over threads.
//!
//! What does not belong here: any function.

use crate::Float;
pub(crate) use crate::shared::{Shared, Source};
use crate::simd::{Kernel, Lanes, Level, Simd, run_on};
use crate::threads::{self, Cost};
use std::marker::PhantomData;
use std::ops::Range;

/// A function of one vector, evaluated lane by lane.
///
/// The result in a lane must depend on that lane's argument alone. Mark implementations
/// `#[inline(always)]` (see [`crate::simd`]).
pub trait VectorFn<E: Float>: Copy + Send + Sync {
    /// The work per element, which decides when threads pay.
    const COST: Cost = Cost::Maths;

    /// The value of the function in every lane.
    fn eval<V: Lanes<Elem = E>>(self, x: V) -> V;
}

/// A function of two vectors, evaluated lane by lane.
///
/// The result in a lane must depend on that lane's arguments alone. Mark implementations
/// `#[inline(always)]` (see [`crate::simd`]).
pub trait VectorFn2<E: Float>: Copy + Send + Sync {
    /// The work per element, which decides when threads pay.
    const COST: Cost = Cost::Maths;

    /// The value of the function in every lane.
    fn eval<V: Lanes<Elem = E>>(self, a: V, b: V) -> V;
}

/// An operand of an elementwise kernel.
#[derive(Clone, Copy, Debug)]
pub enum Run<'a, E> {
    /// A contiguous run of elements, as long as the output.
    Slice(&'a [E]),
    /// One value, repeated.
    Splat(E),
}

impl<E> Run<'_, E> {
    #[track_caller]
    pub(crate) fn check(&self, name: &str, len: usize) {
        if let Run::Slice(slice) = self {
            check_len(name, slice.len(), len);
        }
    }
}

/// Panics unless the operand called `name` has the output's length.
#[track_caller]
pub(crate) fn check_len(name: &str, len: usize, out: usize) {
    assert!(
        len == out,
        "the operand `{name}` has {len} elements and the output {out}: they must be equally long"
    );
}

/// `out[i] = f(x[i])`.
#[track_caller]
pub(crate) fn map<E: Float, F: VectorFn<E>>(f: F, x: &[E], out: &mut [E]) {
    check_len("x", x.len(), out.len());
    let len = out.len();
    map_source(f, Source::new(x), Shared::new(out), len);
}

/// `out[i] = f(out[i])`.
pub(crate) fn map_in_place<E: Float, F: VectorFn<E>>(f: F, out: &mut [E]) {
    let len = out.len();
    let out = Shared::new(out);
    map_source(f, out.source(), out, len);
}

fn map_source<E: Float, F: VectorFn<E>>(f: F, source: Source<E>, out: Shared<E>, len: usize) {
    let level = Level::current();
    threads::for_ranges(len, F::COST.grain(), |range| {
        // SAFETY: both have `len` elements, and the ranges are disjoint parts of `0..len`.
        let map = unsafe {
            let (x, out) = (source.at(range.start), out.at(range.start));
            Map::new(f, x, out, range.len())
        };
        run_on(level, map);
    });
}

/// `out[i] = f(a[i], b[i])`.
#[track_caller]
pub(crate) fn zip<E: Float, F: VectorFn2<E>>(f: F, a: Run<'_, E>, b: Run<'_, E>, out: &mut [E]) {
    let len = out.len();
    a.check("a", len);
    b.check("b", len);
    match (a, b) {
        (Run::Slice(a), Run::Slice(b)) => {
            zip_operands(f, Source::new(a), Source::new(b), Shared::new(out), len);
        }
        (Run::Slice(a), Run::Splat(b)) => {
            zip_operands(f, Source::new(a), Value(b), Shared::new(out), len);
        }
        (Run::Splat(a), Run::Slice(b)) => {
            zip_operands(f, Value(a), Source::new(b), Shared::new(out), len);
        }
        (Run::Splat(a), Run::Splat(b)) => {
            let Some((first, rest)) = out.split_first_mut() else { return };
            zip(f, Run::Slice(&[a]), Run::Slice(&[b]), std::slice::from_mut(first));
            rest.fill(*first);
        }
    }
}

/// `out[i] = f(out[i], b[i])`.
#[track_caller]
pub(crate) fn zip_in_place<E: Float, F: VectorFn2<E>>(f: F, out: &mut [E], b: &[E]) {
    let len = out.len();
    check_len("b", b.len(), len);
    let out = Shared::new(out);
    zip_operands(f, out.source(), Source::new(b), out, len);
}

fn zip_operands<E: Float, F: VectorFn2<E>, A: Operand<E>, B: Operand<E>>(
    f: F,
    a: A,
    b: B,
    out: Shared<E>,
    len: usize,
) {
    let level = Level::current();
    threads::for_ranges(len, F::COST.grain(), |range: Range<usize>| {
        // SAFETY: every slice these point to has `len` elements, and the ranges are disjoint parts
        // of `0..len`.
        let zip = unsafe {
            let (a, b, out) = (a.at(range.start), b.at(range.start), out.at(range.start));
            Zip::new(f, a, b, out, range.len())
        };
        run_on(level, zip);
    });
}

/// One operand inside the loops: memory or a repeated value.
pub(crate) trait Operand<E: Float>: Copy + Send + Sync {
    /// The operand from element `index` on.
    ///
    /// # Safety
    /// `index` must not be beyond the operand's end.
    unsafe fn at(self, index: usize) -> Self;

    /// The whole vector from element `index` on.
    ///
    /// # Safety
    /// `LANES` elements must be there.
    unsafe fn vector<V: Lanes<Elem = E>>(self, token: V::Token, index: usize) -> V;

    /// A vector whose first lane is the element at `index`.
    ///
    /// # Safety
    /// The element must be there.
    unsafe fn one<V: Lanes<Elem = E>>(self, token: V::Token, index: usize) -> V;

    /// A partial vector from element `index` on.
    ///
    /// # Safety
    /// `count` elements must be there.
    unsafe fn partial<V: Lanes<Elem = E>>(self, token: V::Token, index: usize, count: usize) -> V;
}

impl<E: Float> Operand<E> for Source<E> {
    #[inline(always)]
    unsafe fn at(self, index: usize) -> Self {
        // SAFETY: `index` is not beyond the slice's end, by this function's contract.
        unsafe { self.from(index) }
    }

    #[inline(always)]
    unsafe fn vector<V: Lanes<Elem = E>>(self, token: V::Token, index: usize) -> V {
        // SAFETY: `LANES` elements follow `index`, by this function's contract.
        unsafe { V::load_ptr(token, self.as_ptr().add(index)) }
    }

    #[inline(always)]
    unsafe fn one<V: Lanes<Elem = E>>(self, token: V::Token, index: usize) -> V {
        // SAFETY: there is an element at `index`, by this function's contract.
        V::splat(token, unsafe { *self.as_ptr().add(index) })
    }

    #[inline(always)]
    unsafe fn partial<V: Lanes<Elem = E>>(self, token: V::Token, index: usize, count: usize) -> V {
        // SAFETY: `count` elements follow `index`, by this function's contract.
        unsafe { V::load_partial_ptr(token, self.as_ptr().add(index), count) }
    }
}

/// An operand that is one value.
#[derive(Clone, Copy)]
struct Value<E>(E);

impl<E: Float> Operand<E> for Value<E> {
    #[inline(always)]
    unsafe fn at(self, _: usize) -> Self {
        self
    }

    #[inline(always)]
    unsafe fn vector<V: Lanes<Elem = E>>(self, token: V::Token, _: usize) -> V {
        V::splat(token, self.0)
    }

    #[inline(always)]
    unsafe fn one<V: Lanes<Elem = E>>(self, token: V::Token, _: usize) -> V {
        V::splat(token, self.0)
    }

    #[inline(always)]
    unsafe fn partial<V: Lanes<Elem = E>>(self, token: V::Token, _: usize, _: usize) -> V {
        V::splat(token, self.0)
    }
}

/// The vectors of a loop body: cheap functions are bound by the loop's own overhead.
const UNROLL: usize = 4;

/// `out = f(x)` on one thread.
pub(crate) struct Map<E, F, A = Source<E>> {
    f: F,
    x: A,
    out: *mut E,
    len: usize,
    element: PhantomData<E>,
}

impl<E: Float, F, A> Map<E, F, A> {
    /// The loop over `len` elements.
    ///
    /// # Safety
    /// While it runs, `len` elements must be readable in `x`, and writable at `out` by this thread
    /// alone.
    #[inline(always)]
    pub(crate) unsafe fn new(f: F, x: A, out: *mut E, len: usize) -> Self {
        Self { f, x, out, len, element: PhantomData }
    }
}

impl<E: Float, F: VectorFn<E>, A: Operand<E>> Kernel for Map<E, F, A> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let lanes = E::Vector::<S>::LANES;
        let Self { f, x, out, len, .. } = self;
        let mut i = 0;
        if const { F::COST.is_light() } {
            while len - i >= UNROLL * lanes {
                for j in 0..UNROLL {
                    let at = i + j * lanes;
                    // SAFETY: `at + lanes <= len`, the number of elements in both by `new`.
                    unsafe { f.eval(x.vector::<E::Vector<S>>(simd, at)).store_ptr(out.add(at)) };
                }
                i += UNROLL * lanes;
            }
        }
        // One copy of the function serves whole vectors and the last one: its code is the size of
        // the loop. The branches around it are predicted but for the last vector. A single element
        // is loaded and stored as a scalar: a masked load just after the element was written, or a
        // load of what was just stored masked, would be a store-forwarding stall.
        while i < len {
            let count = lanes.min(len - i);
            // SAFETY: `i + count <= len`, the number of elements in both by `new`.
            unsafe {
                let x = if count == lanes {
                    x.vector::<E::Vector<S>>(simd, i)
                } else if count == 1 {
                    x.one(simd, i)
                } else {
                    x.partial(simd, i, count)
                };
                let y = f.eval(x);
                if count == lanes {
                    y.store_ptr(out.add(i));
                } else if count == 1 {
                    *out.add(i) = y.first();
                } else {
                    y.store_partial_ptr(out.add(i), count);
                }
            }
            i += count;
        }
    }
}

/// `out = f(a, b)` on one thread.
pub(crate) struct Zip<E, F, A, B> {
    f: F,
    a: A,
    b: B,
    out: *mut E,
    len: usize,
    element: PhantomData<E>,
}

impl<E: Float, F, A, B> Zip<E, F, A, B> {
    /// The loop over `len` elements.
    ///
    /// # Safety
    /// While it runs, `len` elements must be readable in `a` and `b`, and writable at `out` by this
    /// thread alone.
    #[inline(always)]
    pub(crate) unsafe fn new(f: F, a: A, b: B, out: *mut E, len: usize) -> Self {
        Self { f, a, b, out, len, element: PhantomData }
    }
}

impl<E: Float, F: VectorFn2<E>, A: Operand<E>, B: Operand<E>> Kernel for Zip<E, F, A, B> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let lanes = E::Vector::<S>::LANES;
        let Self { f, a, b, out, len, .. } = self;
        let mut i = 0;
        if const { F::COST.is_light() } {
            while len - i >= UNROLL * lanes {
                for j in 0..UNROLL {
                    let at = i + j * lanes;
                    // SAFETY: `at + lanes <= len`, the number of elements in all by `new`.
                    unsafe {
                        let (a, b) = (a.vector::<E::Vector<S>>(simd, at), b.vector(simd, at));
                        f.eval(a, b).store_ptr(out.add(at));
                    }
                }
                i += UNROLL * lanes;
            }
        }
        while i < len {
            let count = lanes.min(len - i);
            // SAFETY: `i + count <= len`, the number of elements in all by `new`.
            unsafe {
                let (a, b) = if count == lanes {
                    (a.vector::<E::Vector<S>>(simd, i), b.vector(simd, i))
                } else if count == 1 {
                    (a.one(simd, i), b.one(simd, i))
                } else {
                    (a.partial(simd, i, count), b.partial(simd, i, count))
                };
                let y = f.eval(a, b);
                if count == lanes {
                    y.store_ptr(out.add(i));
                } else if count == 1 {
                    *out.add(i) = y.first();
                } else {
                    y.store_partial_ptr(out.add(i), count);
                }
            }
            i += count;
        }
    }
}
