//! Sums, differences and products, alone and composed in pairs.

use crate::Element;
use crate::elementwise::{Add, Mul, MulNoNan, Sub};
use crate::simd::{Kernel, Lanes, Simd};
use crate::slices::{Source, VectorFn2, Zip};

/// An operation that costs less than reading and writing its elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Light {
    Add,
    Sub,
    Mul,
    /// The product of a derivative, the first operand, and a cotangent.
    MulNoNan,
}

/// Which operand of a pair's second operation is the result of the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
    Both,
}

impl Side {
    /// The side of operand `index`, or both sides if the result is used twice.
    pub(super) fn new(index: usize, used_twice: bool) -> Self {
        match (index, used_twice) {
            (_, true) => Side::Both,
            (0, false) => Side::Left,
            _ => Side::Right,
        }
    }
}

/// Whether [`pair`] has a loop for `g` applied to the result of `f`. Each pair is compiled for
/// every level and type, so those that no gradient contains are left out.
pub(super) fn is_pair(f: Light, g: Light, side: Side) -> bool {
    match (f, g) {
        (Light::Sub, Light::MulNoNan) | (Light::MulNoNan, Light::Sub) => false,
        (Light::MulNoNan, _) | (_, Light::MulNoNan) => side != Side::Both,
        _ => true,
    }
}

/// A function of three vectors, evaluated lane by lane.
trait VectorFn3<E: Element>: Copy {
    fn eval<V: Lanes<Elem = E>>(self, a: V, b: V, c: V) -> V;
}

/// `g(f(a, b), c)`.
#[derive(Clone, Copy)]
struct Left<F, G>(F, G);

/// `g(c, f(a, b))`.
#[derive(Clone, Copy)]
struct Right<F, G>(F, G);

/// `g(f(a, b), f(a, b))`.
#[derive(Clone, Copy)]
struct Both<F, G>(F, G);

impl<E: Element, F: VectorFn2<E>, G: VectorFn2<E>> VectorFn3<E> for Left<F, G> {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, a: V, b: V, c: V) -> V {
        self.1.eval(self.0.eval(a, b), c)
    }
}

impl<E: Element, F: VectorFn2<E>, G: VectorFn2<E>> VectorFn3<E> for Right<F, G> {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, a: V, b: V, c: V) -> V {
        self.1.eval(c, self.0.eval(a, b))
    }
}

impl<E: Element, F: VectorFn2<E>, G: VectorFn2<E>> VectorFn3<E> for Both<F, G> {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, a: V, b: V, _: V) -> V {
        let y = self.0.eval(a, b);
        self.1.eval(y, y)
    }
}

/// `out = f(a, b)`.
///
/// # Safety
/// `len` elements must be readable at `a` and `b` and writable at `out` by this thread alone; `out`
/// must not overlap an operand.
#[inline(always)]
pub(super) unsafe fn light<E: Element, S: Simd>(
    simd: S,
    f: Light,
    [a, b]: [*const E; 2],
    out: *mut E,
    len: usize,
) {
    let (a, b) = (Source::at_ptr(a), Source::at_ptr(b));
    // SAFETY: `len` elements are readable at `a` and `b` and writable at `out`, by this function's
    // contract.
    unsafe {
        match f {
            Light::Add => simd.vectorize(Zip::new(Add, a, b, out, len)),
            Light::Sub => simd.vectorize(Zip::new(Sub, a, b, out, len)),
            Light::Mul => simd.vectorize(Zip::new(Mul, a, b, out, len)),
            Light::MulNoNan => simd.vectorize(Zip::new(MulNoNan, a, b, out, len)),
        }
    }
}

