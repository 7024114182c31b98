//! Schedules in steps, powers and lines.

use super::{Schedule, check_rate};

/// One rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constant {
    rate: f64,
}

impl Constant {
    /// This rate.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn new(rate: f64) -> Self {
        check_rate("rate", rate);
        Self { rate }
    }
}

impl Schedule for Constant {
    fn rate(&self, _: u64) -> f64 {
        self.rate
    }
}

/// A rate that falls by a factor again and again: `rate * gamma^floor(step / every)`.
///
/// ```
/// use wengert_nn::schedule::{Schedule, StepDecay};
/// let schedule = StepDecay::new(0.1, 30, 0.5);
/// assert_eq!([0, 29, 30, 60].map(|step| schedule.rate(step)), [0.1, 0.1, 0.05, 0.025]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "StepLR")]
pub struct StepDecay {
    rate: f64,
    every: u64,
    gamma: f64,
}

impl StepDecay {
    /// From this rate, times `gamma` after every `every` steps.
    ///
    /// # Panics
    /// If a number is negative or not finite, or `every` is 0.
    #[track_caller]
    pub fn new(rate: f64, every: u64, gamma: f64) -> Self {
        check_rate("rate", rate);
        check_rate("factor", gamma);
        assert!(every > 0, "a schedule in steps must fall every 1 step or more, got 0");
        Self { rate, every, gamma }
    }
}

impl Schedule for StepDecay {
    fn rate(&self, step: u64) -> f64 {
        self.rate * self.gamma.powf((step / self.every) as f64)
    }
}

/// A rate that falls by a factor at given steps: `rate * gamma^n` with the number `n` of milestones
/// reached.
///
/// ```
/// use wengert_nn::schedule::{MultiStep, Schedule};
/// let schedule = MultiStep::new(0.1, &[30, 80], 0.5);
/// assert_eq!([29, 30, 79, 80].map(|step| schedule.rate(step)), [0.1, 0.05, 0.05, 0.025]);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "MultiStepLR")]
pub struct MultiStep {
    rate: f64,
    milestones: Vec<u64>,
    gamma: f64,
}

impl MultiStep {
    /// From this rate, times `gamma` at every milestone.
    ///
    /// # Panics
    /// If a number is negative or not finite.
    #[track_caller]
    pub fn new(rate: f64, milestones: &[u64], gamma: f64) -> Self {
        check_rate("rate", rate);
        check_rate("factor", gamma);
        Self { rate, milestones: milestones.to_vec(), gamma }
    }
}

impl Schedule for MultiStep {
    fn rate(&self, step: u64) -> f64 {
        let reached = self.milestones.iter().filter(|&&milestone| milestone <= step).count();
        self.rate * self.gamma.powf(reached as f64)
    }
}

/// A rate that falls by a factor at each step: `rate * gamma^step`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "ExponentialLR")]
pub struct Exponential {
    rate: f64,
    gamma: f64,
}

impl Exponential {
    /// From this rate, times `gamma` at each step.
    ///
    /// # Panics
    /// If a number is negative or not finite.
    #[track_caller]
    pub fn new(rate: f64, gamma: f64) -> Self {
        check_rate("rate", rate);
        check_rate("factor", gamma);
        Self { rate, gamma }
    }
}

impl Schedule for Exponential {
    fn rate(&self, step: u64) -> f64 {
        self.rate * self.gamma.powf(step as f64)
    }
}

/// A rate that falls to zero as a power of the steps left: `rate * (1 - step / steps)^power`, and
/// stays there.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "PolynomialLR")]
pub struct Polynomial {
    rate: f64,
    steps: u64,
    power: f64,
}

impl Polynomial {
    /// From this rate to zero in this number of steps. A power of 1 is a line.
    ///
    /// # Panics
    /// If a number is negative or not finite.
    #[track_caller]
    pub fn new(rate: f64, steps: u64, power: f64) -> Self {
        check_rate("rate", rate);
        check_rate("power", power);
        Self { rate, steps, power }
    }
}

impl Schedule for Polynomial {
    fn rate(&self, step: u64) -> f64 {
        self.rate * (1.0 - share(step, self.steps)).powf(self.power)
    }
}

/// A rate that moves along a line, from one value to another, and stays there.
///
/// ```
/// use wengert_nn::schedule::{LinearRate, Schedule};
/// let schedule = LinearRate::new(0.5, 0.1, 4);
/// assert_eq!([0, 2, 4, 9].map(|step| schedule.rate(step)), [0.5, 0.3, 0.1, 0.1]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "LinearLR")]
pub struct LinearRate {
    from: f64,
    to: f64,
    steps: u64,
}

impl LinearRate {
    /// From one rate to another in this number of steps.
    ///
    /// # Panics
    /// If a rate is negative or not finite.
    #[track_caller]
    pub fn new(from: f64, to: f64, steps: u64) -> Self {
        check_rate("first rate", from);
        check_rate("last rate", to);
        Self { from, to, steps }
    }
}

impl Schedule for LinearRate {
    fn rate(&self, step: u64) -> f64 {
        let share = share(step, self.steps);
        // Exact at both ends.
        self.from * (1.0 - share) + self.to * share
    }
}

/// The share of the steps that are over, at most 1.
pub(super) fn share(step: u64, steps: u64) -> f64 {
    if step >= steps { 1.0 } else { step as f64 / steps as f64 }
}
