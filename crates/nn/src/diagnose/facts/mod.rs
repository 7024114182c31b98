//! [`Facts`]: what was measured about a training run, from which rules judge.

mod course;
mod network;
mod trial;

pub use course::Course;
pub(crate) use network::observed;
pub use network::{Gradient, LayerFacts, Network, Range, WeightFacts};
pub use trial::Trial;
pub(crate) use trial::tried;

use super::data::DataFacts;
use super::loss::Takes;

/// A run has learned if its last loss is below this share of the loss of constant outputs.
const LEARNED: f64 = 0.2;

/// How long a training run is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The number of passes over the examples.
    pub epochs: usize,
    /// The number of examples in a batch.
    pub batch: usize,
}

/// What was measured about a training run. A part that could not be measured is `None`, and
/// [`Report::unjudged`](super::Report::unjudged) says why.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Facts {
    /// The name of the loss.
    pub loss: String,
    /// What the loss takes.
    pub takes: Takes,
    /// The learning rate.
    pub rate: f64,
    /// The momentum of the optimizer; 0 without one.
    pub momentum: f64,
    /// Whether a step has about the length of the learning rate: see
    /// [`Optimizer::normalizes_steps`](crate::Optimizer::normalizes_steps).
    pub normalizes_steps: Option<bool>,
    /// How long the run is to be.
    pub budget: Budget,
    /// The examples.
    pub data: DataFacts,
    /// A forward and a backward pass of some examples, without dropout.
    pub network: Option<Network>,
    /// Some trial steps on a copy.
    pub trial: Option<Trial>,
    /// The losses of the run, afterwards.
    pub course: Option<Course>,
}

impl Facts {
    /// The number of steps of the run.
    pub fn steps(&self) -> usize {
        let batch = self.budget.batch.clamp(1, self.data.rows.max(1));
        self.budget.epochs.saturating_mul(self.data.rows.div_ceil(batch))
    }

    /// Whether the run has learned: its last loss is far below that of the best constant outputs.
    pub fn learned(&self) -> bool {
        let constant = self.network.as_ref().and_then(|network| network.constant_loss);
        let last = self.course.as_ref().and_then(|course| course.losses.last());
        matches!((constant, last), (Some(constant), Some(last)) if *last < LEARNED * constant)
    }

    /// The factor by which momentum lengthens a step in the long run.
    pub fn momentum_factor(&self) -> f64 {
        if self.normalizes_steps == Some(true) {
            return 1.0;
        }
        1.0 / (1.0 - self.momentum.clamp(0.0, 0.999))
    }
}
