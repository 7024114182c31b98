//! B8: activation and initialization go together.

use wengert::prelude::*;

use super::claim::{Check, Evidence, Need};
use super::{Claim, Context, Needs};
use crate::figure::{Figure, Heat, Panel, Plot};
use crate::fit::Training;
use crate::grid::forecast::Forecast;
use crate::grid::summary::Summary;
use crate::grid::{ACTIVATIONS, Initialization, Pair, PairRuns, Settings, run_grid};
use crate::interval::Interval;
use crate::text::{accuracy, percent};

pub(super) const CLAIM: Claim = Claim {
    id: "B8",
    title: "activation and initialization go together",
    says: "Logistic and tanh with Xavier, relu and leaky relu with He; zero, equal and large weights are \
           not used.",
    method: "The 64-64-32-10 network on the digits for every pair of eight activations and six \
             initializations, five seeds each: test accuracy, epochs to 90 %, and what the start alone \
             foretold (equal units, saturation, a loss far above guessing, no gradient).",
    needs: Needs::AllThreads,
    run: |context| {
        let settings = settings(context);
        let grid = run_grid(&context.digits, &settings, context.threads, &|| {})?;
        Ok(judge(&grid, own))
    },
};

fn settings(context: &Context) -> Settings {
    let epochs = context.grid_epochs;
    let training = Training { learning_rate: 0.05, momentum: 0.9, batch: 16, epochs };
    Settings { training, seeds: context.seeds(5) }
}

/// The course's choice for an activation, where it has one.
fn own(activation: Activation) -> Option<Initialization> {
    match activation {
        Activation::Logistic | Activation::Tanh => Some(Initialization::Xavier),
        Activation::Relu | Activation::LeakyRelu { .. } => Some(Initialization::He),
        _ => None,
    }
}

const CLASSES: usize = 10;

/// A pair that gets there is one that works.
const WORKS: f64 = 0.9;

/// What the runs of a grid say of a choice of schemes.
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
                Need::AtLeast(WORKS),
            )
            .because("nine digits in ten: what works at all on this task gets there"),
        );
        for bad in [Initialization::Zero, Initialization::Constant, Initialization::Large] {
            let lost = Interval::of_differences(&of(activation, own), &of(activation, bad));
            evidence.checks.push(
                Check::essential(
                    format!("{activation}: accuracy lost with {bad}"),
                    lost,
                    Need::AtLeast(0.03),
                )
                .because("not used: three points worse at least"),
            );
        }
        let other = match own {
            Initialization::He => Initialization::Xavier,
            _ => Initialization::He,
        };
        let gain = Interval::of_differences(&of(activation, own), &of(activation, other));
        evidence.checks.push(
            Check::strict(
                format!("{activation}: accuracy gained with {own} over {other}"),
                gain,
                Need::AtLeast(0.0),
            )
            .because("its own scheme should do better; the interval must not hold less than 0"),
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
        .filter(|(forecast, summary)| forecast.is_sound() == (summary.accuracy >= WORKS))
        .count();
    let agreement = right as f64 / summaries.len() as f64;
    evidence.checks.push(
        Check::essential(
            "share of pairs whose start foretold whether they learn",
            Interval::exact(agreement),
            Need::AtLeast(0.85),
        )
        .because(
            "what is told before training has to be worth more than the share of pairs that learn",
        ),
    );
    let least = chosen.iter().copied().fold(f64::INFINITY, f64::min);
    evidence.summary = format!(
        "own scheme: {} and more; start foretold {} of {} pairs",
        accuracy(least),
        right,
        summaries.len()
    );
    evidence.remarks.push(format!(
        "In so shallow a network Xavier and He differ little: the choice between them shows with depth (B6, \
         B7). Zero, equal and large weights fail in this one already. The start alone foretold {} of the \
         outcomes.",
        percent(agreement)
    ));
    evidence.figures = grid_figures(grid);
    evidence
}

/// The grid as heat maps: accuracy, epochs to 90 %, and what the start foretold.
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
            let Summary { accuracy, diverged, runs, .. } = summaries[i];
            // What has no finite loss any more is right nowhere: not bad at it, but gone.
            if accuracy == 0.0 && 2 * diverged > runs {
                return (0.0, "nan".to_owned());
            }
            (accuracy, format!("{:.1}", 100.0 * accuracy))
        }),
        heat("epochs to 90 %", &|i| match summaries[i].epochs_to_goal {
            Some(epochs) => (1.0 - 0.8 * (epochs - 1) as f64 / most as f64, epochs.to_string()),
            None => (0.0, "never".to_owned()),
        }),
        heat("what the start foretold", &|i| {
            let forecast = Forecast::of(&grid[i], &summaries[i], CLASSES);
            (if forecast.is_sound() { 0.9 } else { 0.1 }, forecast.to_string())
        }),
    ];
    vec![Figure::new(
        "grid",
        "Every activation with every initialization",
        "Medians of five seeds on the digits. The columns decide: zero, equal and large weights fail with \
         nearly every activation, weights scaled to the number of connections work with nearly all, and \
         the start alone mostly tells which is which. A cell says nan where the loss has ceased to be \
         finite.",
        panels,
    )]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::claim::Verdict;

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
