//! [`OneCycle`]: a rate that rises and falls once, and a momentum that does the opposite.

use super::cosine::cosine;
use super::{Schedule, check_rate};

/// A learning rate that rises from `max / 25` to `max` in the first 30 % of the steps, and falls to
/// `max / 250_000` in the remaining steps.
///
/// The rate follows half a cosine in each phase, or a line ([`linear`](Self::linear)). With
/// [`three_phase`](Self::three_phase) it falls as fast as it rose, and then to the smallest rate.
/// The last of `steps` steps, and every later step, has the smallest rate. With
/// [`momentum`](Self::momentum) the momentum falls while the rate rises, and the reverse.
///
/// ```
/// use wengert_nn::schedule::{OneCycle, Scheduler};
/// use wengert_nn::{Optimizer, Sgd};
/// let mut sgd = Sgd::<f32>::new(0.1).momentum(0.9);
/// let mut scheduler = Scheduler::new(OneCycle::new(0.1, 100).momentum(0.85, 0.95));
/// scheduler.step(&mut sgd);
/// assert_eq!(Optimizer::momentum(&sgd), Some(0.95));
/// ```
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
    /// The least and the largest momentum.
    momentum: Option<[f64; 2]>,
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
            momentum: None,
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

    /// Also sets the momentum of the optimizer (`beta1` of [`Adam`](crate::Adam)): it falls from
    /// `max` to `base` while the rate rises, rises again while the rate falls, and is `max`
    /// afterwards. Usual values are 0.85 and 0.95.
    ///
    /// # Panics
    /// If one is not in [0, 1), or `base` is above `max`.
    #[track_caller]
    #[doc(alias = "cycle_momentum")]
    pub fn momentum(self, base: f64, max: f64) -> Self {
        assert!(
            0.0 <= base && base <= max && max < 1.0,
            "the momentum of a cycle needs 0 <= base <= max < 1, got base {base} and max {max}"
        );
        Self { momentum: Some([base, max]), ..self }
    }

    /// The value at a step of a quantity that has these values at the bounds of the phases: at the
    /// beginning, at the largest rate, after the fall that mirrors the rise, and at the end.
    fn value(&self, step: u64, [start, top, back, end]: [f64; 4]) -> f64 {
        let (last, at) = ((self.steps - 1) as f64, step.min(self.steps - 1) as f64);
        let rise = self.rising * self.steps as f64 - 1.0;
        let phases: &[(f64, f64, f64)] = if self.three_phase {
            &[(rise, start, top), (2.0 * rise, top, back), (last, back, end)]
        } else {
            &[(rise, start, top), (last, top, end)]
        };
        let mut begin = 0.0;
        for &(until, from, to) in phases {
            if at <= until || until == last {
                let width = until - begin;
                let share = if width > 0.0 { ((at - begin) / width).clamp(0.0, 1.0) } else { 1.0 };
                return if self.linear {
                    from + (to - from) * share
                } else {
                    cosine(from, to, share)
                };
            }
            begin = until;
        }
        end
    }
}

impl Schedule for OneCycle {
    fn rate(&self, step: u64) -> f64 {
        let first = self.max / self.start_divisor;
        self.value(step, [first, self.max, first, first / self.end_divisor])
    }

    fn momentum(&self, step: u64) -> Option<f64> {
        let [base, max] = self.momentum?;
        Some(self.value(step, [max, base, max, max]))
    }
}
