//! The truncated normal distribution, by rejection.

use rand::Rng;
use rand_distr::{Distribution as _, Exp1, StandardNormal, StandardUniform};

/// N(mean, std^2) within `[low, high]`.
///
/// Proposals come from the distribution with the highest acceptance rate: the normal distribution
/// for wide intervals, the uniform distribution for narrow ones, an exponential distribution for a
/// far tail (C. P. Robert, "Simulation of truncated normal variables", Statistics and Computing 5,
/// 1995).
#[derive(Clone, Copy, Debug)]
pub(super) struct Truncated {
    mean: f64,
    std: f64,
    /// The ends in standard deviations from the mean, negated and exchanged if `mirrored`, so that
    /// most of the interval is above 0.
    low: f64,
    high: f64,
    mirrored: bool,
    proposal: Proposal,
}

#[derive(Clone, Copy, Debug)]
enum Proposal {
    Normal,
    Uniform,
    /// Exponential of this rate, above the lower end.
    Tail(f64),
}

impl Truncated {
    pub(super) fn new(mean: f64, std: f64, low: f64, high: f64) -> Self {
        let (mut low, mut high) = ((low - mean) / std, (high - mean) / std);
        let mirrored = -low > high;
        if mirrored {
            (low, high) = (-high, -low);
        }
        // A uniform proposal is accepted with the probability mass / (width * largest density). A
        // tail counts as far where the exponential proposal has the higher acceptance rate.
        let proposal = if high - low < 1.5 {
            Proposal::Uniform
        } else if low > 0.5 {
            let rate = f64::midpoint(low, (low * low + 4.0).sqrt());
            if (high - low) * rate < 1.0 { Proposal::Uniform } else { Proposal::Tail(rate) }
        } else {
            Proposal::Normal
        };
        Self { mean, std, low, high, mirrored, proposal }
    }

    pub(super) fn draw(&self, rng: &mut impl Rng) -> f64 {
        let z = loop {
            if let Some(z) = self.propose(rng) {
                break z;
            }
        };
        self.mean + self.std * if self.mirrored { -z } else { z }
    }

    fn propose(&self, rng: &mut impl Rng) -> Option<f64> {
        let (z, acceptance) = match self.proposal {
            Proposal::Normal => (StandardNormal.sample(rng), 1.0),
            Proposal::Uniform => {
                let share: f64 = StandardUniform.sample(rng);
                let z = self.low + (self.high - self.low) * share;
                let peak = self.low.max(0.0).min(self.high);
                (z, (0.5 * (peak * peak - z * z)).exp())
            }
            Proposal::Tail(rate) => {
                let excess: f64 = Exp1.sample(rng);
                let z = self.low + excess / rate;
                (z, (-0.5 * (z - rate).powi(2)).exp())
            }
        };
        let inside = (self.low..=self.high).contains(&z);
        let lucky = acceptance >= 1.0 || {
            let toss: f64 = StandardUniform.sample(rng);
            toss < acceptance
        };
        (inside && lucky).then_some(z)
    }
}
