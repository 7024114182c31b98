//! B8: pairs of activation and initialization.

use wengert::prelude::*;

use super::claim::{Claim, Needs};
use super::context::Context;
use super::evidence::{Check, Evidence, Need};
use crate::figure::{Figure, Heat, Panel, Plot};
use crate::grid::forecast::Forecast;
use crate::grid::summary::Summary;
use crate::grid::{ACTIVATIONS, Initialization, Pair, PairRuns, Settings, run_grid};
use crate::interval::Interval;
use crate::text::{accuracy, percent};

pub(super) const CLAIM: Claim = Claim {
    id: "B8",
    title: "each activation has its initialization",
    says: "Logistic and tanh are used with Xavier initialization, relu and leaky relu with He; zero, \
           equal and large weights are not used.",
    method: "The 64-64-32-10 network is trained on the digits for 20 epochs with every pair of eight \
             activations and six initializations, five seeds each (the networks with zero and equal \
             weights are those of B1 and B2). Measured are the test accuracy, the epochs to 90 %, and \
             a forecast from the network before training alone: it fails if the units are equal or \
             saturated, the loss is far above that of guessing, or almost no gradient reaches the \
             first layer.",
    needs: Needs::AllThreads,
    run: |context| {
        let settings = settings(context);
        let grid = run_grid(&context.digits, &settings, context.threads, &|| {})?;
        Ok(judge(&grid, own))
    },
};

fn settings(context: &Context) -> Settings {
    Settings { training: context.grid_training(), seeds: context.grid_seeds() }
}

/// The scheme of the notes for an activation, if they state one.
fn own(activation: Activation) -> Option<Initialization> {
    match activation {
        Activation::Logistic | Activation::Tanh => Some(Initialization::Xavier),
        Activation::Relu | Activation::LeakyRelu { .. } => Some(Initialization::He),
        _ => None,
    }
}

const CLASSES: usize = 10;

/// The test accuracy at which a pair counts as learning.
const LEARNS: f64 = 0.9;

/// The evidence of a grid for a choice of schemes.
pub(super) fn judge(
    grid: &[PairRuns],
    own: impl Fn(Activation) -> Option<Initialization>,
) -> Evidence {
    let summaries: Vec<Summary> = grid.iter().map(Summary::new).collect();
    let accuracies = |runs: &PairRuns| -> Vec<f64> {
        runs.runs.iter().map(|run| run.after().accuracy).collect()
    };
    let of = |activation: Activation, initialization: Initialization| {
        let pair = Pair { activation, initialization };
        let found = grid.iter().find(|runs| runs.pair == pair);
        found.map(&accuracies).unwrap_or_default()
    };
    let mut evidence = Evidence::default();
    let mut chosen = Vec::new();
    for activation in ACTIVATIONS {
        let Some(own) = own(activation) else { continue };
        let measured = Interval::of(&of(activation, own));
        chosen.push(measured.mean);
        evidence.checks.push(
            Check::essential(
                format!("{activation} with {own}: test accuracy"),
                measured,
                Need::AtLeast(LEARNS),
            )
            .because("nine digits in ten: every scheme that works reaches this on this task"),
        );
        for bad in [Initialization::Zero, Initialization::Constant, Initialization::Large] {
            let lost = Interval::of_differences(&of(activation, own), &of(activation, bad));
            evidence.checks.push(
                Check::essential(
                    format!("{activation}: test accuracy with {own} minus that with {bad}"),
                    lost,
                    Need::AtLeast(0.03),
                )
                .because("not used: at least three points lower"),
            );
        }
        let other = match own {
            Initialization::He => Initialization::Xavier,
            _ => Initialization::He,
        };
        let gain = Interval::of_differences(&of(activation, own), &of(activation, other));
        evidence.checks.push(
            Check::strict(
                format!("{activation}: test accuracy with {own} minus that with {other}"),
                gain,
                Need::AtLeast(0.0),
            )
            .because("its own scheme should be better: the interval must not contain negatives"),
        );
    }
    let forecasts: Vec<Forecast> = grid
        .iter()
        .zip(&summaries)
        .map(|(runs, summary)| Forecast::of(runs, summary, CLASSES))
        .collect();
    let right = forecasts
        .iter()
        .zip(&summaries)
        .filter(|(forecast, summary)| forecast.learns() == (summary.accuracy >= LEARNS))
        .count();
    let agreement = right as f64 / summaries.len() as f64;
    evidence.checks.push(
        Check::essential(
            "fraction of pairs for which the forecast is right",
            Interval::exact(agreement),
            Need::AtLeast(0.85),
        )
        .because("a forecast must be right more often than one that is the same for all pairs"),
    );
    let least = chosen.iter().copied().fold(f64::INFINITY, f64::min);
    evidence.summary = format!(
        "with the scheme of the notes: test accuracy of {} or more; the forecast is right for {} of {} \
         pairs",
        accuracy(least),
        right,
        summaries.len()
    );
    evidence.remarks.push(format!(
        "In a network of three layers Xavier and He differ little; the choice between them matters in \
         deep networks (B6, B7). Zero, equal and large weights fail already in this one. The forecast \
         before training is right for {} of the pairs.",
        percent(agreement)
    ));
    evidence.figures = grid_figures(grid);
    evidence
}

