//! What is computed along a line: softmax, its logarithm, its normalizer, and their gradients.

use crate::Element;
use crate::line::{BLOCK, Line, LineSum, UNROLL, for_line};
use crate::math::exp_lanes as exp;
use crate::simd::{Lanes, Simd};
use crate::slices::{Operand as _, Shared, Source};

/// A function of whole lines.
pub(super) trait LineFn<E: Element>: Copy + Send + Sync {
    /// Computes the line (or the lines side by side) that starts at element `at` of the matrices,
    /// and at `value` of what has a value for each line.
    ///
    /// # Safety
    /// The line must lie within all of the operands.
    unsafe fn run<S: Simd, L: Line<S, E>>(self, line: L, at: usize, value: usize);
}

/// The largest element of the line in every lane, but for NaN, which may be passed over.
///
/// # Safety
/// `x` must be valid for reads of the line.
#[inline(always)]
unsafe fn max<S: Simd, E: Element, L: Line<S, E>>(line: L, x: *const E) -> E::Vector<S> {
    let mut acc = [E::Vector::<S>::splat(line.simd(), E::NEG_INFINITY); UNROLL];
    for_line!(line, |k, j, PARTIAL| {
        // SAFETY: the caller vouches for the line.
        acc[j] = acc[j].max(unsafe { line.load_filled::<PARTIAL>(x, k) });
    });
    let [a, b, c, d] = acc;
    line.gather_max(a.max(c).max(b.max(d)))
}

/// The sum of `e^(x - shift)` along the line in every lane.
///
/// # Safety
/// `x` must be valid for reads of the line.
#[inline(always)]
unsafe fn sum_exp<S: Simd, E: Element, L: Line<S, E>>(
    line: L,
    x: *const E,
    shift: E::Vector<S>,
) -> E::Vector<S> {
    let mut sum = LineSum::new(line.simd());
    for_line!(
        line,
        |k, j, PARTIAL| {
            // SAFETY: the caller vouches for the line.
            sum.add(j, exp(unsafe { line.load_filled::<PARTIAL>(x, k) } - shift));
        },
        { sum.flush() }
    );
    line.gather_sum(sum.total())
}

/// The largest element `m` of the line, and the logarithm of the sum of `e^(x - m)`.
///
/// # Safety
/// `x` must be valid for reads of the line.
#[inline(always)]
pub(super) unsafe fn max_and_log_sum<S: Simd, E: Element, L: Line<S, E>>(
    line: L,
    x: *const E,
) -> (E::Vector<S>, E::Vector<S>) {
    // SAFETY: the caller vouches for the line.
    unsafe {
        let max = max(line, x);
        (max, line.log(sum_exp(line, x, max)))
    }
}

/// `out = factor e^(x - shift)`.
///
/// # Safety
/// `x` must be valid for reads of the line, and `out` for writes.
#[inline(always)]
pub(super) unsafe fn scaled_exp<S: Simd, E: Element, L: Line<S, E>>(
    line: L,
    x: *const E,
    shift: E::Vector<S>,
    factor: E::Vector<S>,
    out: *mut E,
) {
    for_line!(line, |k, _j, PARTIAL| {
        // SAFETY: the caller vouches for the line.
        unsafe {
            let p = exp(line.load::<PARTIAL>(x, k) - shift);
            line.store::<PARTIAL>(p * factor, out, k);
        }
    });
}

/// `out = e^x / sum e^x`.
#[derive(Clone, Copy)]
pub(super) struct Softmax<E> {
    pub(super) x: Source<E>,
    pub(super) out: Shared<E>,
}

impl<E: Element> LineFn<E> for Softmax<E> {
    #[inline(always)]
    unsafe fn run<S: Simd, L: Line<S, E>>(self, line: L, at: usize, _: usize) {
        // SAFETY: the caller vouches for the line, here and below.
        let x = unsafe { self.x.at(at).as_ptr() };
        // SAFETY: the caller vouches for the line, here and below.
        let out = unsafe { self.out.at(at) };
        // SAFETY: as above.
        let max = unsafe { max(line, x) };
        let mut sum = LineSum::new(line.simd());
        for_line!(
            line,
            |k, j, PARTIAL| {
                // SAFETY: as above.
                unsafe {
                    let e = exp(line.load_filled::<PARTIAL>(x, k) - max);
                    line.store::<PARTIAL>(e, out, k);
                    sum.add(j, e);
                }
            },
            { sum.flush() }
        );
        let sum = line.gather_sum(sum.total());
        let factor = sum.lit(E::ONE) / sum;
        for_line!(line, |k, _j, PARTIAL| {
            line.prefetch_next(x, k);
            // SAFETY: as above.
            unsafe { line.store::<PARTIAL>(line.load::<PARTIAL>(out, k) * factor, out, k) };
        });
    }
}

/// `out = x - log sum e^x`.
#[derive(Clone, Copy)]
pub(super) struct LogSoftmax<E> {
    pub(super) x: Source<E>,
    pub(super) out: Shared<E>,
}

impl<E: Element> LineFn<E> for LogSoftmax<E> {
    #[inline(always)]
    unsafe fn run<S: Simd, L: Line<S, E>>(self, line: L, at: usize, _: usize) {
        // SAFETY: the caller vouches for the line, here and below.
        let x = unsafe { self.x.at(at).as_ptr() };
        // SAFETY: the caller vouches for the line, here and below.
        let out = unsafe { self.out.at(at) };
        // SAFETY: as above.
        let (max, log_sum) = unsafe { max_and_log_sum(line, x) };
        for_line!(line, |k, _j, PARTIAL| {
            line.prefetch_next(x, k);
            // SAFETY: as above.
            unsafe {
                let y = (line.load::<PARTIAL>(x, k) - max) - log_sum;
                line.store::<PARTIAL>(y, out, k);
            }
        });
    }
}

