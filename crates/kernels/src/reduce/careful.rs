//! Sums, norms and moments of lines on whose way to a result within the range the kernels leave it.
//!
//! A kernel's result shows where that may have happened: it is not finite, or so small that squares
//! may have been lost. Such a line is reduced again, one element after the other, in [`Extended`]
//! numbers. The lines' other results, and their bits, stay.

use crate::Float;
use crate::extended::{Extended, power_of_two};

/// `2^exponent` for `f32`, and for `f64` the power that has the same place in its range.
#[inline(always)]
pub(crate) fn range_power<E: Float>(exponent: i64) -> f64 {
    power_of_two(range_exponent::<E>(exponent))
}

/// That power's exponent.
#[inline(always)]
pub(crate) fn range_exponent<E: Float>(exponent: i64) -> i64 {
    exponent * (E::MIN_EXPONENT.to_f64() as i64 / -126)
}

/// The elements of a line, in runs of neighbours.
#[derive(Clone, Copy)]
pub(crate) struct LineElements<'a, E> {
    x: &'a [E],
    first: usize,
    /// The elements of a run.
    run: usize,
    /// The elements from the beginning of one run to that of the next.
    step: usize,
    len: usize,
}

impl<'a, E: Float> LineElements<'a, E> {
    /// All elements of a slice.
    pub(crate) fn row(x: &'a [E]) -> Self {
        Self { x, first: 0, run: x.len().max(1), step: 0, len: x.len() }
    }

    /// Line `i` along the middle of three dimensions.
    pub(crate) fn along(x: &'a [E], [_, axis, inner]: [usize; 3], i: usize) -> Self {
        let first = i / inner * axis * inner + i % inner;
        Self { x, first, run: 1, step: inner, len: axis }
    }

    /// A channel, the middle of three dimensions.
    pub(crate) fn channel(x: &'a [E], [outer, channels, inner]: [usize; 3], i: usize) -> Self {
        Self { x, first: i * inner, run: inner.max(1), step: channels * inner, len: outer * inner }
    }

    pub(crate) fn len(self) -> usize {
        self.len
    }

    /// Where element `i` lies.
    pub(crate) fn index(self, i: usize) -> usize {
        self.first + i / self.run * self.step + i % self.run
    }

    pub(crate) fn at(self, i: usize) -> E {
        self.x[self.index(i)]
    }

    pub(crate) fn exact(self, i: usize) -> Extended {
        Extended::new(self.at(i))
    }

    fn all(self, mut test: impl FnMut(E) -> bool) -> bool {
        (0..self.len).all(|i| test(self.at(i)))
    }

    pub(crate) fn is_finite(self) -> bool {
        self.all(E::is_finite)
    }

    pub(crate) fn is_zero(self) -> bool {
        self.all(|x| x == E::ZERO)
    }

    /// Whether all elements are the same number.
    pub(crate) fn is_constant(self) -> bool {
        self.all(|x| x == self.at(0))
    }

    /// Whether each magnitude is below `limit`.
    pub(crate) fn is_below(self, limit: f64) -> bool {
        self.all(|x| x.abs().to_f64() < limit)
    }

    pub(crate) fn sum(self) -> Extended {
        Extended::sum(0..self.len, &|i| self.exact(i))
    }

    pub(crate) fn sum_squares(self) -> Extended {
        Extended::sum(0..self.len, &|i| self.exact(i) * self.exact(i))
    }
}

/// The number of elements, their mean, and the sum of the squares of the deviations.
pub(crate) struct CarefulMoments {
    count: usize,
    pub(crate) mean: Extended,
    squares: Extended,
}

impl CarefulMoments {
    /// Two passes; the second one's sum of deviations corrects the rounding of the first mean.
    pub(crate) fn of<E: Float>(line: LineElements<'_, E>) -> Self {
        let len = line.len();
        if len > 0 && line.is_constant() {
            return Self { count: len, mean: line.exact(0), squares: Extended::ZERO };
        }
        let count = Extended::from_f64(len as f64);
        let about = line.sum() / count;
        let deviation = |i: usize| line.exact(i) - about;
        let rest = Extended::sum(0..len, &deviation);
        let squares = Extended::sum(0..len, &|i| deviation(i) * deviation(i));
        let squares = squares - rest * rest / count;
        Self { count: len, mean: about + rest / count, squares }
    }

    /// As [`Moments::variance`](super::Moments::variance).
    pub(crate) fn variance(&self, correction: usize) -> Extended {
        let free = self.count.saturating_sub(correction);
        self.squares / Extended::from_f64(free as f64)
    }
}

/// What becomes of moments: the variance, or its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum Spread {
    Variance,
    Deviation,
}

/// Finishes the moments of lines that a kernel gave: takes the variances' roots if they are asked
/// for, and repairs what overflowed or underflowed.
pub(crate) fn finish_moments<'a, E: Float>(
    line: impl Fn(usize) -> LineElements<'a, E>,
    (correction, spread): (usize, Spread),
    mean: &mut [E],
    out: &mut [E],
) {
    let least = match spread {
        Spread::Variance => range_power::<E>(-100),
        Spread::Deviation => range_power::<E>(-50),
    };
    let least = E::from_f64(least);
    for (i, (mean, out)) in mean.iter_mut().zip(out).enumerate() {
        if spread == Spread::Deviation {
            *out = out.sqrt();
        }
        if *out >= least && *out < E::INFINITY && mean.is_finite() {
            continue;
        }
        let line = line(i);
        let zero = *out == E::ZERO && mean.is_finite();
        if !line.is_finite() || (zero && line.is_constant()) {
            continue;
        }
        let moments = CarefulMoments::of(line);
        let variance = moments.variance(correction);
        *mean = moments.mean.to();
        *out = match spread {
            Spread::Variance => variance.to(),
            Spread::Deviation => variance.sqrt().to(),
        };
    }
}

/// Repairs sums along the middle of three dimensions, which overflowed only on the way.
#[cold]
pub(super) fn repair_sums<E: Float>(x: &[E], dims: [usize; 3], divisor: f64, out: &mut [E]) {
    for (i, out) in out.iter_mut().enumerate() {
        let line = LineElements::along(x, dims, i);
        if !out.is_finite() && line.is_finite() {
            *out = (line.sum() / Extended::from_f64(divisor)).to();
        }
    }
}

/// Repairs sums of squares, or with `root` their roots.
pub(super) fn repair_squares<E: Float>(x: &[E], dims: [usize; 3], root: bool, out: &mut [E]) {
    let least = E::from_f64(range_power::<E>(if root { -50 } else { -100 }));
    for (i, out) in out.iter_mut().enumerate() {
        if *out >= least && *out < E::INFINITY {
            continue;
        }
        repair_square(LineElements::along(x, dims, i), root, out);
    }
}

#[cold]
fn repair_square<E: Float>(line: LineElements<'_, E>, root: bool, out: &mut E) {
    if line.is_finite() && !line.is_zero() {
        let squares = line.sum_squares();
        *out = if root { squares.sqrt() } else { squares }.to();
    }
}