/// The grid as heat maps: accuracy, epochs to 90 %, and the forecast.
fn grid_figures(grid: &[PairRuns]) -> Vec<Figure> {
    let summaries: Vec<Summary> = grid.iter().map(Summary::new).collect();
    let columns: Vec<String> = Initialization::ALL.map(|init| init.to_string()).to_vec();
    let rows: Vec<String> = ACTIVATIONS.map(|activation| activation.name().to_owned()).to_vec();
    let heat = |title: &str, cell: &dyn Fn(usize) -> (f64, String)| {
        let (mut values, mut texts) = (Vec::new(), Vec::new());
        for row in 0..rows.len() {
            let cells: Vec<(f64, String)> =
                (0..columns.len()).map(|column| cell(row * columns.len() + column)).collect();
            values.push(cells.iter().map(|cell| cell.0).collect());
            texts.push(cells.into_iter().map(|cell| cell.1).collect());
        }
        let (rows, columns) = (rows.clone(), columns.clone());
        Panel { title: title.to_owned(), plot: Plot::Heat(Heat { rows, columns, values, texts }) }
    };
    let most = summaries.iter().filter_map(|summary| summary.epochs_to_goal).max().unwrap_or(1);
    let panels = vec![
        heat("test accuracy in percent", &|i| {
            let Summary { accuracy, mean_accuracy, diverged, runs, .. } = summaries[i];
            // A network whose outputs are NaN predicts no class.
            if accuracy == 0.0 && 2 * diverged > runs {
                return (0.0, "nan".to_owned());
            }
            (mean_accuracy, format!("{:.1}", 100.0 * mean_accuracy))
        }),
        heat("epochs to 90 %", &|i| match summaries[i].epochs_to_goal {
            Some(epochs) => (1.0 - 0.8 * (epochs - 1) as f64 / most as f64, epochs.to_string()),
            None => (0.0, "never".to_owned()),
        }),
        heat("forecast before training", &|i| {
            let forecast = Forecast::of(&grid[i], &summaries[i], CLASSES);
            (if forecast.learns() { 0.9 } else { 0.1 }, forecast.to_string())
        }),
    ];
    vec![Figure::new(
        "grid",
        "Every activation with every initialization",
        "Five seeds on the digits: the mean of the test accuracies, the median of the epochs. The columns \
         decide: zero, equal and large weights fail with nearly every activation, weights scaled to the \
         number of connections work with nearly all, and the forecast before training is mostly right. \
         nan: the loss is no longer finite.",
        panels,
    )]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::evidence::Verdict;

    #[test]
    fn the_opposite_choice_is_refuted() {
        let context = Context { grid_epochs: 12, ..Context::new(1, 2) };
        let settings = settings(&context);
        let grid = run_grid(&context.digits, &settings, context.threads, &|| {}).unwrap();
        let verdict =
            |choice: &dyn Fn(Activation) -> Option<Initialization>| judge(&grid, choice).verdict();
        assert_ne!(verdict(&own), Verdict::DoesNotHold);
        for bad in [Initialization::Zero, Initialization::Constant, Initialization::Large] {
            assert_eq!(verdict(&|a| own(a).map(|_| bad)), Verdict::DoesNotHold, "{bad}");
        }
    }
}
