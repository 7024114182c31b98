//! [`Summary`]: the results of a pair over its seeds.

use crate::grid::train::TrainingRun;
use crate::grid::{Pair, PairRuns};
use crate::interval::Interval;
use crate::measure::{Units, dead_fraction, not_finite_fraction, saturated_fraction};

/// The test accuracy up to which epochs are counted.
pub const GOAL: f64 = 0.9;

/// A number before and after training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ends<T> {
    /// Before training.
    pub start: T,
    /// After training.
    pub end: T,
}

/// The results of a pair: medians over the seeds, unless stated otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The pair.
    pub pair: Pair,
    /// The number of its runs.
    pub runs: usize,
    /// The test accuracy after training.
    pub accuracy: f64,
    /// The mean of the test accuracies after training.
    pub mean_accuracy: f64,
    /// The lowest and the highest test accuracy after training.
    pub accuracy_range: [f64; 2],
    /// The number of epochs until [`GOAL`] is first reached; `None` if the median run does not
    /// reach it.
    pub epochs_to_goal: Option<usize>,
    /// The fraction of the hidden layers' outputs that are saturated.
    pub saturated: Ends<Option<f64>>,
    /// The fraction of the hidden layers' units that are dead.
    pub dead: Ends<Option<f64>>,
    /// The fraction of the hidden layers' outputs that are NaN or infinite.
    pub not_finite: Ends<f64>,
    /// The norm of the first layer's gradient divided by that of the last layer's, before training.
    pub gradient_ratio: f64,
    /// Whether the first layer's gradient is zero before training, in every run.
    pub no_gradient: bool,
    /// Whether all units of each hidden layer are equal, in every run.
    pub units_equal: Ends<bool>,
    /// Whether training changed a weight in any run: of a hidden layer, of the last layer.
    pub weights_moved: [bool; 2],
    /// The number of runs with a training loss that was NaN or infinite.
    pub diverged: usize,
}

impl Summary {
    /// Summarizes the runs of a pair.
    ///
    /// # Panics
    /// If there are no runs.
    pub fn new(PairRuns { pair, runs }: &PairRuns) -> Self {
        assert!(!runs.is_empty(), "a summary needs at least one run");
        let accuracies: Vec<f64> = runs.iter().map(|run| run.after().accuracy).collect();
        let never = usize::MAX;
        let epochs = middle(runs.iter().map(|run| run.epochs_to(GOAL).unwrap_or(never)), Ord::cmp);
        let ends = |share: fn(&[Units]) -> Option<f64>| Ends {
            start: median_share(runs.iter().map(|run| share(&run.units_start))),
            end: median_share(runs.iter().map(|run| share(&run.units_end))),
        };
        let equal = |units: fn(&TrainingRun) -> &[Units]| {
            runs.iter().all(|run| units(run).iter().all(|layer| layer.distinct == 1))
        };
        let moved = |last: bool| {
            runs.iter().any(|run| {
                let layers = run.changes.len();
                let mut changes = run.changes.iter().enumerate();
                changes.any(|(i, change)| (i + 1 == layers) == last && change.weight)
            })
        };
        Self {
            pair: *pair,
            runs: runs.len(),
            accuracy: middle(accuracies.iter().copied(), f64::total_cmp),
            mean_accuracy: Interval::of(&accuracies).mean,
            accuracy_range: [
                accuracies.iter().copied().fold(f64::INFINITY, f64::min),
                accuracies.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            ],
            epochs_to_goal: Some(epochs).filter(|&epochs| epochs != never),
            saturated: ends(saturated_fraction),
            dead: ends(dead_fraction),
            not_finite: Ends {
                start: middle(
                    runs.iter().map(|run| not_finite_fraction(&run.units_start)),
                    f64::total_cmp,
                ),
                end: middle(
                    runs.iter().map(|run| not_finite_fraction(&run.units_end)),
                    f64::total_cmp,
                ),
            },
            gradient_ratio: middle(runs.iter().map(TrainingRun::gradient_ratio), f64::total_cmp),
            no_gradient: runs.iter().all(|run| run.gradient_ratio() == 0.0),
            units_equal: Ends {
                start: equal(|run| &run.units_start),
                end: equal(|run| &run.units_end),
            },
            weights_moved: [moved(false), moved(true)],
            diverged: runs.iter().filter(|run| run.non_finite_losses > 0).count(),
        }
    }
}

fn median_share(shares: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let shares: Option<Vec<f64>> = shares.collect();
    shares.map(|shares| middle(shares.into_iter(), f64::total_cmp))
}

