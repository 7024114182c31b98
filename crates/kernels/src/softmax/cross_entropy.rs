//! Cross entropy of rows of logits, and its gradient.
//!
//! The normalizer of a row is the pair of its largest logit and the sum of `e^(logit - largest)`.
//! They are kept apart because their sum, as a logarithm, is rounded to the precision of the
//! largest logit: to 64 for logits of 1e9.

use crate::Float;
use crate::elementwise::Run;
use crate::line::Row;
use crate::simd::{Kernel, Lanes, MAX_LANES, Simd};

use super::functions::{infinities, max_and_sum, scaled_exp};

pub(super) struct CrossEntropy<'a, E> {
    pub(super) x: &'a [E],
    pub(super) cols: usize,
    pub(super) labels: &'a [usize],
    pub(super) losses: &'a mut [E],
    pub(super) normalizers: &'a mut [[E; 2]],
}

impl<E: Float> Kernel for CrossEntropy<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let rows = self.x.chunks_exact(self.cols.max(1)).zip(self.labels);
        let out = self.losses.iter_mut().zip(self.normalizers);
        for ((x, &label), (loss, normalizer)) in rows.zip(out) {
            let line = Row::new(simd, x.len());
            // SAFETY: the line is the row `x`.
            let (max, sum) = unsafe { max_and_sum(line, x.as_ptr()) };
            let mut values = [[E::ZERO; MAX_LANES]; 2];
            max.store(&mut values[0]);
            sum.store(&mut values[1]);
            let [[max, ..], [sum, ..]] = values;
            if max == E::INFINITY {
                (*loss, *normalizer) = at_infinity(x, label);
                continue;
            }
            *normalizer = [max, sum];
            *loss = (max - x[label]) + E::from_f64(sum.to_f64().ln());
        }
    }
}

/// The loss and the normalizer of a row with a logit of `+inf`: if it is the only one and none is
/// NaN, their limits.
#[cold]
#[inline(never)]
fn at_infinity<E: Float>(x: &[E], label: usize) -> (E, [E; 2]) {
    let sum = if infinities(x.iter().copied()) == Some(1) { E::ONE } else { E::NAN };
    let loss = if x[label] == E::INFINITY { E::ZERO } else { E::INFINITY };
    (loss * sum, [E::INFINITY, sum])
}

pub(super) struct CrossEntropyGrad<'a, E> {
    pub(super) x: &'a [E],
    pub(super) cols: usize,
    pub(super) labels: &'a [usize],
    pub(super) normalizers: &'a [[E; 2]],
    pub(super) gy: Run<'a, E>,
    pub(super) out: &'a mut [E],
}

impl<E: Float> Kernel for CrossEntropyGrad<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let cols = self.cols;
        let rows = self.x.chunks_exact(cols.max(1)).zip(self.out.chunks_exact_mut(cols.max(1)));
        for (i, (x, out)) in rows.enumerate() {
            let gy = match self.gy {
                Run::Slice(gy) => gy[i],
                Run::Splat(gy) => gy,
            };
            let [max, sum] = self.normalizers[i];
            let share = gy / sum;
            if max == E::INFINITY {
                one_hot(x, share, out);
            } else {
                let shift = E::Vector::<S>::splat(simd, max);
                let factor = E::Vector::<S>::splat(simd, share);
                let line = Row::new(simd, cols);
                // SAFETY: `x` and `out` are chunks of `cols` elements, as is the line.
                unsafe { scaled_exp(line, x.as_ptr(), shift, factor, out.as_mut_ptr()) };
            }
            let label = self.labels[i];
            out[label] -= gy;
        }
    }
}

/// `share` where the logit is `+inf`, and zero elsewhere; NaN if `share` is.
#[cold]
#[inline(never)]
fn one_hot<E: Float>(x: &[E], share: E, out: &mut [E]) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out = if x == E::INFINITY { share } else { share * E::ZERO };
    }
}
