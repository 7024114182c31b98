//! Schedules that fall along a cosine.

use std::f64::consts::PI;

use super::decay::share;
use super::{Schedule, check_rate};

/// The value at the fraction `share` of half a cosine from `a` to `b`.
pub(super) fn cosine(a: f64, b: f64, share: f64) -> f64 {
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
