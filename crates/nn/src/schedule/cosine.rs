//! Schedules along a cosine.

use std::f64::consts::PI;

use super::decay::share;
use super::{Schedule, check_rate};

/// The value at the fraction `share` of half a cosine from `a` to `b`.
fn cosine(a: f64, b: f64, share: f64) -> f64 {
    b + (a - b) * (1.0 + (PI * share).cos()) / 2.0
}

/// A learning rate that falls along half a cosine to the minimum, 0 by default, and stays there:
/// `min + (rate - min) (1 + cos(pi step / steps)) / 2`.
///
/// Source: I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR
/// 2017.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "CosineAnnealingLR")]
pub struct Cosine {
    rate: f64,
    min: f64,
    steps: u64,
}

impl Cosine {
    /// Creates a schedule that falls from this rate in this number of steps.
    ///
    /// # Panics
    /// If the rate is negative or not finite.
    #[track_caller]
    pub fn new(rate: f64, steps: u64) -> Self {
        check_rate("rate", rate);
        Self { rate, min: 0.0, steps }
    }

    /// Sets the minimum; 0 by default.
    ///
    /// # Panics
    /// If the minimum is negative or not finite.
    #[track_caller]
    #[doc(alias = "eta_min")]
    pub fn min(self, min: f64) -> Self {
        check_rate("minimum rate", min);
        Self { min, ..self }
    }
}

impl Schedule for Cosine {
    fn rate(&self, step: u64) -> f64 {
        cosine(self.rate, self.min, share(step, self.steps))
    }
}

/// A learning rate that repeatedly falls along half a cosine, each time from the initial rate.
///
/// ```
/// use wengert_nn::schedule::{CosineRestarts, Schedule};
/// // Falls for 10 steps, then for 20, for 40, ..
/// let schedule = CosineRestarts::new(0.1, 10).factor(2);
/// assert_eq!([0, 10, 30, 70].map(|step| schedule.rate(step)), [0.1; 4]);
/// ```
///
/// Source: I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR
/// 2017.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "CosineAnnealingWarmRestarts")]
pub struct CosineRestarts {
    rate: f64,
    min: f64,
    period: u64,
    factor: u64,
}

impl CosineRestarts {
    /// Creates a schedule that falls from this rate in this number of steps, again and again.
    ///
    /// # Panics
    /// If the rate is negative or not finite, or the period is 0.
    #[track_caller]
    pub fn new(rate: f64, period: u64) -> Self {
        check_rate("rate", rate);
        assert!(period > 0, "the period of a schedule must be at least 1 step, got 0");
        Self { rate, min: 0.0, period, factor: 1 }
    }

    /// Sets the minimum; 0 by default.
    ///
    /// # Panics
    /// If the minimum is negative or not finite.
    #[track_caller]
    #[doc(alias = "eta_min")]
    pub fn min(self, min: f64) -> Self {
        check_rate("minimum rate", min);
        Self { min, ..self }
    }

    /// Multiplies the length of each period by this factor to get the length of the next; 1 by
    /// default.
    ///
    /// # Panics
    /// If the factor is 0.
    #[track_caller]
    #[doc(alias = "T_mult")]
    pub fn factor(self, factor: u64) -> Self {
        assert!(factor > 0, "the factor of a schedule's periods must be at least 1, got 0");
        Self { factor, ..self }
    }
}

impl Schedule for CosineRestarts {
    fn rate(&self, step: u64) -> f64 {
        let (mut step, mut period) = (step, self.period);
        if self.factor == 1 {
            step %= period;
        }
        while step >= period {
            step -= period;
            // A period whose length saturates never ends.
            period = period.saturating_mul(self.factor);
        }
        cosine(self.rate, self.min, step as f64 / period as f64)
    }
}

/// A learning rate that rises from `max / 25` to `max` in the first 30 % of the steps, and falls to
/// `max / 250_000` in the remaining steps.
///
/// The rate follows half a cosine in each phase, or a line ([`linear`](Self::linear)). With
/// [`three_phase`](Self::three_phase) it falls as fast as it rose, and then to the smallest rate.
/// The last of `steps` steps, and every later step, has the smallest rate.
///
/// Source: L. N. Smith, N. Topin, "Super-convergence: very fast training of neural networks using
/// large learning rates", arXiv:1708.07120, 2017.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "OneCycleLR")]
pub struct OneCycle {
    max: f64,
    steps: u64,
    rising: f64,
    start_divisor: f64,
    end_divisor: f64,
    linear: bool,
    three_phase: bool,
}

impl OneCycle {
    /// Creates a cycle of this number of steps, whose largest rate is `max`.
    ///
    /// # Panics
    /// If the rate is negative or not finite, or there are fewer than two steps.
    #[track_caller]
    pub fn new(max: f64, steps: u64) -> Self {
        check_rate("largest rate", max);
        assert!(steps >= 2, "a cycle needs at least 2 steps, got {steps}");
        Self {
            max,
            steps,
            rising: 0.3,
            start_divisor: 25.0,
            end_divisor: 1e4,
            linear: false,
            three_phase: false,
        }
    }

    /// Sets the fraction of the steps in which the rate rises; 0.3 by default.
    ///
    /// # Panics
    /// If the fraction is not in 0..=1.
    #[track_caller]
    #[doc(alias = "pct_start")]
    pub fn rising(self, share: f64) -> Self {
        assert!((0.0..=1.0).contains(&share), "the rising share must lie in 0..=1, got {share}");
        Self { rising: share, ..self }
    }

    /// Sets the first rate, `max / start`, and the last rate, `max / (start * end)`.
    ///
    /// # Panics
    /// If a divisor is not positive and finite.
    #[track_caller]
    #[doc(alias = "div_factor")]
    pub fn divisors(self, start: f64, end: f64) -> Self {
        for divisor in [start, end] {
            assert!(
                divisor.is_finite() && divisor > 0.0,
                "a divisor must be positive and finite, got {divisor}"
            );
        }
        Self { start_divisor: start, end_divisor: end, ..self }
    }

    /// Uses lines instead of half cosines.
    pub fn linear(self) -> Self {
        Self { linear: true, ..self }
    }

    /// Adds a fall that mirrors the rise, before the fall to the last rate.
    pub fn three_phase(self) -> Self {
        Self { three_phase: true, ..self }
    }
}

impl Schedule for OneCycle {
    fn rate(&self, step: u64) -> f64 {
        let (last, at) = ((self.steps - 1) as f64, step.min(self.steps - 1) as f64);
        let top = self.rising * self.steps as f64 - 1.0;
        let first = self.max / self.start_divisor;
        let least = first / self.end_divisor;
        let phases: &[(f64, f64, f64)] = if self.three_phase {
            &[(top, first, self.max), (2.0 * top, self.max, first), (last, first, least)]
        } else {
            &[(top, first, self.max), (last, self.max, least)]
        };
        let mut begin = 0.0;
        for &(end, from, to) in phases {
            if at <= end || end == last {
                let width = end - begin;
                let share = if width > 0.0 { ((at - begin) / width).clamp(0.0, 1.0) } else { 1.0 };
                return if self.linear {
                    from + (to - from) * share
                } else {
                    cosine(from, to, share)
                };
            }
            begin = end;
        }
        least
    }
}
