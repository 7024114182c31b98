//! Conclusions from the table, in sentences. A sentence is printed only if it is true for the
//! numbers of this run, and contains no others.

use wengert::Activation;

use crate::grid::Initialization::{self, Computed, He, Large, Xavier};
use crate::grid::summary::Summary;
use crate::text::{accuracy, count, list, percent, ratio};

/// Accuracies with a smaller difference count as equal.
const EQUAL: f64 = 0.02;

/// The sentences that are true, in order. `guessing` is the accuracy of always predicting the most
/// frequent class.
pub fn lessons(summaries: &[Summary], guessing: f64) -> Vec<String> {
    let grid = Conclusions { summaries, guessing };
    let sentences = [
        grid.scaled_weights(),
        grid.equal_units(),
        grid.no_gradient(),
        grid.saturation(),
        grid.death(),
        grid.overflow(),
        grid.logistic_and_tanh(),
        grid.xavier_and_he(),
        grid.dead_units(),
    ];
    sentences.into_iter().flatten().collect()
}

/// The paragraph below the table.
pub fn paragraph(lessons: &[String]) -> String {
    if lessons.is_empty() {
        "None of the usual conclusions is true for the numbers of this run.".to_owned()
    } else {
        lessons.join(" ")
    }
}

/// The summaries from which conclusions are drawn.
struct Conclusions<'a> {
    summaries: &'a [Summary],
    guessing: f64,
}

