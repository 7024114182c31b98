//! Scans: running sums and products along an axis, and the linear recurrence both are cases of.
//!
//! One element follows from the one before, so that the bits depend on the elements alone. Where lines
//! lie side by side their elements are computed together, on vectors; one line alone is bound by the
//! latency of its own additions.

use std::ops::Range;

use crate::Element;
use crate::simd::{Kernel, Level, Simd, run_on};
use crate::slices::Shared;
use crate::threads;

/// What becomes of an element and what came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
#[non_exhaustive]
pub enum Scan {
    /// `x + before`
    Sum,
    /// `x * before`
    Prod,
}

/// Elements a thread takes at a time.
const GRAIN: usize = 1 << 16;

/// One step: from the elements of a row, the factors and the row before. Without factors `x` itself
/// takes their place.
trait Step<E>: Copy + Send + Sync {
    fn first(self, x: E) -> E;
    fn next(self, x: E, factor: E, before: E) -> E;
}

#[derive(Clone, Copy)]
struct Add;

impl<E: Element> Step<E> for Add {
    #[inline(always)]
    fn first(self, x: E) -> E {
        x
    }

    #[inline(always)]
    fn next(self, x: E, _: E, before: E) -> E {
        before + x
    }
}

#[derive(Clone, Copy)]
struct Multiply;

impl<E: Element> Step<E> for Multiply {
    #[inline(always)]
    fn first(self, x: E) -> E {
        x
    }

    #[inline(always)]
    fn next(self, x: E, _: E, before: E) -> E {
        before * x
    }
}

#[derive(Clone, Copy)]
struct Recur;

impl<E: Element> Step<E> for Recur {
    #[inline(always)]
    fn first(self, x: E) -> E {
        x
    }

    #[inline(always)]
    fn next(self, x: E, factor: E, before: E) -> E {
        // A zero cotangent stays zero, though the factor be infinite or NaN.
        if before == E::ZERO { x } else { x + factor * before }
    }
}

/// The scan of planes of `axis` rows of `inner` elements.
struct Planes<'a, E, T> {
    step: T,
    x: &'a [E],
    factors: &'a [E],
    out: &'a mut [E],
    axis: usize,
    inner: usize,
    reverse: bool,
}

impl<E: Element, T: Step<E>> Kernel for Planes<'_, E, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { step, x, factors, out, axis, inner, reverse } = self;
        let plane = axis * inner;
        let planes = x.chunks_exact(plane).zip(factors.chunks_exact(plane));
        for ((x, factors), out) in planes.zip(out.chunks_exact_mut(plane)) {
            for i in 0..axis {
                let row = if reverse { axis - 1 - i } else { i };
                let range = row * inner..(row + 1) * inner;
                let (x, factors) = (&x[range.clone()], &factors[range.clone()]);
                if i == 0 {
                    for (out, &x) in out[range].iter_mut().zip(x) {
                        *out = step.first(x);
                    }
                    continue;
                }
                let (before, out) = if reverse {
                    let (out, before) = out.split_at_mut(range.end);
                    (&before[..inner], &mut out[range])
                } else {
                    let (before, out) = out.split_at_mut(range.start);
                    (&before[range.start - inner..], &mut out[..inner])
                };
                for (((out, &x), &factor), &before) in
                    out.iter_mut().zip(x).zip(factors).zip(before)
                {
                    *out = step.next(x, factor, before);
                }
            }
        }
    }
}

#[track_caller]
fn scan_axis<E: Element, T: Step<E>>(
    step: T,
    x: &[E],
    factors: &[E],
    dims: [usize; 3],
    reverse: bool,
    out: &mut [E],
) {
    let [outer, axis, inner] = dims;
    let elements = outer.checked_mul(axis).and_then(|n| n.checked_mul(inner));
    assert!(
        [x.len(), factors.len(), out.len()].map(Some) == [elements; 3],
        "a scan of {outer} x {axis} x {inner} takes and gives as many elements, but got {}, {} and an \
         output of {}",
        x.len(),
        factors.len(),
        out.len()
    );
    if out.is_empty() {
        return;
    }
    let level = Level::current();
    let plane = axis * inner;
    let out = Shared::new(out);
    threads::for_ranges(outer, (GRAIN / plane).max(1), |planes: Range<usize>| {
        let range = planes.start * plane..planes.end * plane;
        let (x, factors) = (&x[range.clone()], &factors[range.clone()]);
        // SAFETY: ranges of planes are disjoint.
        let out = unsafe { out.part(range) };
        run_on(level, Planes { step, x, factors, out, axis, inner, reverse });
    });
}

