//! [`Course`]: the losses of a training run.

/// The losses of a training run, epoch by epoch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    /// The mean training loss of each epoch.
    pub losses: Vec<f64>,
    /// The held-out loss of each epoch; empty if there were no held-out examples.
    pub held_out: Vec<f64>,
    /// The share of the classes' examples that the network predicts right, class by class; empty
    /// for regressions.
    pub recalls: Vec<f64>,
}

impl Course {
    /// The share of the whole decrease of the loss that fell into the last quarter of the run.
    /// `None` for fewer than 4 epochs or a loss that did not fall.
    pub fn late_gain(&self) -> Option<f64> {
        let count = self.losses.len();
        if count < 4 {
            return None;
        }
        let (first, last) = (self.losses[0], self.losses[count - 1]);
        let before = self.losses[count - 1 - count / 4];
        let gain = first - last;
        (gain > 0.0).then(|| (before - last) / gain)
    }

    /// The share of epochs whose loss is at least a tenth above that of the epoch before.
    pub fn rises(&self) -> f64 {
        let pairs = self.losses.windows(2);
        let count = pairs.len().max(1) as f64;
        pairs.filter(|pair| pair[1] > 1.1 * pair[0]).count() as f64 / count
    }

    /// Whether the last loss is NaN or infinite.
    pub fn diverged(&self) -> bool {
        self.losses.last().is_some_and(|loss| !loss.is_finite())
    }
}
