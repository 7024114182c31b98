//! The passes over a row, on vectors.

use crate::Element;
use crate::elementwise::Run;
use crate::math::exp_lanes as exp;
use crate::simd::{Kernel, Lanes, Simd};

/// Calls `$body` with every vector of the row and the number of its lanes that are there.
macro_rules! for_vectors {
    ($E:ty, $S:ty, $len:expr, |$at:ident, $count:ident| $body:block) => {{
        let lanes = <$E as Element>::Vector::<$S>::LANES;
        let len = $len;
        let mut $at = 0;
        while $at < len {
            let $count = lanes.min(len - $at);
            $body
            $at += lanes;
        }
    }};
}

/// The vectors added up one after the other before a block joins the total.
const BLOCK: usize = 64;

/// A sum of vectors in blocks. With it the error grows with `n / BLOCK + BLOCK`, not with `n`.
#[derive(Clone, Copy)]
struct BlockSum<V> {
    total: V,
    block: V,
    count: usize,
}

impl<V: Lanes> BlockSum<V> {
    #[inline(always)]
    fn new(zero: V) -> Self {
        Self { total: zero, block: zero, count: 0 }
    }

    #[inline(always)]
    fn add(&mut self, x: V) {
        self.block = self.block + x;
        self.count += 1;
        if self.count == BLOCK {
            self.total = self.total + self.block;
            self.block = self.block.lit(V::Elem::ZERO);
            self.count = 0;
        }
    }

    #[inline(always)]
    fn value(self) -> V::Elem {
        (self.total + self.block).reduce_sum()
    }
}

/// Part of a row as a vector, `fill` in the lanes that are not there.
#[inline(always)]
fn load<S: Simd, E: Element>(simd: S, row: &[E], at: usize, count: usize, fill: E) -> E::Vector<S> {
    let lanes = E::Vector::<S>::LANES;
    if count == lanes {
        return E::Vector::<S>::load(simd, &row[at..]);
    }
    let mut part = [fill; crate::simd::MAX_LANES];
    part[..count].copy_from_slice(&row[at..at + count]);
    E::Vector::<S>::load(simd, &part)
}

#[inline(always)]
fn store<V: Lanes>(v: V, row: &mut [V::Elem], at: usize, count: usize) {
    if count == V::LANES {
        v.store(&mut row[at..]);
    } else {
        v.store_partial(&mut row[at..at + count]);
    }
}

/// The maximum, but for NaN, which may or may not be passed over.
#[inline(always)]
fn row_max<S: Simd, E: Element>(simd: S, row: &[E]) -> E {
    let mut acc = [E::Vector::<S>::splat(simd, E::NEG_INFINITY); 4];
    let mut j = 0;
    for_vectors!(E, S, row.len(), |at, count| {
        acc[j] = acc[j].max(load(simd, row, at, count, E::NEG_INFINITY));
        j = (j + 1) % 4;
    });
    let all = acc[0].max(acc[1]).max(acc[2].max(acc[3]));
    all.reduce(|a, b| if a > b { a } else { b })
}

/// The row's maximum and the sum of `e^(x - maximum)`.
#[inline(always)]
fn max_and_sum<S: Simd, E: Element>(simd: S, row: &[E]) -> (E, E) {
    let max = row_max(simd, row);
    let shift = E::Vector::<S>::splat(simd, max);
    let mut sum = BlockSum::new(E::Vector::<S>::splat(simd, E::ZERO));
    for_vectors!(E, S, row.len(), |at, count| {
        let x = load(simd, row, at, count, E::NEG_INFINITY);
        sum.add(exp(x - shift));
    });
    (max, sum.value())
}

fn log<E: Element>(x: E) -> E {
    E::from_f64(x.to_f64().ln())
}

pub(super) struct Softmax<'a, E> {
    pub(super) x: &'a [E],
    pub(super) cols: usize,
    pub(super) out: &'a mut [E],
}

