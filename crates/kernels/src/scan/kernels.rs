//! The scans, compiled for each element type.

use std::ops::Range;

use crate::Float;
use crate::family::family;
use crate::simd::{Kernel, Level, Simd, run_on};
use crate::slices::Shared;
use crate::threads;

/// How an element is combined with the result before it.
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
const GRAIN: usize = threads::work(1 << 16);

/// The adjacent lines whose states are kept at a time, so that they stay in the L1 cache.
const WIDTH: usize = 512;

/// The state of a line: the result so far, and what rounding has cut off from it. Only sums of f64
/// use the latter.
type State = [f64; 2];

/// One step of a line: from its state, its next element and factor to its next state. Sums and
/// products do not read the factor.
trait Step<E: Float>: Copy + Send + Sync {
    fn next(self, state: State, x: E, factor: E) -> State;

    /// The state after the first element.
    #[inline(always)]
    fn first(self, x: E) -> State {
        [x.to_f64(), 0.0]
    }

    #[inline(always)]
    fn value(self, [result, _]: State) -> E {
        E::from_f64(result)
    }
}

/// An element type's running sum.
trait RunningSum: Float {
    type Add: Step<Self>;
    const ADD: Self::Add;
}

impl RunningSum for f32 {
    type Add = Add;
    const ADD: Add = Add;
}

impl RunningSum for f64 {
    type Add = AddCompensated;
    const ADD: AddCompensated = AddCompensated;
}

/// The running sum, for elements of less precision than f64.
#[derive(Clone, Copy)]
struct Add;

impl Step<f32> for Add {
    #[inline(always)]
    fn next(self, [sum, cut]: State, x: f32, _: f32) -> State {
        [sum + f64::from(x), cut]
    }
}

/// The running sum of f64, and the sum of what its roundings have cut off (D. E. Knuth, "The Art of
/// Computer Programming", vol. 2, 4.2.2, theorem B).
#[derive(Clone, Copy)]
struct AddCompensated;

impl Step<f64> for AddCompensated {
    #[inline(always)]
    fn next(self, [sum, cut]: State, x: f64, _: f64) -> State {
        let next = sum + x;
        let added = next - sum;
        let error = (sum - (next - added)) + (x - added);
        // At an infinite sum the error is NaN.
        [next, cut + if next.is_finite() { error } else { 0.0 }]
    }

    #[inline(always)]
    fn value(self, [sum, cut]: State) -> f64 {
        sum + cut
    }
}

#[derive(Clone, Copy)]
struct Multiply;

impl<E: Float> Step<E> for Multiply {
    #[inline(always)]
    fn next(self, [product, cut]: State, x: E, _: E) -> State {
        [product * x.to_f64(), cut]
    }
}

#[derive(Clone, Copy)]
struct Recur;

impl<E: Float> Step<E> for Recur {
    #[inline(always)]
    fn next(self, [state, cut]: State, x: E, factor: E) -> State {
        // A zero cotangent stays zero, though the factor be infinite or NaN.
        let carried = if state == 0.0 { 0.0 } else { factor.to_f64() * state };
        [x.to_f64() + carried, cut]
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

impl<E: Float, T: Step<E>> Kernel for Planes<'_, E, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { step, x, factors, out, axis, inner, reverse } = self;
        let plane = axis * inner;
        let planes = x.chunks_exact(plane).zip(factors.chunks_exact(plane));
        let planes = planes.zip(out.chunks_exact_mut(plane));
        if inner == 1 {
            for ((x, factors), out) in planes {
                let line = out.iter_mut().zip(x).zip(factors);
                if reverse { one_line(step, line.rev()) } else { one_line(step, line) }
            }
            return;
        }
        let [mut results, mut cuts] = [[0.0; WIDTH]; 2];
        for ((x, factors), out) in planes {
            for start in (0..inner).step_by(WIDTH) {
                let width = WIDTH.min(inner - start);
                for i in 0..axis {
                    let row = if reverse { axis - 1 - i } else { i };
                    let range = row * inner + start..row * inner + start + width;
                    let operands = x[range.clone()].iter().zip(&factors[range.clone()]);
                    let states = results[..width].iter_mut().zip(&mut cuts[..width]);
                    let lines = out[range].iter_mut().zip(operands).zip(states);
                    for ((out, (&x, &factor)), (result, cut)) in lines {
                        let state = if i == 0 {
                            step.first(x)
                        } else {
                            step.next([*result, *cut], x, factor)
                        };
                        [*result, *cut] = state;
                        *out = step.value(state);
                    }
                }
            }
        }
    }
}

/// The scan of one line, whose state stays in registers.
#[inline(always)]
fn one_line<'a, E: Float, T: Step<E>>(
    step: T,
    mut line: impl Iterator<Item = ((&'a mut E, &'a E), &'a E)>,
) {
    let Some(((out, &x), _)) = line.next() else { return };
    let mut state = step.first(x);
    *out = step.value(state);
    for ((out, &x), &factor) in line {
        state = step.next(state, x, factor);
        *out = step.value(state);
    }
}

#[track_caller]
fn scan_axis<E: Float, T: Step<E>>(
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

family! {
    /// The scans of an element type.
    ScanKernels:
    fn scan_kernel(
        op: Scan, x: &[Self], dims: [usize; 3], reverse: bool, out: &mut [Self]
    ) = scan;
    fn recurrence_kernel(
        x: &[Self], factors: &[Self], dims: [usize; 3], reverse: bool, out: &mut [Self]
    ) = recurrence;
}

#[track_caller]
fn scan<E: RunningSum>(op: Scan, x: &[E], dims: [usize; 3], reverse: bool, out: &mut [E]) {
    match op {
        Scan::Sum => scan_axis(E::ADD, x, x, dims, reverse, out),
        Scan::Prod => scan_axis(Multiply, x, x, dims, reverse, out),
    }
}

#[track_caller]
fn recurrence<E: Float>(x: &[E], factors: &[E], dims: [usize; 3], reverse: bool, out: &mut [E]) {
    scan_axis(Recur, x, factors, dims, reverse, out);
}
