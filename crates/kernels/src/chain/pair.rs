//! Sums, differences and products, alone and one on the other.

use crate::Element;
use crate::elementwise::{Add, Mul, MulNoNan, Sub};
use crate::simd::{Kernel as _, Lanes, Simd};
use crate::slices::{Source, VectorFn2, Zip};

/// An operation that costs less than reading and writing its elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Light {
    Add,
    Sub,
    Mul,
    /// The product of derivatives, the first operand, with cotangents.
    MulNoNan,
}

/// Where the result of a pair's first operation stands in the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
    Both,
}

impl Side {
    /// Of the number of the operand, and whether it is both.
    pub(super) fn new(operand: usize, both: bool) -> Self {
        match (operand, both) {
            (_, true) => Side::Both,
            (0, false) => Side::Left,
            _ => Side::Right,
        }
    }
}

/// Whether [`pair`] has this pair, `g` on `f`: the products that gradients are not made of are left out,
/// as each one is a loop for every vector.
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
/// `len` elements must be behind each pointer; none is written but `out`'s, which are no operand's.
#[inline(always)]
pub(super) unsafe fn light<E: Element, S: Simd>(
    simd: S,
    f: Light,
    [a, b]: [*const E; 2],
    out: *mut E,
    len: usize,
) {
    let (a, b) = (Source::at_ptr(a), Source::at_ptr(b));
    // SAFETY: the contract of this function is that of `Zip::new`.
    unsafe {
        match f {
            Light::Add => Zip::new(Add, a, b, out, len).run(simd),
            Light::Sub => Zip::new(Sub, a, b, out, len).run(simd),
            Light::Mul => Zip::new(Mul, a, b, out, len).run(simd),
            Light::MulNoNan => Zip::new(MulNoNan, a, b, out, len).run(simd),
        }
    }
}

/// `out = g(f(a, b), c)`, or as `side` says, of those that [`is_pair`] names.
///
/// # Safety
/// As for [`light`].
#[inline(always)]
pub(super) unsafe fn pair<E: Element, S: Simd>(
    simd: S,
    (f, g, side): (Light, Light, Side),
    operands: [*const E; 3],
    out: *mut E,
    len: usize,
) {
    macro_rules! pairs {
        ($($first:ident $second:ident),+; no both: $($one:ident $other:ident),+) => {
            match (f, g, side) {
                $(
                    // SAFETY: `len` elements follow each pointer by this function's own contract.
                    (Light::$first, Light::$second, Side::Left) => unsafe {
                        each(simd, Left($first, $second), operands, out, len);
                    },
                    // SAFETY: `len` elements follow each pointer by this function's own contract.
                    (Light::$first, Light::$second, Side::Right) => unsafe {
                        each(simd, Right($first, $second), operands, out, len);
                    },
                    // SAFETY: `len` elements follow each pointer by this function's own contract.
                    (Light::$first, Light::$second, Side::Both) => unsafe {
                        each(simd, Both($first, $second), operands, out, len);
                    },
                )+
                $(
                    // SAFETY: `len` elements follow each pointer by this function's own contract.
                    (Light::$one, Light::$other, Side::Left) => unsafe {
                        each(simd, Left($one, $other), operands, out, len);
                    },
                    // SAFETY: `len` elements follow each pointer by this function's own contract.
                    (Light::$one, Light::$other, Side::Right) => unsafe {
                        each(simd, Right($one, $other), operands, out, len);
                    },
                )+
                _ => unreachable!("{f:?} and {g:?} are no pair by `is_pair`"),
            }
        };
    }
    pairs!(
        Add Add, Add Sub, Add Mul, Sub Add, Sub Sub, Sub Mul, Mul Add, Mul Sub, Mul Mul;
        no both: Add MulNoNan, Mul MulNoNan, MulNoNan Add, MulNoNan Mul, MulNoNan MulNoNan
    );
}

/// `out = f(a, b, c)`.
///
/// # Safety
/// As for [`light`].
#[inline(always)]
unsafe fn each<E: Element, S: Simd, F: VectorFn3<E>>(
    simd: S,
    f: F,
    [a, b, c]: [*const E; 3],
    out: *mut E,
    len: usize,
) {
    const UNROLL: usize = 4;
    let lanes = E::Vector::<S>::LANES;
    let mut i = 0;
    while len - i >= UNROLL * lanes {
        for j in 0..UNROLL {
            let at = i + j * lanes;
            // SAFETY: `at + lanes <= len`, and `len` elements follow each pointer by this
            // function's contract.
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
        // SAFETY: `i + count <= len`.
        unsafe {
            let a = E::Vector::<S>::load_partial_ptr(simd, a.add(i), count);
            let b = E::Vector::<S>::load_partial_ptr(simd, b.add(i), count);
            let c = E::Vector::<S>::load_partial_ptr(simd, c.add(i), count);
            f.eval(a, b, c).store_partial_ptr(out.add(i), count);
        }
        i += count;
    }
}
