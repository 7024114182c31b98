//! What is computed along a line: softmax, its logarithm, its normalizer, and their gradients.

use crate::Float;
use crate::line::{BLOCK, Line, LineSum, UNROLL, for_line};
use crate::math::exp_lanes as exp;
use crate::simd::{Lanes, Mask as _, Simd};
use crate::slices::{Operand as _, Shared, Source};

/// A function of whole lines.
pub(super) trait LineFn<E: Float>: Copy + Send + Sync {
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
unsafe fn max<S: Simd, E: Float, L: Line<S, E>>(line: L, x: *const E) -> E::Vector<S> {
    let mut acc = [E::Vector::<S>::splat(line.simd(), E::NEG_INFINITY); UNROLL];
    for_line!(line, |k, j, PARTIAL| {
        // SAFETY: `x` is valid for the line, by this function's contract.
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
unsafe fn sum_exp<S: Simd, E: Float, L: Line<S, E>>(
    line: L,
    x: *const E,
    shift: E::Vector<S>,
) -> E::Vector<S> {
    let mut sum = LineSum::new(line.simd());
    for_line!(
        line,
        |k, j, PARTIAL| {
            // SAFETY: `x` is valid for the line, by this function's contract.
            sum.add(j, exp(unsafe { line.load_filled::<PARTIAL>(x, k) } - shift));
        },
        { sum.flush() }
    );
    line.gather_sum(sum.total())
}

/// The largest element `m` of the line, and the sum of `e^(x - m)`.
///
/// # Safety
/// `x` must be valid for reads of the line.
#[inline(always)]
pub(super) unsafe fn max_and_sum<S: Simd, E: Float, L: Line<S, E>>(
    line: L,
    x: *const E,
) -> (E::Vector<S>, E::Vector<S>) {
    // SAFETY: `x` is valid for reads of the line, by this function's contract.
    unsafe {
        let max = max(line, x);
        (max, sum_exp(line, x, max))
    }
}

/// The number of elements that are `+inf`; `None` if one is NaN.
pub(super) fn infinities<E: Float>(x: impl Iterator<Item = E>) -> Option<usize> {
    let mut count = 0;
    for x in x {
        if x.is_nan() {
            return None;
        }
        count += usize::from(x == E::INFINITY);
    }
    Some(count)
}

/// Overwrites the output of lines that contain `+inf`: with `hit` at the only infinity and `miss`
/// elsewhere, and with NaN if there is a second infinity or a NaN, as there is no limit then. Other
/// lines stay.
///
/// Apart from the vector code because `inf - inf` is NaN there, and compiled once per element type.
///
/// # Safety
/// `x` must be valid for reads, and `out` for writes, at `line + k * stride` for each line below
/// `lines` and each `k` below `len`.
#[cold]
#[inline(never)]
unsafe fn limits<E: Float>(
    x: *const E,
    out: *mut E,
    [lines, len, stride]: [usize; 3],
    [hit, miss]: [E; 2],
) {
    for line in 0..lines {
        // SAFETY: `line < lines` and `k < len`, which this function's contract covers.
        let element = |k: usize| unsafe { *x.add(line + k * stride) };
        let infinities = infinities((0..len).map(element));
        if infinities == Some(0) {
            continue;
        }
        for k in 0..len {
            let limit = match infinities {
                Some(1) if element(k) == E::INFINITY => hit,
                Some(1) => miss,
                _ => E::NAN,
            };
            // SAFETY: `line < lines` and `k < len`, which this function's contract covers.
            unsafe { *out.add(line + k * stride) = limit };
        }
    }
}

/// Writes `e^(x - m)` for the largest element `m` of the line, and returns `m` and the sum. If the
/// only infinity of the line is `m = +inf`, the exponentials are 1 there and 0 elsewhere, and the
/// sum is 1.
///
/// # Safety
/// `x` must be valid for reads of the line, and `out` for writes.
#[inline(always)]
unsafe fn exponentials<S: Simd, E: Float, L: Line<S, E>>(
    line: L,
    x: *const E,
    out: *mut E,
) -> (E::Vector<S>, E::Vector<S>) {
    // SAFETY: `x` is valid for reads of the line, by this function's contract.
    let max = unsafe { max(line, x) };
    let mut sum = LineSum::new(line.simd());
    for_line!(
        line,
        |k, j, PARTIAL| {
            // SAFETY: vector `k` lies within the line, for which `x` and `out` are valid by this
            // function's contract.
            unsafe {
                let e = exp(line.load_filled::<PARTIAL>(x, k) - max);
                line.store::<PARTIAL>(e, out, k);
                sum.add(j, e);
            }
        },
        { sum.flush() }
    );
    let sum = line.gather_sum(sum.total());
    let infinite = max.eq(max.lit(E::INFINITY));
    if !infinite.any() {
        return (max, sum);
    }
    // SAFETY: `x` and `out` are valid for the line, whose places are `line.extent()`.
    unsafe { limits(x, out, line.extent(), [E::ONE, E::ZERO]) };
    (max, E::Vector::<S>::select(infinite, max.lit(E::ONE), sum))
}

/// Multiplies the line of `out` by `factor`, while the next line of `x` is prefetched.
///
/// # Safety
/// `out` must be valid for reads and writes of the line.
#[inline(always)]
unsafe fn multiply<S: Simd, E: Float, L: Line<S, E>>(
    line: L,
    x: *const E,
    factor: E::Vector<S>,
    out: *mut E,
) {
    for_line!(line, |k, _j, PARTIAL| {
        line.prefetch_next(x, k);
        // SAFETY: vector `k` lies within the line, for which `out` is valid by this function's
        // contract.
        unsafe { line.store::<PARTIAL>(line.load::<PARTIAL>(out, k) * factor, out, k) };
    });
}

/// `out = factor e^(x - shift)`.
///
/// # Safety
/// `x` must be valid for reads of the line, and `out` for writes.
#[inline(always)]
pub(super) unsafe fn scaled_exp<S: Simd, E: Float, L: Line<S, E>>(
    line: L,
    x: *const E,
    shift: E::Vector<S>,
    factor: E::Vector<S>,
    out: *mut E,
) {
    for_line!(line, |k, _j, PARTIAL| {
        // SAFETY: `x` and `out` are valid for the line, by this function's contract.
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

impl<E: Float> LineFn<E> for Softmax<E> {
    #[inline(always)]
    unsafe fn run<S: Simd, L: Line<S, E>>(self, line: L, at: usize, _: usize) {
        // SAFETY: the line lies within the operands, by the contract of `run`.
        let x = unsafe { self.x.at(at).as_ptr() };
        // SAFETY: the line lies within the operands, by the contract of `run`.
        let out = unsafe { self.out.at(at) };
        // SAFETY: the line lies within both operands, by the contract of `run`.
        unsafe {
            let (_, sum) = exponentials(line, x, out);
            multiply(line, x, sum.lit(E::ONE) / sum, out);
        }
    }
}

/// `out = x - log sum e^x`.
#[derive(Clone, Copy)]
pub(super) struct LogSoftmax<E> {
    pub(super) x: Source<E>,
    pub(super) out: Shared<E>,
}

impl<E: Float> LineFn<E> for LogSoftmax<E> {
    #[inline(always)]
    unsafe fn run<S: Simd, L: Line<S, E>>(self, line: L, at: usize, _: usize) {
        // SAFETY: the line lies within the operands, by the contract of `run`.
        let x = unsafe { self.x.at(at).as_ptr() };
        // SAFETY: the line lies within the operands, by the contract of `run`.
        let out = unsafe { self.out.at(at) };
        // SAFETY: the line lies within the operand, by the contract of `run`.
        let (max, sum) = unsafe { max_and_sum(line, x) };
        let log_sum = line.log(sum);
        for_line!(line, |k, _j, PARTIAL| {
            line.prefetch_next(x, k);
            // SAFETY: the line lies within the operands, by the contract of `run`.
            unsafe {
                let y = (line.load::<PARTIAL>(x, k) - max) - log_sum;
                line.store::<PARTIAL>(y, out, k);
            }
        });
        if max.eq(max.lit(E::INFINITY)).any() {
            // SAFETY: the line lies within both operands, by the contract of `run`, and its places
            // are `line.extent()`.
            unsafe { limits(x, out, line.extent(), [E::ZERO, E::NEG_INFINITY]) };
        }
    }
}

/// `out = log sum e^x`, a value for the line.
#[derive(Clone, Copy)]
pub(super) struct LogSumExp<E> {
    pub(super) x: Source<E>,
    pub(super) out: Shared<E>,
}

impl<E: Float> LineFn<E> for LogSumExp<E> {
    #[inline(always)]
    unsafe fn run<S: Simd, L: Line<S, E>>(self, line: L, at: usize, value: usize) {
        // SAFETY: the line lies within the operands, by the contract of `run`.
        let (x, out) = unsafe { (self.x.at(at).as_ptr(), self.out.at(value)) };
        // SAFETY: the line lies within the operands, by the contract of `run`.
        let max = unsafe { max(line, x) };
        // Nothing is subtracted from an infinity: its exponential is the result.
        let infinite = max.abs().eq(max.lit(E::INFINITY));
        let shift = E::Vector::<S>::select(infinite, max.lit(E::ZERO), max);
        // SAFETY: the line lies within the operands, by the contract of `run`.
        let total = shift + line.log(unsafe { sum_exp(line, x, shift) });
        // SAFETY: the line lies within the operands, by the contract of `run`.
        unsafe { line.put_values(total, out) };
    }
}

/// The factor of a cotangent, but 0 where that is 0: the product stays zero, though the factor be
/// infinite or NaN.
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

impl<E: Float> LineFn<E> for SoftmaxGrad<E> {
    #[inline(always)]
    unsafe fn run<S: Simd, L: Line<S, E>>(self, line: L, at: usize, _: usize) {
        // SAFETY: the line lies within all three operands, by the contract of `run`.
        let (gy, y, out) =
            unsafe { (self.gy.at(at).as_ptr(), self.y.at(at).as_ptr(), self.out.at(at)) };
        let mut dot = LineSum::new(line.simd());
        for_line!(
            line,
            |k, j, PARTIAL| {
                // SAFETY: vector `k` lies within the line.
                unsafe {
                    dot.add_product(j, line.load::<PARTIAL>(gy, k), line.load::<PARTIAL>(y, k));
                };
            },
            { dot.flush() }
        );
        let dot = line.gather_sum(dot.total());
        for_line!(line, |k, _j, PARTIAL| {
            line.prefetch_next(gy, k);
            line.prefetch_next(y, k);
            // SAFETY: vector `k` lies within the line.
            unsafe {
                let gx = line.load::<PARTIAL>(y, k) * (line.load::<PARTIAL>(gy, k) - dot);
                line.store::<PARTIAL>(gx, out, k);
            }
        });
        // A softmax that is not a number is so in its whole line, and makes the whole gradient NaN:
        // also that of a zero cotangent, which has to stay zero.
        if dot.unordered(dot).any() {
            // SAFETY: `gy` and `out` are valid for the line, whose places are `line.extent()`.
            unsafe { zero_lines(gy, E::ZERO, out, line.extent()) };
        }
    }
}

/// `out = gy - e^y sum gy`.
#[derive(Clone, Copy)]
pub(super) struct LogSoftmaxGrad<E> {
    pub(super) gy: Source<E>,
    pub(super) y: Source<E>,
    pub(super) out: Shared<E>,
}

impl<E: Float> LineFn<E> for LogSoftmaxGrad<E> {
    #[inline(always)]
    unsafe fn run<S: Simd, L: Line<S, E>>(self, line: L, at: usize, _: usize) {
        // SAFETY: the line lies within the operands, by the contract of `run`.
        let gy = unsafe { self.gy.at(at).as_ptr() };
        // SAFETY: the line lies within the operands, by the contract of `run`.
        let (y, out) = unsafe { (self.y.at(at).as_ptr(), self.out.at(at)) };
        let mut sum = LineSum::new(line.simd());
        for_line!(
            line,
            |k, j, PARTIAL| {
                // SAFETY: the line lies within the operands, by the contract of `run`.
                sum.add(j, unsafe { line.load::<PARTIAL>(gy, k) });
            },
            { sum.flush() }
        );
        let sum = line.gather_sum(sum.total());
        for_line!(line, |k, _j, PARTIAL| {
            line.prefetch_next(gy, k);
            line.prefetch_next(y, k);
            // SAFETY: the line lies within the operands, by the contract of `run`.
            unsafe {
                let p = unless_zero(sum, exp(line.load::<PARTIAL>(y, k)));
                let gx = p.neg_mul_add(sum, line.load::<PARTIAL>(gy, k));
                line.store::<PARTIAL>(gx, out, k);
            }
        });
    }
}

/// `out = gy e^x / sum e^x`, with a `gy` for each line; zero for a line of nothing but `-inf`.
#[derive(Clone, Copy)]
pub(super) struct LogSumExpGrad<E> {
    pub(super) gy: Source<E>,
    pub(super) x: Source<E>,
    pub(super) out: Shared<E>,
}

impl<E: Float> LineFn<E> for LogSumExpGrad<E> {
    #[inline(always)]
    unsafe fn run<S: Simd, L: Line<S, E>>(self, line: L, at: usize, value: usize) {
        // SAFETY: the line lies within `x` and `out`, and its values within `gy`, by the contract
        // of `run`.
        unsafe {
            let (x, out) = (self.x.at(at).as_ptr(), self.out.at(at));
            let gy = line.values(self.gy.at(value).as_ptr());
            let (max, sum) = exponentials(line, x, out);
            multiply(line, x, gy / sum, out);
            // `-inf - -inf` is NaN: a line without another element than `-inf` or NaN.
            if max.eq(max.lit(E::NEG_INFINITY)).any() {
                zero_lines(x, E::NEG_INFINITY, out, line.extent());
            }
        }
    }
}

/// Overwrites the output of lines of nothing but `value` with zeros. Other lines stay.
///
/// # Safety
/// As for [`limits`].
#[cold]
#[inline(never)]
unsafe fn zero_lines<E: Float>(
    x: *const E,
    value: E,
    out: *mut E,
    [lines, len, stride]: [usize; 3],
) {
    for line in 0..lines {
        let places = (0..len).map(|k| line + k * stride);
        // SAFETY: the places are those of this function's contract.
        if places.clone().all(|at: usize| unsafe { *x.add(at) } == value) {
            // SAFETY: the places are those of this function's contract.
            places.for_each(|at| unsafe { *out.add(at) = E::ZERO });
        }
    }
}