/// `out = log sum e^x`, a value for the line.
#[derive(Clone, Copy)]
pub(super) struct LogSumExp<E> {
    pub(super) x: Source<E>,
    pub(super) out: Shared<E>,
}

impl<E: Element> LineFn<E> for LogSumExp<E> {
    #[inline(always)]
    unsafe fn run<S: Simd, L: Line<S, E>>(self, line: L, at: usize, value: usize) {
        // SAFETY: the caller vouches for the line, here and below.
        let (x, out) = unsafe { (self.x.at(at).as_ptr(), self.out.at(value)) };
        // SAFETY: as above.
        let max = unsafe { max(line, x) };
        // Nothing is subtracted from an infinity: its exponential tells the answer.
        let infinite = max.abs().eq(max.lit(E::INFINITY));
        let shift = E::Vector::<S>::select(infinite, max.lit(E::ZERO), max);
        // SAFETY: as above.
        let total = shift + line.log(unsafe { sum_exp(line, x, shift) });
        // SAFETY: as above.
        unsafe { line.put_values(total, out) };
    }
}

/// The factor of a cotangent, but 0 where that is 0: the product stays zero, though the factor be infinite
/// or NaN.
#[inline(always)]
fn unless_zero<V: Lanes>(cotangent: V, factor: V) -> V {
    let zero = factor.lit(V::Elem::ZERO);
    V::select(cotangent.eq(zero), zero, factor)
}

/// `out = y (gy - sum gy y)`.
#[derive(Clone, Copy)]
pub(super) struct SoftmaxGrad<E> {
    pub(super) gy: Source<E>,
    pub(super) y: Source<E>,
    pub(super) out: Shared<E>,
}

impl<E: Element> LineFn<E> for SoftmaxGrad<E> {
    #[inline(always)]
    unsafe fn run<S: Simd, L: Line<S, E>>(self, line: L, at: usize, _: usize) {
        // SAFETY: the caller vouches for the line, here and below.
        let gy = unsafe { self.gy.at(at).as_ptr() };
        // SAFETY: as above.
        let (y, out) = unsafe { (self.y.at(at).as_ptr(), self.out.at(at)) };
        let mut dot = LineSum::new(line.simd());
        for_line!(
            line,
            |k, j, PARTIAL| {
                // SAFETY: as above.
                unsafe {
                    let gy = line.load::<PARTIAL>(gy, k);
                    dot.add_product(j, gy, unless_zero(gy, line.load::<PARTIAL>(y, k)));
                };
            },
            { dot.flush() }
        );
        let dot = line.gather_sum(dot.total());
        for_line!(line, |k, _j, PARTIAL| {
            line.prefetch_next(gy, k);
            line.prefetch_next(y, k);
            // SAFETY: as above.
            unsafe {
                let gy = line.load::<PARTIAL>(gy, k) - dot;
                let gx = unless_zero(gy, line.load::<PARTIAL>(y, k)) * gy;
                line.store::<PARTIAL>(gx, out, k);
            }
        });
    }
}

/// `out = gy - e^y sum gy`.
#[derive(Clone, Copy)]
pub(super) struct LogSoftmaxGrad<E> {
    pub(super) gy: Source<E>,
    pub(super) y: Source<E>,
    pub(super) out: Shared<E>,
}

impl<E: Element> LineFn<E> for LogSoftmaxGrad<E> {
    #[inline(always)]
    unsafe fn run<S: Simd, L: Line<S, E>>(self, line: L, at: usize, _: usize) {
        // SAFETY: the caller vouches for the line, here and below.
        let gy = unsafe { self.gy.at(at).as_ptr() };
        // SAFETY: as above.
        let (y, out) = unsafe { (self.y.at(at).as_ptr(), self.out.at(at)) };
        let mut sum = LineSum::new(line.simd());
        for_line!(
            line,
            |k, j, PARTIAL| {
                // SAFETY: as above.
                sum.add(j, unsafe { line.load::<PARTIAL>(gy, k) });
            },
            { sum.flush() }
        );
        let sum = line.gather_sum(sum.total());
        for_line!(line, |k, _j, PARTIAL| {
            line.prefetch_next(gy, k);
            line.prefetch_next(y, k);
            // SAFETY: as above.
            unsafe {
                let p = unless_zero(sum, exp(line.load::<PARTIAL>(y, k)));
                let gx = p.neg_mul_add(sum, line.load::<PARTIAL>(gy, k));
                line.store::<PARTIAL>(gx, out, k);
            }
        });
    }
}

/// `out = gy e^(x - total)`, with a `gy` and a `total` for each line.
#[derive(Clone, Copy)]
pub(super) struct LogSumExpGrad<E> {
    pub(super) gy: Source<E>,
    pub(super) x: Source<E>,
    pub(super) totals: Source<E>,
    pub(super) out: Shared<E>,
}

impl<E: Element> LineFn<E> for LogSumExpGrad<E> {
    #[inline(always)]
    unsafe fn run<S: Simd, L: Line<S, E>>(self, line: L, at: usize, value: usize) {
        // SAFETY: the caller vouches for the line, here and below.
        let (x, out) = unsafe { (self.x.at(at).as_ptr(), self.out.at(at)) };
        // SAFETY: as above.
        let (gy, total) = unsafe {
            (line.values(self.gy.at(value).as_ptr()), line.values(self.totals.at(value).as_ptr()))
        };
        // SAFETY: as above.
        unsafe { scaled_exp(line, x, total, gy, out) };
    }
}
