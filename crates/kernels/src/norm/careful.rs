//! Rows and channels whose statistics, products or results leave the element's range on the way:
//! the same formulas in [`Extended`] numbers, one element after the other.
//!
//! The kernels' results are kept for ordinary lines: those with `rstd` in `2^-40..2^40` for `f32`
//! (`2^-320..2^320` for `f64`) and gradients and weights to match; and for lines with a NaN or an
//! infinity, whose results the kernels give.

use crate::Float;
use crate::extended::Extended;
use crate::reduce::{CarefulMoments, LineElements, range_exponent, range_power};

use super::{Affine, BatchNormGrad};

/// The statistics of a line that its normalization takes.
#[derive(Clone, Copy)]
struct Statistics {
    mean: Extended,
    rstd: Extended,
}

impl Statistics {
    fn new(mean: Extended, variance: Extended, eps: f64) -> Self {
        let deviation = (variance + Extended::from_f64(eps)).sqrt();
        Self { mean, rstd: Extended::from_f64(1.0) / deviation }
    }

    /// Of a line: of its elements about their mean, or with `center` false about zero.
    fn of<E: Float>(line: LineElements<'_, E>, eps: f64, center: bool) -> Self {
        if center {
            let moments = CarefulMoments::of(line);
            return Self::new(moments.mean, moments.variance(0), eps);
        }
        let count = Extended::from_f64(line.len() as f64);
        Self::new(Extended::ZERO, line.sum_squares() / count, eps)
    }

    fn normal<E: Float>(self, line: LineElements<'_, E>, i: usize) -> Extended {
        (line.exact(i) - self.mean) * self.rstd
    }
}

/// Whether a value lies between the powers of two.
#[inline]
fn within<E: Float>(x: E, low: i64, high: i64) -> bool {
    (x >= E::from_f64(range_power::<E>(low))) & (x <= E::from_f64(range_power::<E>(high)))
}

/// Whether the kernels normalize by this reciprocal deviation as they should.
#[inline]
pub(super) fn is_ordinary<E: Float>(rstd: E) -> bool {
    within(rstd, -40, 40)
}

/// Whether the mean's rounding may be large compared with elements that are all tiny.
fn is_tiny<E: Float>(mean: E, line: LineElements<'_, E>) -> bool {
    let limit = range_power::<E>(-100);
    mean.abs().to_f64() < limit && !line.is_constant() && line.is_below(limit)
}

/// Whether no row of these statistics can be one of which [`is_row_extreme`] holds. Without
/// branches, as it is asked of all rows.
pub(super) fn are_rows_ordinary<E: Float>(means: &[E], rstds: &[E]) -> bool {
    let limit = E::from_f64(range_power::<E>(-100));
    let ordinary = rstds.iter().fold(true, |all, &rstd| all & is_ordinary(rstd));
    means.iter().fold(ordinary, |all, mean| all & (mean.abs() >= limit))
}

/// Whether the kernel left the range with a row of these statistics, `mean` being `None` for a norm
/// about zero.
#[inline]
pub(super) fn is_row_extreme<E: Float>(x: &[E], mean: Option<E>, rstd: E) -> bool {
    let line = LineElements::row(x);
    let doubtful = !is_ordinary(rstd) || mean.is_some_and(|mean| is_tiny(mean, line));
    doubtful && line.is_finite()
}

/// The output of a row and its statistics.
#[cold]
pub(super) fn forward_row<E: Float>(
    x: &[E],
    affine: Affine<'_, E>,
    eps: f64,
    out: &mut [E],
    (mean, rstd): (Option<&mut E>, &mut E),
) {
    let line = LineElements::row(x);
    let statistics = Statistics::of(line, eps, mean.is_some());
    if let Some(mean) = mean {
        *mean = statistics.mean.to();
    }
    *rstd = statistics.rstd.to();
    for (i, out) in out.iter_mut().enumerate() {
        let mut y = statistics.normal(line, i);
        if let Some(weight) = affine.weight {
            y = y * Extended::new(weight[i]);
        }
        if let Some(bias) = affine.bias {
            y = y + Extended::new(bias[i]);
        }
        *out = y.to();
    }
}

/// What the gradient of a row reads.
pub(super) struct RowGrad<'a, E> {
    pub(super) gy: &'a [E],
    pub(super) x: &'a [E],
    pub(super) weight: Option<&'a [E]>,
    pub(super) eps: f64,
    pub(super) center: bool,
}

impl<E: Float> RowGrad<'_, E> {
    fn weighted(&self, i: usize) -> Extended {
        let gy = Extended::new(self.gy[i]);
        self.weight.map_or(gy, |weight| gy * Extended::new(weight[i]))
    }

    /// Whether the kernel would leave the range, for a row whose sums make that possible.
    #[cold]
    pub(super) fn is_extreme(&self, rstd: E) -> bool {
        let ordinary = is_ordinary(rstd);
        if ordinary && LineElements::row(self.gy).is_zero() {
            return false;
        }
        if ![self.gy, self.x].into_iter().all(|x| LineElements::row(x).is_finite()) {
            return false;
        }
        if !ordinary {
            return true;
        }
        let largest = (0..self.gy.len()).map(|i| self.weighted(i)).filter(|g| !g.is_zero());
        let Some(largest) = largest.map(Extended::exponent).max() else { return false };
        largest < range_exponent::<E>(-85) || largest > range_exponent::<E>(50)
    }

    /// The gradient of the input, and what is added to those of the weight and of the bias.
    #[cold]
    pub(super) fn write(&self, gx: &mut [E], [gweight, gbias]: [&mut [E]; 2]) {
        let line = LineElements::row(self.x);
        let statistics = Statistics::of(line, self.eps, self.center);
        let len = line.len();
        let count = Extended::from_f64(len as f64);
        let weighted = |i: usize| self.weighted(i);
        let normal = |i: usize| statistics.normal(line, i);
        let level =
            if self.center { Extended::sum(0..len, &weighted) / count } else { Extended::ZERO };
        let slope = Extended::sum(0..len, &|i| weighted(i) * normal(i)) / count;
        for i in 0..len {
            let gradient = weighted(i) - level - normal(i) * slope;
            gx[i] = (gradient * statistics.rstd).to();
            let gy = Extended::new(self.gy[i]);
            gweight[i] = (Extended::new(gweight[i]) + gy * normal(i)).to();
            gbias[i] = (Extended::new(gbias[i]) + gy).to();
        }
    }
}