impl<E: Element> Kernel for Softmax<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for (x, out) in
            self.x.chunks_exact(self.cols.max(1)).zip(self.out.chunks_exact_mut(self.cols.max(1)))
        {
            let shift = E::Vector::<S>::splat(simd, row_max(simd, x));
            let mut sum = BlockSum::new(E::Vector::<S>::splat(simd, E::ZERO));
            for_vectors!(E, S, x.len(), |at, count| {
                let e = exp(load(simd, x, at, count, E::NEG_INFINITY) - shift);
                store(e, out, at, count);
                sum.add(e);
            });
            let factor = E::Vector::<S>::splat(simd, E::ONE / sum.value());
            for_vectors!(E, S, x.len(), |at, count| {
                let e = load(simd, out, at, count, E::ZERO);
                store(e * factor, out, at, count);
            });
        }
    }
}

pub(super) struct LogSoftmax<'a, E> {
    pub(super) x: &'a [E],
    pub(super) cols: usize,
    pub(super) out: &'a mut [E],
}

impl<E: Element> Kernel for LogSoftmax<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for (x, out) in
            self.x.chunks_exact(self.cols.max(1)).zip(self.out.chunks_exact_mut(self.cols.max(1)))
        {
            let (max, sum) = max_and_sum(simd, x);
            let max = E::Vector::<S>::splat(simd, max);
            let log_sum = E::Vector::<S>::splat(simd, log(sum));
            for_vectors!(E, S, x.len(), |at, count| {
                let x = load(simd, x, at, count, E::ZERO);
                store((x - max) - log_sum, out, at, count);
            });
        }
    }
}

pub(super) struct SoftmaxGrad<'a, E> {
    pub(super) gy: &'a [E],
    pub(super) y: &'a [E],
    pub(super) cols: usize,
    pub(super) out: &'a mut [E],
}

impl<E: Element> Kernel for SoftmaxGrad<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let cols = self.cols;
        let rows = self.gy.chunks_exact(cols.max(1)).zip(self.y.chunks_exact(cols.max(1)));
        for ((gy, y), out) in rows.zip(self.out.chunks_exact_mut(cols.max(1))) {
            let mut dot = BlockSum::new(E::Vector::<S>::splat(simd, E::ZERO));
            for_vectors!(E, S, cols, |at, count| {
                dot.add(load(simd, gy, at, count, E::ZERO) * load(simd, y, at, count, E::ZERO));
            });
            let dot = E::Vector::<S>::splat(simd, dot.value());
            for_vectors!(E, S, cols, |at, count| {
                let gy = load(simd, gy, at, count, E::ZERO);
                let y = load(simd, y, at, count, E::ZERO);
                store(y * (gy - dot), out, at, count);
            });
        }
    }
}

pub(super) struct LogSoftmaxGrad<'a, E> {
    pub(super) gy: &'a [E],
    pub(super) y: &'a [E],
    pub(super) cols: usize,
    pub(super) out: &'a mut [E],
}

impl<E: Element> Kernel for LogSoftmaxGrad<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let cols = self.cols;
        let rows = self.gy.chunks_exact(cols.max(1)).zip(self.y.chunks_exact(cols.max(1)));
        for ((gy, y), out) in rows.zip(self.out.chunks_exact_mut(cols.max(1))) {
            let mut sum = BlockSum::new(E::Vector::<S>::splat(simd, E::ZERO));
            for_vectors!(E, S, cols, |at, count| {
                sum.add(load(simd, gy, at, count, E::ZERO));
            });
            let sum = E::Vector::<S>::splat(simd, sum.value());
            for_vectors!(E, S, cols, |at, count| {
                let gy = load(simd, gy, at, count, E::ZERO);
                let y = load(simd, y, at, count, E::ZERO);
                store(exp(y).neg_mul_add(sum, gy), out, at, count);
            });
        }
    }
}

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
            let (max, sum) = max_and_sum(simd, x);
            let log_sum = log(sum);
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
            for_vectors!(E, S, cols, |at, count| {
                let x = load(simd, x, at, count, E::ZERO);
                store(exp(x - shift) * factor, out, at, count);
            });
            let label = self.labels[i];
            out[label] -= gy;
        }
    }
}
