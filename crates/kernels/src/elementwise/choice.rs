//! Comparisons, which give truth values, and choices by truth values.
//!
//! The loops are plain ones; compiled for a level, they use its vectors.

use crate::Float;
use crate::simd::{Kernel, Level, Simd, run_on};
use crate::slices::{Run, Shared, check_len};
use crate::threads::{self, Cost};

/// A comparison of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Comparison {
    /// `a < b`.
    Lt,
    /// `a <= b`.
    Le,
    /// `a > b`.
    Gt,
    /// `a >= b`.
    Ge,
    /// `a == b`.
    Eq,
    /// `a != b`.
    Ne,
}

/// The part of an operand that belongs to a range of the output.
fn part<'a, E: Copy>(run: Run<'a, E>, range: &std::ops::Range<usize>) -> Run<'a, E> {
    match run {
        Run::Slice(slice) => Run::Slice(&slice[range.clone()]),
        Run::Splat(element) => Run::Splat(element),
    }
}

struct Compare<'a, E, F> {
    holds: F,
    a: Run<'a, E>,
    b: Run<'a, E>,
    out: &'a mut [bool],
}

impl<E: Float, F: Fn(E, E) -> bool> Kernel for Compare<'_, E, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { holds, a, b, out } = self;
        match (a, b) {
            (Run::Slice(a), Run::Slice(b)) => {
                for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
                    *out = holds(a, b);
                }
            }
            (Run::Slice(a), Run::Splat(b)) => {
                for (out, &a) in out.iter_mut().zip(a) {
                    *out = holds(a, b);
                }
            }
            (Run::Splat(a), Run::Slice(b)) => {
                for (out, &b) in out.iter_mut().zip(b) {
                    *out = holds(a, b);
                }
            }
            (Run::Splat(a), Run::Splat(b)) => out.fill(holds(a, b)),
        }
    }
}

struct Select<'a, E> {
    mask: &'a [bool],
    yes: Run<'a, E>,
    no: Run<'a, E>,
    out: &'a mut [E],
}

impl<E: Float> Kernel for Select<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let out = self.out.iter_mut().zip(self.mask);
        match (self.yes, self.no) {
            (Run::Slice(yes), Run::Slice(no)) => {
                for (((out, &mask), &yes), &no) in out.zip(yes).zip(no) {
                    *out = if mask { yes } else { no };
                }
            }
            (Run::Slice(yes), Run::Splat(no)) => {
                for ((out, &mask), &yes) in out.zip(yes) {
                    *out = if mask { yes } else { no };
                }
            }
            (Run::Splat(yes), Run::Slice(no)) => {
                for ((out, &mask), &no) in out.zip(no) {
                    *out = if mask { yes } else { no };
                }
            }
            (Run::Splat(yes), Run::Splat(no)) => {
                for (out, &mask) in out {
                    *out = if mask { yes } else { no };
                }
            }
        }
    }
}

#[track_caller]
pub(super) fn compare<E: Float>(op: Comparison, a: Run<'_, E>, b: Run<'_, E>, out: &mut [bool]) {
    let len = out.len();
    a.check("a", len);
    b.check("b", len);
    let level = Level::current();
    let out = Shared::new(out);
    threads::for_ranges(len, Cost::Light.grain(), |range| {
        let (a, b) = (part(a, &range), part(b, &range));
        // SAFETY: the ranges are disjoint parts of `0..len`.
        let out = unsafe { out.part(range) };
        match op {
            Comparison::Lt => run_on(level, Compare { holds: |a: E, b: E| a < b, a, b, out }),
            Comparison::Le => run_on(level, Compare { holds: |a: E, b: E| a <= b, a, b, out }),
            Comparison::Gt => run_on(level, Compare { holds: |a: E, b: E| a > b, a, b, out }),
            Comparison::Ge => run_on(level, Compare { holds: |a: E, b: E| a >= b, a, b, out }),
            Comparison::Eq => run_on(level, Compare { holds: |a: E, b: E| a == b, a, b, out }),
            Comparison::Ne => run_on(level, Compare { holds: |a: E, b: E| a != b, a, b, out }),
        }
    });
}

#[track_caller]
pub(super) fn select<E: Float>(mask: &[bool], yes: Run<'_, E>, no: Run<'_, E>, out: &mut [E]) {
    let len = out.len();
    check_len("mask", mask.len(), len);
    yes.check("yes", len);
    no.check("no", len);
    let level = Level::current();
    let out = Shared::new(out);
    threads::for_ranges(len, Cost::Light.grain(), |range| {
        let (mask, yes, no) = (&mask[range.clone()], part(yes, &range), part(no, &range));
        // SAFETY: the ranges are disjoint parts of `0..len`.
        let out = unsafe { out.part(range) };
        run_on(level, Select { mask, yes, no, out });
    });
}