/// The compiled kernels of an element type. Sealed with [`Element`].
#[doc(hidden)]
pub trait ScanKernels: Sized {
    fn scan_kernel(op: Scan, x: &[Self], dims: [usize; 3], reverse: bool, out: &mut [Self]);
    fn recurrence_kernel(
        x: &[Self],
        factors: &[Self],
        dims: [usize; 3],
        reverse: bool,
        out: &mut [Self],
    );
}

macro_rules! scan_kernels {
    ($type:ty) => {
        impl ScanKernels for $type {
            #[track_caller]
            fn scan_kernel(
                op: Scan,
                x: &[Self],
                dims: [usize; 3],
                reverse: bool,
                out: &mut [Self],
            ) {
                match op {
                    Scan::Sum => scan_axis(Add, x, x, dims, reverse, out),
                    Scan::Prod => scan_axis(Multiply, x, x, dims, reverse, out),
                }
            }

            #[track_caller]
            fn recurrence_kernel(
                x: &[Self],
                factors: &[Self],
                dims: [usize; 3],
                reverse: bool,
                out: &mut [Self],
            ) {
                scan_axis(Recur, x, factors, dims, reverse, out);
            }
        }
    };
}
scan_kernels!(f32);
scan_kernels!(f64);

/// Running sums along the middle of three dimensions, `out_i = x_0 + .. + x_i`, added one after the
/// other; from the last element on if `reverse`.
///
/// # Shapes
/// `x` and `out` are contiguous `[outer, axis, inner]`.
///
/// ```
/// let mut out = [0.0; 4];
/// wengert_kernels::scan::cumsum_axis(&[1.0, 2.0, 3.0, 4.0], [1, 4, 1], false, &mut out);
/// assert_eq!(out, [1.0, 3.0, 6.0, 10.0]);
/// ```
///
/// # Panics
/// If a slice does not have the elements of its shape.
#[track_caller]
pub fn cumsum_axis<E: Element>(x: &[E], dims: [usize; 3], reverse: bool, out: &mut [E]) {
    E::scan_kernel(Scan::Sum, x, dims, reverse, out);
}

/// As [`cumsum_axis`], of products.
///
/// # Panics
/// If a slice does not have the elements of its shape.
#[track_caller]
pub fn cumprod_axis<E: Element>(x: &[E], dims: [usize; 3], reverse: bool, out: &mut [E]) {
    E::scan_kernel(Scan::Prod, x, dims, reverse, out);
}

/// The linear recurrence `out_i = x_i + factors_i out_(i-1)` along the middle of three dimensions, with
/// nothing before the first; from the last element on if `reverse`. The first factor is not read. A
/// zero times a factor is zero, though the factor be infinite or NaN.
///
/// # Shapes
/// `x`, `factors` and `out` are contiguous `[outer, axis, inner]`.
///
/// ```
/// let mut out = [0.0; 3];
/// let (x, factors) = ([1.0, 1.0, 1.0], [0.0, 2.0, 3.0]);
/// wengert_kernels::scan::recurrence_axis(&x, &factors, [1, 3, 1], false, &mut out);
/// assert_eq!(out, [1.0, 3.0, 10.0]);
/// ```
///
/// # Panics
/// If a slice does not have the elements of its shape.
#[track_caller]
pub fn recurrence_axis<E: Element>(
    x: &[E],
    factors: &[E],
    dims: [usize; 3],
    reverse: bool,
    out: &mut [E],
) {
    E::recurrence_kernel(x, factors, dims, reverse, out);
}
