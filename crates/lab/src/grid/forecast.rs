//! [`Forecast`]: a prediction, from the networks before training, whether a pair will learn.

use std::fmt;

use serde::Serialize;

use super::PairRuns;
use super::summary::Summary;

/// The forecast for a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Forecast {
    /// The units of each layer are equal, and stay equal.
    Equal,
    /// At least half of the hidden outputs are saturated.
    Saturated,
    /// The loss is far above that of guessing: the outputs and the first steps are too large.
    LossTooLarge,
    /// Almost no gradient reaches the first layer.
    Vanishing,
    /// The network learns.
    Learns,
}

/// The largest accepted loss, relative to that of guessing.
const LOSS_LIMIT: f64 = 10.0;

/// The smallest accepted gradient of the first layer, relative to that of the last.
const VANISHING: f64 = 1e-3;

impl Forecast {
    /// The forecast for a pair, for a task with `classes` classes.
    pub fn of(pair: &PairRuns, summary: &Summary, classes: usize) -> Self {
        let losses = pair.runs.iter().map(|run| run.before.loss);
        let loss = losses.sum::<f64>() / pair.runs.len() as f64;
        if summary.units_equal.start {
            Self::Equal
        } else if summary.saturated.start.is_some_and(|share| share >= 0.5) {
            Self::Saturated
        } else if loss.is_nan() || loss > LOSS_LIMIT * (classes as f64).ln() {
            Self::LossTooLarge
        } else if summary.gradient_ratio.is_nan() || summary.gradient_ratio < VANISHING {
            Self::Vanishing
        } else {
            Self::Learns
        }
    }

    /// Whether the forecast is that the network learns.
    pub fn learns(self) -> bool {
        self == Self::Learns
    }
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Equal => "equal units",
            Self::Saturated => "saturated",
            Self::LossTooLarge => "loss too large",
            Self::Vanishing => "no gradient",
            Self::Learns => "learns",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::summary::Ends;
    use crate::grid::summary::tests::{pair, run};

    #[test]
    fn every_obstacle_is_recognized() {
        let mut runs = pair(vec![run(&[0.97])]);
        let mut summary = Summary::new(&runs);
        assert_eq!(Forecast::of(&runs, &summary, 10), Forecast::Learns);
        summary.gradient_ratio = 1e-4;
        assert_eq!(Forecast::of(&runs, &summary, 10), Forecast::Vanishing);
        runs.runs[0].before.loss = 100.0;
        assert_eq!(Forecast::of(&runs, &summary, 10), Forecast::LossTooLarge);
        summary.saturated.start = Some(0.7);
        assert_eq!(Forecast::of(&runs, &summary, 10), Forecast::Saturated);
        summary.units_equal = Ends { start: true, end: false };
        assert_eq!(Forecast::of(&runs, &summary, 10), Forecast::Equal);
    }
}