/// Calls [`pair`]'s loop for the two operations that were found.
macro_rules! pairs {
    ($pass:expr; $key:expr; $($first:ident $second:ident),+; not both: $($one:ident $other:ident),+) => {
        match $key {
            $(
                (Light::$first, Light::$second, Side::Left) => $pass.run(Left($first, $second)),
                (Light::$first, Light::$second, Side::Right) => $pass.run(Right($first, $second)),
                (Light::$first, Light::$second, Side::Both) => $pass.run(Both($first, $second)),
            )+
            $(
                (Light::$one, Light::$other, Side::Left) => $pass.run(Left($one, $other)),
                (Light::$one, Light::$other, Side::Right) => $pass.run(Right($one, $other)),
            )+
            (f, g, _) => unreachable!("{f:?} and {g:?} are no pair by `is_pair`"),
        }
    };
}

/// `out = g(f(a, b), c)`, or the other order that `side` names, for the pairs of [`is_pair`].
///
/// # Safety
/// `len` elements must be readable at each operand and writable at `out` by this thread alone;
/// `out` must not overlap an operand.
#[inline(always)]
pub(super) unsafe fn pair<E: Element, S: Simd>(
    simd: S,
    key: (Light, Light, Side),
    operands: [*const E; 3],
    out: *mut E,
    len: usize,
) {
    // SAFETY: `len` elements are readable at the operands and writable at `out`, by this function's
    // contract.
    let pass = unsafe { Pass::new(simd, operands, out, len) };
    pairs!(
        pass; key;
        Add Add, Add Sub, Add Mul, Sub Add, Sub Sub, Sub Mul, Mul Add, Mul Sub, Mul Mul;
        not both: Add MulNoNan, Mul MulNoNan, MulNoNan Add, MulNoNan Mul, MulNoNan MulNoNan
    );
}

/// The operands and the output of one pass over a tile.
struct Pass<S, E> {
    simd: S,
    operands: [*const E; 3],
    out: *mut E,
    len: usize,
}

impl<E: Element, S: Simd> Pass<S, E> {
    /// # Safety
    /// Until it has run, `len` elements must be readable at each operand and writable at `out` by
    /// this thread alone; `out` must not overlap an operand.
    #[inline(always)]
    unsafe fn new(simd: S, operands: [*const E; 3], out: *mut E, len: usize) -> Self {
        Self { simd, operands, out, len }
    }

    /// `out = f(a, b, c)`, as a function of its own ([`Simd::vectorize`]): an unoptimized build
    /// gives every temporary value of a function its own place on the stack, and the loops of all
    /// pairs together overflowed a stack of 512 KiB.
    #[inline(always)]
    fn run<F: VectorFn3<E>>(self, f: F) {
        let Self { simd, operands, out, len } = self;
        simd.vectorize(Loop { f, operands, out, len });
    }
}

/// The loop of a [`Pass`], which alone makes it.
struct Loop<E, F> {
    f: F,
    operands: [*const E; 3],
    out: *mut E,
    len: usize,
}

impl<E: Element, F: VectorFn3<E>> Kernel for Loop<E, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        const UNROLL: usize = 4;
        let Self { f, operands: [a, b, c], out, len } = self;
        let lanes = E::Vector::<S>::LANES;
        let mut i = 0;
        while len - i >= UNROLL * lanes {
            for j in 0..UNROLL {
                let at = i + j * lanes;
                // SAFETY: `at + lanes <= len`, the number of elements at each pointer by
                // `Pass::new`.
                unsafe {
                    let a = E::Vector::<S>::load_ptr(simd, a.add(at));
                    let b = E::Vector::<S>::load_ptr(simd, b.add(at));
                    let c = E::Vector::<S>::load_ptr(simd, c.add(at));
                    f.eval(a, b, c).store_ptr(out.add(at));
                }
            }
            i += UNROLL * lanes;
        }
        while i < len {
            let count = lanes.min(len - i);
            // SAFETY: `i + count <= len`, the number of elements at each pointer by `Pass::new`.
            unsafe {
                let a = E::Vector::<S>::load_partial_ptr(simd, a.add(i), count);
                let b = E::Vector::<S>::load_partial_ptr(simd, b.add(i), count);
                let c = E::Vector::<S>::load_partial_ptr(simd, c.add(i), count);
                f.eval(a, b, c).store_partial_ptr(out.add(i), count);
            }
            i += count;
        }
    }
}
