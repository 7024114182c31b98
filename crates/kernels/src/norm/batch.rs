//! Batch norm: every channel of `[outer, channels, inner]` has its own mean and variance.
//!
//! With `inner` one the channels are columns, side by side in the lanes; else a channel is a run of
//! `inner` elements in every one of `outer` parts. Both are lines, and the formulas are written
//! once.

use std::marker::PhantomData;
use std::ops::Range;

use crate::Float;
use crate::line::{BLOCK, Columns, Line, LineSum, Row, UNROLL, for_line};
use crate::reduce::{LineElements, Moments, Spread, finish_moments, for_lines, moments};
use crate::simd::{Kernel, Lanes, Level, Simd, run_on};
use crate::slices::{Operand as _, Shared, Source};
use crate::threads;

/// Elements a thread takes at a time.
const GRAIN: usize = threads::work(1 << 15);

/// Where the lines of a channel, or of adjacent channels, lie.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The first element.
    at: usize,
    /// The number of lines.
    lines: usize,
    /// The elements from the beginning of one line to that of the next.
    step: usize,
    /// The number of the channel.
    channel: usize,
}

/// Something done with the lines of a channel.
pub(super) trait ChannelFn<E: Float>: Copy + Send + Sync {
    /// # Safety
    /// The operands must have the elements of the lines and of the channels.
    unsafe fn run<S: Simd, L: Line<S, E>>(self, line: L, place: Place);
}

/// A single channel is one run.
fn simplified([outer, channels, inner]: [usize; 3]) -> [usize; 3] {
    if channels == 1 { [1, 1, outer * inner] } else { [outer, channels, inner] }
}

/// Whether the channels lie side by side.
fn is_columns([_, channels, inner]: [usize; 3]) -> bool {
    channels > 1 && inner == 1
}

/// Runs `f` on pieces of channels, each element once.
///
/// # Safety
/// The operands of `f` must have the elements of `dims`, and of the channels.
pub(super) unsafe fn each_piece<E: Float, F: ChannelFn<E>>(f: F, dims: [usize; 3]) {
    let level = Level::current();
    let [outer, channels, inner] = simplified(dims);
    if is_columns([outer, channels, inner]) {
        threads::for_ranges(outer, (GRAIN / channels.max(1)).max(1), |rows| {
            let (at, stride) = (rows.start * channels, channels);
            // SAFETY: the operands have the rows and all channels, by this function's contract.
            run_on(level, unsafe { SomeColumns::new(f, (rows.len(), stride), at, 0..channels) });
        });
    } else {
        threads::for_ranges(outer * channels, (GRAIN / inner.max(1)).max(1), |range| {
            let place = |i| Place { at: i * inner, lines: 1, step: 0, channel: i % channels };
            // SAFETY: the operands have the runs and their channels, by this function's contract.
            run_on(level, unsafe { Runs::new(f, inner, range, place) });
        });
    }
}

/// Runs `f` on whole channels, each once.
///
/// # Safety
/// As for [`each_piece`].
pub(super) unsafe fn each_channel<E: Float, F: ChannelFn<E>>(f: F, dims: [usize; 3]) {
    let level = Level::current();
    let [outer, channels, inner] = simplified(dims);
    if is_columns([outer, channels, inner]) {
        for_lines(
            [1, outer, channels],
            GRAIN,
            |_| {},
            |_, first, count| {
                let (lines, channels) = ((outer, dims[1]), first..first + count);
                // SAFETY: the operands have these channels, by this function's contract.
                run_on(level, unsafe { SomeColumns::new(f, lines, 0, channels) });
            },
        );
    } else {
        for_channels([outer, channels, inner], |range| {
            let (lines, step) = (outer, channels * inner);
            let place = |channel| Place { at: channel * inner, lines, step, channel };
            // SAFETY: the operands have the lines of these channels, by this function's contract.
            run_on(level, unsafe { Runs::new(f, inner, range, place) });
        });
    }
}

fn for_channels([outer, channels, inner]: [usize; 3], body: impl Fn(Range<usize>) + Send + Sync) {
    threads::for_ranges(channels, (GRAIN / (outer * inner).max(1)).max(1), body);
}

struct Runs<E, F, P> {
    f: F,
    len: usize,
    range: Range<usize>,
    place: P,
    element: PhantomData<E>,
}

impl<E, F, P> Runs<E, F, P> {
    /// # Safety
    /// While it runs, the operands of `f` must have the lines of `len` elements at the places of
    /// `range`, and their channels; no other thread may use what `f` writes of them.
    unsafe fn new(f: F, len: usize, range: Range<usize>, place: P) -> Self {
        Self { f, len, range, place, element: PhantomData }
    }
}