impl Conclusions<'_> {
    fn get(
        &self,
        activation: impl Fn(Activation) -> bool,
        initialization: Initialization,
    ) -> Option<&Summary> {
        self.summaries.iter().find(|summary| {
            activation(summary.pair.activation) && summary.pair.initialization == initialization
        })
    }

    /// Weights scaled to the number of connections are better than all others.
    fn scaled_weights(&self) -> Option<String> {
        let (scaled, others): (Vec<&Summary>, Vec<&Summary>) = self
            .summaries
            .iter()
            .partition(|s| matches!(s.pair.initialization, Xavier | He | Computed));
        let lowest = least(scaled.iter().map(|s| s.accuracy))?;
        let highest = greatest(scaled.iter().map(|s| s.accuracy))?;
        let best_other = greatest(others.iter().map(|s| s.accuracy))?;
        (lowest > best_other).then(|| {
            format!(
                "The initialization decides: the {} pairs whose weights are scaled to the number of \
                 connections (xavier, he, computed) reach {} to {}, the {} others {} at most.",
                scaled.len(),
                accuracy(lowest),
                accuracy(highest),
                others.len(),
                accuracy(best_other)
            )
        })
    }

    /// Equal units stay equal.
    fn equal_units(&self) -> Option<String> {
        let began: Vec<&Summary> = self.summaries.iter().filter(|s| s.units_equal.start).collect();
        let finite: Vec<&Summary> = began.iter().copied().filter(|s| s.diverged == 0).collect();
        let best = finite.iter().max_by(|a, b| a.accuracy.total_cmp(&b.accuracy))?;
        finite.iter().all(|s| s.units_equal.end).then(|| {
            let which = if finite.len() == began.len() {
                format!("all {} such pairs", began.len())
            } else {
                format!(
                    "the {} of {} such pairs whose loss stays finite",
                    finite.len(),
                    began.len()
                )
            };
            format!(
                "Units that are equal before training stay equal: in {which} the units of a layer are \
                 equal to the last bit after training. The best of these pairs, {}, reaches {}; always \
                 predicting the most frequent class reaches {}.",
                name(best),
                accuracy(best.accuracy),
                accuracy(self.guessing)
            )
        })
    }

    /// Without a gradient the first layer does not learn.
    fn no_gradient(&self) -> Option<String> {
        let cut_off: Vec<&Summary> = self.summaries.iter().filter(|s| s.no_gradient).collect();
        let still = cut_off.iter().filter(|s| !s.weights_moved[0]).count();
        (still > 0).then(|| {
            let all = cut_off.len();
            format!(
                "In {} the gradient of the first layer is exactly zero before training, and in {still} \
                 of these no hidden weight ever changes.",
                count(all, "pair")
            )
        })
    }

    /// Large weights saturate units, and saturated networks are worse.
    fn saturation(&self) -> Option<String> {
        let mut shares = Vec::new();
        let mut losses = Vec::new();
        for activation in [Activation::Logistic, Activation::Tanh] {
            let large = self.get(|a| a == activation, Large)?;
            let scaled = self.get(|a| a == activation, Xavier)?;
            let (from, to) = (scaled.saturated.start?, large.saturated.start?);
            if to >= 0.5 && from < 0.5 && large.accuracy < scaled.accuracy {
                let outputs = format!("{} of the {activation} outputs", percent(to));
                shares.push(format!("{outputs} ({} with xavier)", percent(from)));
                losses.push(points(scaled.accuracy - large.accuracy));
            }
        }
        (!shares.is_empty()).then(|| {
            format!(
                "Large weights saturate units: before training {} are saturated, and after training \
                 the accuracy is {} points lower.",
                list(&shares),
                list(&losses)
            )
        })
    }

    /// Large weights kill relu units.
    fn death(&self) -> Option<String> {
        let large = self.get(|a| a == Activation::Relu, Large)?;
        let (start, end) = (large.dead.start?, large.dead.end?);
        (start < 0.5 && end >= 0.5).then(|| {
            format!(
                "Relu does not saturate for positive inputs, but with large weights its units die: {} \
                 are dead before training, {} after training.",
                percent(start),
                percent(end)
            )
        })
    }

    /// Training may diverge.
    fn overflow(&self) -> Option<String> {
        let diverged: Vec<String> =
            self.summaries.iter().filter(|s| s.diverged > 0).map(name).collect();
        let some = if diverged.len() == 1 { "One pair ends" } else { "Some pairs end" };
        (!diverged.is_empty())
            .then(|| format!("{some} with a loss that is not finite: {}.", list(&diverged)))
    }

    /// Tanh learns faster than the logistic function, and passes on a larger gradient.
    fn logistic_and_tanh(&self) -> Option<String> {
        let logistic = self.get(|a| a == Activation::Logistic, Xavier)?;
        let tanh = self.get(|a| a == Activation::Tanh, Xavier)?;
        let (slow, fast) = (logistic.epochs_to_goal?, tanh.epochs_to_goal?);
        (slow > fast && logistic.gradient_ratio < tanh.gradient_ratio).then(|| {
            format!(
                "With xavier, tanh reaches 90 % after {} and logistic after {slow}. Before training, \
                 the norm of the first layer's gradient divided by that of the last layer's is {} with \
                 tanh and {} with logistic.",
                count(fast, "epoch"),
                ratio(tanh.gradient_ratio),
                ratio(logistic.gradient_ratio)
            )
        })
    }

    /// Whether each activation is better with its own initialization.
    fn xavier_and_he(&self) -> Option<String> {
        let mut gains = Vec::new();
        let classical = |a: Activation| {
            use Activation::{LeakyRelu, Logistic, Relu, Tanh};
            matches!(a, Logistic | Tanh | Relu | LeakyRelu { .. })
        };
        let of_course =
            |s: &&Summary| s.pair.initialization == Xavier && classical(s.pair.activation);
        for summary in self.summaries.iter().filter(of_course) {
            let he = self.get(|a| a == summary.pair.activation, He)?;
            let xavier_is_own =
                matches!(summary.pair.activation, Activation::Logistic | Activation::Tanh);
            let gain = summary.accuracy - he.accuracy;
            gains.push(if xavier_is_own { gain } else { -gain });
        }
        let least_gain = least(gains.iter().copied())?;
        let most = greatest(gains.iter().map(|gain| gain.abs()))?;
        if most < EQUAL {
            Some(format!(
                "In a network of three layers xavier and he differ little: by {} points of accuracy at \
                 most.",
                points(most)
            ))
        } else if least_gain > 0.0 {
            Some(format!(
                "Each activation is better with its own scheme, logistic and tanh with xavier, relu and \
                 leaky relu with he: by {} points at least.",
                points(least_gain)
            ))
        } else {
            None
        }
    }

    /// Some relu units die in successful training, without harm.
    fn dead_units(&self) -> Option<String> {
        let relu = self.get(|a| a == Activation::Relu, He)?;
        let leaky = self.get(|a| matches!(a, Activation::LeakyRelu { .. }), He)?;
        let dead = relu.dead.end.filter(|&dead| dead > 0.0)?;
        let difference = leaky.accuracy - relu.accuracy;
        let equal = difference.abs() < EQUAL && leaky.dead.end.is_none();
        equal.then(|| {
            format!(
                "With he, {} of the relu units are dead after training; the accuracy of leaky \
                 relu, whose units cannot die, is {}.",
                percent(dead),
                match points(difference.abs()) {
                    same if same == "0.0" => "the same".to_owned(),
                    by if difference > 0.0 => format!("{by} points higher"),
                    by => format!("{by} points lower"),
                }
            )
        })
    }
}

fn name(summary: &Summary) -> String {
    format!("{} with {}", summary.pair.activation, summary.pair.initialization)
}

/// A difference of accuracies in points of a percent.
fn points(difference: f64) -> String {
    format!("{:.1}", 100.0 * difference)
}

fn least(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.min_by(f64::total_cmp)
}

fn greatest(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.max_by(f64::total_cmp)
}

#[cfg(test)]
#[path = "lesson/tests.rs"]
mod tests;
