//! Cross entropy of rows of logits, and its gradient.

use crate::Element;
use crate::elementwise::Run;
use crate::line::Row;
use crate::simd::{Kernel, Lanes, MAX_LANES, Simd};

use super::functions::{max_and_log_sum, scaled_exp};

pub(super) struct CrossEntropy<'a, E> {
    pub(super) x: &'a [E],
    pub(super) cols: usize,
    pub(super) labels: &'a [usize],
    pub(super) losses: &'a mut [E],
    pub(super) log_sum_exp: &'a mut [E],
}

impl<E: Element> Kernel for CrossEntropy<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let rows = self.x.chunks_exact(self.cols.max(1)).zip(self.labels);
        let out = self.losses.iter_mut().zip(self.log_sum_exp);
        for ((x, &label), (loss, log_sum_exp)) in rows.zip(out) {
            let line = Row::new(simd, x.len());
            // SAFETY: the line is the row.
            let (max, log_sum) = unsafe { max_and_log_sum(line, x.as_ptr()) };
            let mut values = [[E::ZERO; MAX_LANES]; 2];
            max.store(&mut values[0]);
            log_sum.store(&mut values[1]);
            let [[max, ..], [log_sum, ..]] = values;
            *log_sum_exp = max + log_sum;
            *loss = (max - x[label]) + log_sum;
        }
    }
}

pub(super) struct CrossEntropyGrad<'a, E> {
    pub(super) x: &'a [E],
    pub(super) cols: usize,
    pub(super) labels: &'a [usize],
    pub(super) log_sum_exp: &'a [E],
    pub(super) gy: Run<'a, E>,
    pub(super) out: &'a mut [E],
}

impl<E: Element> Kernel for CrossEntropyGrad<'_, E> {
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
            let shift = E::Vector::<S>::splat(simd, self.log_sum_exp[i]);
            let factor = E::Vector::<S>::splat(simd, gy);
            let line = Row::new(simd, cols);
            // SAFETY: the line is the row, of both.
            unsafe { scaled_exp(line, x.as_ptr(), shift, factor, out.as_mut_ptr()) };
            let label = self.labels[i];
            out[label] -= gy;
        }
    }
}