impl<E: Float, F: ChannelFn<E>, P: Fn(usize) -> Place> Kernel for Runs<E, F, P> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for i in self.range {
            // SAFETY: `i` is in `range`, whose places are in the operands by `new`.
            unsafe { self.f.run(Row::new(simd, self.len), (self.place)(i)) };
        }
    }
}

struct SomeColumns<E, F> {
    f: F,
    rows: usize,
    stride: usize,
    at: usize,
    channels: Range<usize>,
    element: PhantomData<E>,
}

impl<E, F> SomeColumns<E, F> {
    /// # Safety
    /// As for [`Runs::new`], of columns of `rows` elements, `stride` apart, from the row at `at`
    /// on.
    unsafe fn new(f: F, (rows, stride): (usize, usize), at: usize, channels: Range<usize>) -> Self {
        Self { f, rows, stride, at, channels, element: PhantomData }
    }
}

impl<E: Float, F: ChannelFn<E>> Kernel for SomeColumns<E, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let lanes = E::Vector::<S>::LANES;
        for channel in self.channels.clone().step_by(lanes) {
            let count = lanes.min(self.channels.end - channel);
            let line = Columns::new(simd, self.rows, self.stride, count);
            let place = Place { at: self.at + channel, lines: 1, step: 0, channel };
            // SAFETY: the columns are in `channels`, which are in the operands by `new`.
            unsafe { self.f.run(line, place) };
        }
    }
}

/// The mean and the variance of every channel; `inner` is not one.
pub(super) fn channel_moments<E: Float>(
    x: &[E],
    dims: [usize; 3],
    mean: &mut [E],
    variance: &mut [E],
) {
    let level = Level::current();
    let (mean, variance) = (Shared::new(mean), Shared::new(variance));
    for_channels(dims, |range| {
        // SAFETY: the ranges are disjoint, and both have an element for each channel.
        let (mean, variance) = unsafe { (mean.part(range.clone()), variance.part(range.clone())) };
        let first = range.start;
        {
            let (mean, variance) = (&mut *mean, &mut *variance);
            run_on(level, ChannelMoments { x, dims, first, mean, variance });
        }
        let channel = |i: usize| LineElements::channel(x, dims, first + i);
        finish_moments(channel, (0, Spread::Variance), mean, variance);
    });
}

struct ChannelMoments<'a, E> {
    x: &'a [E],
    dims: [usize; 3],
    first: usize,
    mean: &'a mut [E],
    variance: &'a mut [E],
}

impl<E: Float> Kernel for ChannelMoments<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let [outer, channels, inner] = self.dims;
        for (i, (mean, variance)) in self.mean.iter_mut().zip(self.variance).enumerate() {
            let mut total = Moments::NONE;
            for part in 0..outer {
                let run = &self.x[(part * channels + self.first + i) * inner..][..inner];
                // SAFETY: the pointer and the length are the run's.
                total = total.join(unsafe { moments(simd, run.as_ptr(), inner) });
            }
            *mean = total.mean();
            *variance = total.variance(0);
        }
    }
}

/// The statistics of the channels.
#[derive(Clone, Copy)]
pub(super) struct Statistics<E> {
    pub(super) mean: Source<E>,
    pub(super) variance: Source<E>,
    pub(super) eps: E,
}

impl<E: Float> Statistics<E> {
    /// The mean and `1 / sqrt(variance + eps)`.
    ///
    /// # Safety
    /// Both must have the channels.
    #[inline(always)]
    unsafe fn load<S: Simd, L: Line<S, E>>(
        self,
        line: L,
        channel: usize,
    ) -> (E::Vector<S>, E::Vector<S>) {
        // SAFETY: the operands have a value for each channel, by this function's contract.
        unsafe {
            let variance = line.values(self.variance.at(channel).as_ptr());
            let deviation = (variance + variance.lit(self.eps)).sqrt();
            (line.values(self.mean.at(channel).as_ptr()), deviation.lit(E::ONE) / deviation)
        }
    }
}

/// `out = (x - mean) rstd weight + bias`.
#[derive(Clone, Copy)]
pub(super) struct Normalize<E> {
    pub(super) x: Source<E>,
    pub(super) statistics: Statistics<E>,
    pub(super) weight: Option<Source<E>>,
    pub(super) bias: Option<Source<E>>,
    pub(super) out: Shared<E>,
}

