//! What can be said of a pair before its training, from the start of its runs alone.

use std::fmt;

use serde::Serialize;

use super::PairRuns;
use super::summary::Summary;

/// What the figures before training foretell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Forecast {
    /// The units of each layer are equal: they will stay so.
    Equal,
    /// Half of the hidden outputs or more are at an end of their range.
    Saturated,
    /// The loss is far above that of guessing: the outputs are far too large, and so will the first
    /// steps be.
    Loud,
    /// Hardly any gradient reaches the first layer.
    Vanishing,
    /// Nothing stands in the way.
    Sound,
}

/// A loss of so many times that of guessing is loud.
const LOUD: f64 = 10.0;

/// A first layer with so small a part of the last layer's gradient does not learn in time.
const VANISHING: f64 = 1e-3;

impl Forecast {
    /// Of a pair, for so many classes.
    pub fn of(pair: &PairRuns, summary: &Summary, classes: usize) -> Self {
        let losses = pair.runs.iter().map(|run| run.before.loss);
        let loss = losses.sum::<f64>() / pair.runs.len() as f64;
        if summary.units_equal.start {
            Self::Equal
        } else if summary.saturated.start.is_some_and(|share| share >= 0.5) {
            Self::Saturated
        } else if loss.is_nan() || loss > LOUD * (classes as f64).ln() {
            Self::Loud
        } else if summary.gradient_ratio.is_nan() || summary.gradient_ratio < VANISHING {
            Self::Vanishing
        } else {
            Self::Sound
        }
    }

    /// Whether it says that the network will learn.
    pub fn is_sound(self) -> bool {
        self == Self::Sound
    }
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Equal => "equal units",
            Self::Saturated => "saturated",
            Self::Loud => "too loud",
            Self::Vanishing => "no gradient",
            Self::Sound => "sound",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::summary::Ends;
    use crate::grid::summary::tests::{pair, run};

    #[test]
    fn what_stands_in_the_way_is_told() {
        let mut runs = pair(vec![run(&[0.97])]);
        let mut summary = Summary::new(&runs);
        assert_eq!(Forecast::of(&runs, &summary, 10), Forecast::Sound);
        summary.gradient_ratio = 1e-4;
        assert_eq!(Forecast::of(&runs, &summary, 10), Forecast::Vanishing);
        runs.runs[0].before.loss = 100.0;
        assert_eq!(Forecast::of(&runs, &summary, 10), Forecast::Loud);
        summary.saturated.start = Some(0.7);
        assert_eq!(Forecast::of(&runs, &summary, 10), Forecast::Saturated);
        summary.units_equal = Ends { start: true, end: false };
        assert_eq!(Forecast::of(&runs, &summary, 10), Forecast::Equal);
    }
}
