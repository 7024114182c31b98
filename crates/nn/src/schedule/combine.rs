//! Schedules composed of other schedules.

use super::decay::share;
use super::{Schedule, check_rate};

/// A schedule for a number of steps, followed by another: see [`Schedule::then`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "SequentialLR")]
pub struct Then<A, B> {
    first: A,
    steps: u64,
    next: B,
}

impl<A, B> Then<A, B> {
    pub(super) fn new(first: A, steps: u64, next: B) -> Self {
        Self { first, steps, next }
    }
}

impl<A: Schedule, B: Schedule> Schedule for Then<A, B> {
    fn rate(&self, step: u64) -> f64 {
        match step.checked_sub(self.steps) {
            Some(step) => self.next.rate(step),
            None => self.first.rate(step),
        }
    }

    fn momentum(&self, step: u64) -> Option<f64> {
        match step.checked_sub(self.steps) {
            Some(step) => self.next.momentum(step),
            None => self.first.momentum(step),
        }
    }
}

/// A linear rise, followed by a schedule: see [`Schedule::warm_up`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WarmUp<S> {
    schedule: S,
    steps: u64,
    start: f64,
}

impl<S> WarmUp<S> {
    #[track_caller]
    pub(super) fn new(schedule: S, steps: u64, start: f64) -> Self {
        check_rate("starting share", start);
        Self { schedule, steps, start }
    }
}

impl<S: Schedule> Schedule for WarmUp<S> {
    fn rate(&self, step: u64) -> f64 {
        if let Some(step) = step.checked_sub(self.steps) {
            return self.schedule.rate(step);
        }
        let share = share(step, self.steps);
        self.schedule.rate(0) * (self.start + (1.0 - self.start) * share)
    }

    fn momentum(&self, step: u64) -> Option<f64> {
        self.schedule.momentum(step.saturating_sub(self.steps))
    }
}

/// The product of two schedules: see [`Schedule::times`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "ChainedScheduler")]
pub struct Times<A, B> {
    schedule: A,
    factor: B,
}

impl<A, B> Times<A, B> {
    pub(super) fn new(schedule: A, factor: B) -> Self {
        Self { schedule, factor }
    }
}

impl<A: Schedule, B: Schedule> Schedule for Times<A, B> {
    fn rate(&self, step: u64) -> f64 {
        self.schedule.rate(step) * self.factor.rate(step)
    }

    /// The momentum of the schedule, or else of the factor.
    fn momentum(&self, step: u64) -> Option<f64> {
        self.schedule.momentum(step).or_else(|| self.factor.momentum(step))
    }
}