/// The median; of an even number of values the smaller of the two in the middle.
fn middle<T: Copy>(
    values: impl Iterator<Item = T>,
    compare: impl FnMut(&T, &T) -> std::cmp::Ordering,
) -> T {
    let mut values: Vec<T> = values.collect();
    values.sort_by(compare);
    values[(values.len() - 1) / 2]
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::grid::train::{Change, EpochResult};
    use crate::grid::{ACTIVATIONS, Initialization};
    use crate::measure::{Judgement, LayerGradient};

    /// A run of two hidden layers, of 64 and 32 units, with these accuracies after its epochs.
    pub(crate) fn run(accuracies: &[f64]) -> TrainingRun {
        let judge = |accuracy| Judgement { accuracy, loss: 1.0 - accuracy };
        let epoch = |&accuracy| EpochResult { train_loss: 2.0 - accuracy, test: judge(accuracy) };
        let units = |count, distinct| Units {
            count,
            saturated: Some(0.25),
            dead: None,
            not_finite: 0.0,
            distinct,
        };
        TrainingRun {
            seed: 1,
            before: judge(0.1),
            epochs: accuracies.iter().map(epoch).collect(),
            units_start: vec![units(64, 64), units(32, 32)],
            units_end: vec![units(64, 64), units(32, 32)],
            gradients: vec![
                LayerGradient { weight: 3.0, bias: 4.0 },
                LayerGradient { weight: 1.0, bias: 0.0 },
                LayerGradient { weight: 6.0, bias: 8.0 },
            ],
            changes: vec![Change { weight: true, bias: true }; 3],
            non_finite_losses: 0,
        }
    }

    /// The runs as those of a pair.
    pub(crate) fn pair(runs: Vec<TrainingRun>) -> PairRuns {
        let pair = Pair { activation: ACTIVATIONS[1], initialization: Initialization::Xavier };
        PairRuns { pair, runs }
    }

    #[test]
    fn the_results_are_medians() {
        let runs = vec![run(&[0.95, 0.85]), run(&[0.2, 0.91, 0.92]), run(&[0.3, 0.4, 0.99])];
        let summary = Summary::new(&pair(runs));
        assert_eq!((summary.runs, summary.accuracy), (3, 0.92));
        assert!((summary.mean_accuracy - 0.92).abs() < 1e-12);
        assert_eq!(summary.accuracy_range, [0.85, 0.99]);
        assert_eq!(summary.epochs_to_goal, Some(2));
        assert_eq!(summary.saturated, Ends { start: Some(0.25), end: Some(0.25) });
        assert_eq!(summary.dead, Ends { start: None, end: None });
        assert_eq!(summary.not_finite, Ends { start: 0.0, end: 0.0 });
        assert_eq!(summary.gradient_ratio, 0.5);
        assert_eq!(summary.units_equal, Ends { start: false, end: false });
        assert_eq!((summary.weights_moved, summary.diverged), ([true, true], 0));
        assert!(!summary.no_gradient);
    }

    #[test]
    fn a_goal_that_most_runs_miss_is_missed() {
        let runs = vec![run(&[0.95]), run(&[0.2]), run(&[0.3])];
        assert_eq!(Summary::new(&pair(runs)).epochs_to_goal, None);
    }

    #[test]
    fn one_different_run_is_noticed() {
        let mut still = run(&[0.1]);
        still.units_start = vec![Units { distinct: 1, ..still.units_start[0] }; 2];
        still.units_end = still.units_start.clone();
        still.changes = vec![Change { weight: false, bias: true }; 3];
        still.gradients[0] = LayerGradient { weight: 0.0, bias: 0.0 };
        let three = Summary::new(&pair(vec![still.clone(), still.clone(), still.clone()]));
        assert_eq!(three.units_equal, Ends { start: true, end: true });
        assert_eq!(three.weights_moved, [false, false]);
        assert!(three.no_gradient);

        let mut other = still.clone();
        other.units_end[1].distinct = 2;
        other.gradients[0].bias = 1e-30;
        other.changes[2].weight = true;
        other.non_finite_losses = 7;
        let mixed = Summary::new(&pair(vec![still.clone(), other, still]));
        assert_eq!(mixed.units_equal, Ends { start: true, end: false });
        assert_eq!((mixed.gradient_ratio, mixed.no_gradient), (0.0, false));
        assert_eq!((mixed.weights_moved, mixed.diverged), ([false, true], 1));
    }
}