impl<E: Float> ChannelFn<E> for Normalize<E> {
    #[inline(always)]
    unsafe fn run<S: Simd, L: Line<S, E>>(self, line: L, place: Place) {
        let Place { at, channel, .. } = place;
        // SAFETY: the operands have the lines and the channels, by the contract of `run`.
        let (mean, mut scale) = unsafe { self.statistics.load(line, channel) };
        let mut bias = mean.lit(E::ZERO);
        // SAFETY: the operands have the lines and the channels, by the contract of `run`.
        unsafe {
            if let Some(weight) = self.weight {
                scale = scale * line.values(weight.at(channel).as_ptr());
            }
            if let Some(values) = self.bias {
                bias = line.values(values.at(channel).as_ptr());
            }
        }
        // SAFETY: the operands have the lines and the channels, by the contract of `run`.
        let (x, out) = unsafe { (self.x.at(at).as_ptr(), self.out.at(at)) };
        for_line!(line, |k, _j, PARTIAL| {
            // SAFETY: the operands have the lines and the channels, by the contract of `run`.
            unsafe {
                let y = (line.load::<PARTIAL>(x, k) - mean).mul_add(scale, bias);
                line.store::<PARTIAL>(y, out, k);
            }
        });
    }
}

/// `gweight = sum gy y` and `gbias = sum gy` of every channel, with `y = (x - mean) rstd`.
#[derive(Clone, Copy)]
pub(super) struct ChannelSums<E> {
    pub(super) gy: Source<E>,
    pub(super) x: Source<E>,
    pub(super) statistics: Statistics<E>,
    pub(super) gweight: Shared<E>,
    pub(super) gbias: Shared<E>,
}

impl<E: Float> ChannelFn<E> for ChannelSums<E> {
    #[inline(always)]
    unsafe fn run<S: Simd, L: Line<S, E>>(self, line: L, place: Place) {
        // SAFETY: the operands have the lines and the channels, by the contract of `run`.
        let (mean, rstd) = unsafe { self.statistics.load(line, place.channel) };
        let (mut dot, mut sum) = (LineSum::new(line.simd()), LineSum::new(line.simd()));
        for i in 0..place.lines {
            let at = place.at + i * place.step;
            // SAFETY: the operands have the lines and the channels, by the contract of `run`.
            let (gy, x) = unsafe { (self.gy.at(at).as_ptr(), self.x.at(at).as_ptr()) };
            for_line!(
                line,
                |k, j, PARTIAL| {
                    // SAFETY: the operands have the lines and the channels, by the contract of
                    // `run`.
                    unsafe {
                        let gy = line.load::<PARTIAL>(gy, k);
                        dot.add_product(j, gy, (line.load::<PARTIAL>(x, k) - mean) * rstd);
                        sum.add(j, gy);
                    }
                },
                {
                    dot.flush();
                    sum.flush();
                }
            );
        }
        // SAFETY: the operands have the lines and the channels, by the contract of `run`.
        unsafe {
            line.put_values(line.gather_sum(dot.total()), self.gweight.at(place.channel));
            line.put_values(line.gather_sum(sum.total()), self.gbias.at(place.channel));
        }
    }
}

/// `gx = weight rstd (gy - gbias / n - y gweight / n)`, or `weight rstd gy` where the statistics
/// are given numbers.
#[derive(Clone, Copy)]
pub(super) struct InputGrad<E> {
    pub(super) gy: Source<E>,
    pub(super) x: Source<E>,
    pub(super) statistics: Statistics<E>,
    pub(super) weight: Option<Source<E>>,
    pub(super) gweight: Source<E>,
    pub(super) gbias: Source<E>,
    /// `1 / n`, or zero where the statistics are given.
    pub(super) share: E,
    pub(super) gx: Shared<E>,
}

impl<E: Float> ChannelFn<E> for InputGrad<E> {
    #[inline(always)]
    unsafe fn run<S: Simd, L: Line<S, E>>(self, line: L, place: Place) {
        let Place { at, channel, .. } = place;
        // SAFETY: the operands have the lines and the channels, by the contract of `run`.
        let (mean, rstd) = unsafe { self.statistics.load(line, channel) };
        let mut scale = rstd;
        // SAFETY: the operands have the lines and the channels, by the contract of `run`.
        let (gweight, gbias) = unsafe {
            if let Some(weight) = self.weight {
                scale = scale * line.values(weight.at(channel).as_ptr());
            }
            (
                line.values(self.gweight.at(channel).as_ptr()),
                line.values(self.gbias.at(channel).as_ptr()),
            )
        };
        let share = rstd.lit(self.share);
        let (slope, level) = (gweight * share * rstd, gbias * share);
        // SAFETY: the operands have the lines and the channels, by the contract of `run`.
        let (gy, x, out) =
            unsafe { (self.gy.at(at).as_ptr(), self.x.at(at).as_ptr(), self.gx.at(at)) };
        for_line!(line, |k, _j, PARTIAL| {
            // SAFETY: the operands have the lines and the channels, by the contract of `run`.
            unsafe {
                let gy = line.load::<PARTIAL>(gy, k) - level;
                let distance = line.load::<PARTIAL>(x, k) - mean;
                line.store::<PARTIAL>(distance.neg_mul_add(slope, gy) * scale, out, k);
            }
        });
    }
}
