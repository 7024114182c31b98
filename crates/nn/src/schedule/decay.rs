//! Schedules that fall in steps, by powers and along lines.

use super::{Schedule, check_rate};

/// A constant learning rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constant {
    rate: f64,
}

impl Constant {
    /// Creates a schedule with this rate at every step.
    ///
    /// # Panics
    /// If the rate is negative or not finite.
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

/// A learning rate that is multiplied by a factor at regular steps:
/// `rate * gamma^floor(step / every)`.
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
    /// Creates a schedule that begins at this rate, and multiplies it by `gamma` every `every`
    /// steps.
    ///
    /// # Panics
    /// If a number is negative or not finite, or `every` is 0.
    #[track_caller]
    pub fn new(rate: f64, every: u64, gamma: f64) -> Self {
        check_rate("rate", rate);
        check_rate("factor", gamma);
        assert!(every > 0, "the number of steps between two falls must be at least 1, got 0");
        Self { rate, every, gamma }
    }
}

impl Schedule for StepDecay {
    fn rate(&self, step: u64) -> f64 {
        self.rate * self.gamma.powf((step / self.every) as f64)
    }
}

/// A learning rate that is multiplied by a factor at given steps: `rate * gamma^n`, where `n` is
/// the number of milestones reached.
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
    /// Creates a schedule that begins at this rate, and multiplies it by `gamma` at each milestone.
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

/// A learning rate that is multiplied by a factor at each step: `rate * gamma^step`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "ExponentialLR")]
pub struct Exponential {
    rate: f64,
    gamma: f64,
}

impl Exponential {
    /// Creates a schedule that begins at this rate, and multiplies it by `gamma` at each step.
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

/// A learning rate that falls to zero as a power of the remaining steps,
/// `rate * (1 - step / steps)^power`, and stays there.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "PolynomialLR")]
pub struct Polynomial {
    rate: f64,
    steps: u64,
    power: f64,
}

impl Polynomial {
    /// Creates a schedule that falls from this rate to zero in this number of steps. A power of 1
    /// is a line.
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

/// A learning rate that moves along a line, from one value to another, and stays there.
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
    /// Creates a schedule that moves from one rate to another in this number of steps.
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

/// The fraction of the steps that are completed, at most 1.
pub(super) fn share(step: u64, steps: u64) -> f64 {
    if step >= steps { 1.0 } else { step as f64 / steps as f64 }
}