/// The statistics by which channels are normalized.
#[derive(Clone, Copy)]
pub(super) struct Channels<'a, E> {
    pub(super) x: &'a [E],
    pub(super) dims: [usize; 3],
    pub(super) mean: &'a [E],
    pub(super) variance: &'a [E],
    pub(super) weight: Option<&'a [E]>,
    pub(super) eps: f64,
    /// Whether the statistics are those of `x`.
    pub(super) training: bool,
}

impl<E: Float> Channels<'_, E> {
    fn line(&self, channel: usize) -> LineElements<'_, E> {
        LineElements::channel(self.x, self.dims, channel)
    }

    fn weight(&self, channel: usize) -> Extended {
        self.weight.map_or(Extended::from_f64(1.0), |weight| Extended::new(weight[channel]))
    }

    fn statistics(&self, channel: usize) -> Statistics {
        if self.training {
            return Statistics::of(self.line(channel), self.eps, true);
        }
        let (mean, variance) = (self.mean[channel], self.variance[channel]);
        Statistics::new(Extended::new(mean), Extended::new(variance), self.eps)
    }

    /// Whether a channel is computed as it should by the kernels: by its statistics and its factor.
    fn is_ordinary(&self, channel: usize) -> bool {
        let mean = self.mean[channel];
        let variance = self.variance[channel] + E::from_f64(self.eps);
        let rstd = E::ONE / variance.sqrt();
        let factor = self.weight.map_or(E::ONE, |weight| weight[channel]).abs();
        within(variance, -80, 80)
            && mean.abs().to_f64() < range_power::<E>(100)
            && (factor == E::ZERO || within(factor * rstd, -80, 80))
            && !(self.training && is_tiny(mean, self.line(channel)))
    }

    /// Whether the statistics and the elements are finite, but for a variance beyond the range.
    fn is_finite(&self, channel: usize) -> bool {
        let given =
            self.training || (self.mean[channel].is_finite() && self.variance[channel].is_finite());
        let weight = self.weight.is_none_or(|weight| weight[channel].is_finite());
        given && weight && self.line(channel).is_finite()
    }

    /// The output of the channels where the kernel left the range.
    pub(super) fn forward(&self, bias: Option<&[E]>, out: &mut [E]) {
        for channel in 0..self.dims[1] {
            if self.is_ordinary(channel) || !self.is_finite(channel) {
                continue;
            }
            let (line, statistics) = (self.line(channel), self.statistics(channel));
            let bias = bias.map_or(Extended::ZERO, |bias| Extended::new(bias[channel]));
            for i in 0..line.len() {
                let y = statistics.normal(line, i) * self.weight(channel);
                out[line.index(i)] = (y + bias).to();
            }
        }
    }
}

/// Whether the sums of a gradient are such that its kernel may have left the range.
#[inline]
fn is_doubtful<E: Float>(sums: [E; 2]) -> bool {
    let [a, b] = sums.map(E::abs);
    // Times a reciprocal deviation, at most 2^40, they stay in the range.
    !within(a + b, -90, 85)
}

/// As for the sums of a row: whether the kernel may have left the range.
#[inline]
pub(super) fn is_row_doubtful<E: Float>(rstd: E, sums: [E; 2]) -> bool {
    !is_ordinary(rstd) || is_doubtful(sums)
}

/// The gradients of the channels where the kernels left the range.
pub(super) fn channels_backward<E: Float>(
    from: &BatchNormGrad<'_, E>,
    [gweight, gbias]: [&mut [E]; 2],
    gx: &mut [E],
) {
    let BatchNormGrad { gy, x, dims, weight, mean, variance, eps, training } = *from;
    let channels = Channels { x, dims, mean, variance, weight, eps, training };
    for channel in 0..dims[1] {
        let gy = LineElements::channel(gy, dims, channel);
        let ordinary = channels.is_ordinary(channel);
        if ordinary && !is_doubtful([gweight[channel], gbias[channel]]) {
            continue;
        }
        if !gy.is_finite() || !channels.is_finite(channel) || (ordinary && gy.is_zero()) {
            continue;
        }
        let (line, statistics) = (channels.line(channel), channels.statistics(channel));
        let len = line.len();
        let normal = |i: usize| statistics.normal(line, i);
        let sum = Extended::sum(0..len, &|i| gy.exact(i));
        let dot = Extended::sum(0..len, &|i| gy.exact(i) * normal(i));
        (gweight[channel], gbias[channel]) = (dot.to(), sum.to());
        let factor = channels.weight(channel) * statistics.rstd;
        let count = Extended::from_f64(len as f64);
        let (level, slope) = (sum / count, dot / count);
        for i in 0..len {
            let g = gy.exact(i);
            let g = if training { g - level - normal(i) * slope } else { g };
            gx[line.index(i)] = (g * factor).to();
        }
    }
}
