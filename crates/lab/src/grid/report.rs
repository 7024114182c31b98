//! The report of the grid: the results of `train` and `summary` with their names in JSON.

use serde::Serialize;

use crate::grid::summary::Summary;
use crate::grid::train::TrainingRun;
use crate::grid::{Initialization, PairRuns, Settings};
use crate::measure::{Judgement, dead_fraction, not_finite_fraction, saturated_fraction};
use crate::report::RunConditions;
use crate::task::Task;

/// The whole report.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Data, network and training.
    pub settings: SettingsReport,
    /// Machine and program; of these only the instruction set affects the results.
    pub conditions: RunConditions,
    /// The test accuracy of always predicting the most frequent class.
    pub guessing_accuracy: f64,
    /// The pairs in the order of the table.
    pub pairs: Vec<PairReport>,
    /// The conclusions, in sentences.
    pub lessons: Vec<String>,
}

/// Data, network and training.
#[derive(Debug, Serialize)]
pub struct SettingsReport {
    data: DataReport,
    architecture: Vec<usize>,
    output_activation: &'static str,
    loss: &'static str,
    optimizer: OptimizerReport,
    batch: usize,
    epochs: usize,
    seeds: Vec<u64>,
    initializations: Vec<InitializationReport>,
    saturated_margin: f64,
}

#[derive(Debug, Serialize)]
struct DataReport {
    name: String,
    train_images: usize,
    test_images: usize,
    height: usize,
    width: usize,
    classes: usize,
}

#[derive(Debug, Serialize)]
struct OptimizerReport {
    name: &'static str,
    learning_rate: f64,
    momentum: f64,
}

#[derive(Debug, Serialize)]
struct InitializationReport {
    name: String,
    weights: &'static str,
    biases: f64,
}

impl SettingsReport {
    /// The settings for a task.
    pub fn new(task: &Task, settings: &Settings) -> Self {
        let [height, width] = task.image;
        Self {
            data: DataReport {
                name: task.name.clone(),
                train_images: task.train.len(),
                test_images: task.test.len(),
                height,
                width,
                classes: task.architecture.last().copied().unwrap_or(0),
            },
            architecture: task.architecture.clone(),
            output_activation: "identity",
            loss: "softmax cross-entropy",
            optimizer: OptimizerReport {
                name: "sgd",
                learning_rate: settings.training.learning_rate,
                momentum: settings.training.momentum,
            },
            batch: settings.training.batch,
            epochs: settings.training.epochs,
            seeds: settings.seeds.clone(),
            initializations: Initialization::ALL
                .map(|initialization| InitializationReport {
                    name: initialization.to_string(),
                    weights: initialization.formula(),
                    biases: 0.0,
                })
                .into(),
            saturated_margin: wengert::nn::diagnosis::SATURATED,
        }
    }
}

/// A pair: its row of the table, and its runs.
#[derive(Debug, Serialize)]
pub struct PairReport {
    activation: String,
    initialization: String,
    verdict: String,
    test_accuracy: f64,
    test_accuracy_min: f64,
    test_accuracy_max: f64,
    epochs_to_90_percent: Option<usize>,
    saturated_start: Option<f64>,
    saturated_end: Option<f64>,
    dead_start: Option<f64>,
    dead_end: Option<f64>,
    not_finite_start: f64,
    not_finite_end: f64,
    gradient_ratio_start: f64,
    diverged_runs: usize,
    non_finite: Vec<NonFinite>,
    runs: Vec<RunReport>,
}

/// A number that is NaN or infinite.
#[derive(Debug, PartialEq, Serialize)]
struct NonFinite {
    /// The field, with the index if the field is a list.
    figure: String,
    /// `NaN`, `inf` or `-inf`.
    value: String,
}

#[derive(Debug, Serialize)]
struct RunReport {
    seed: u64,
    test_accuracy: f64,
    epochs_to_90_percent: Option<usize>,
    test_accuracy_before: f64,
    test_loss_before: f64,
    /// For each epoch, as the next two.
    train_loss: Vec<f64>,
    test_loss: Vec<f64>,
    test_accuracy_by_epoch: Vec<f64>,
    saturated_start: Option<f64>,
    saturated_end: Option<f64>,
    dead_start: Option<f64>,
    dead_end: Option<f64>,
    not_finite_start: f64,
    not_finite_end: f64,
    gradient_ratio_start: f64,
    hidden_layers: Vec<HiddenReport>,
    layers: Vec<LayerReport>,
    non_finite_losses: usize,
    non_finite: Vec<NonFinite>,
}

#[derive(Debug, Serialize)]
struct HiddenReport {
    units: usize,
    saturated_start: Option<f64>,
    saturated_end: Option<f64>,
    dead_start: Option<f64>,
    dead_end: Option<f64>,
    not_finite_start: f64,
    not_finite_end: f64,
    distinct_units_start: usize,
    distinct_units_end: usize,
}

#[derive(Debug, Serialize)]
struct LayerReport {
    gradient_norm_start: f64,
    weight_gradient_norm_start: f64,
    bias_gradient_norm_start: f64,
    weight_changed: bool,
    bias_changed: bool,
}

/// Collects the numbers that JSON cannot represent.
#[derive(Default)]
struct Flags(Vec<NonFinite>);

impl Flags {
    fn one(&mut self, figure: &str, value: f64) {
        if !value.is_finite() {
            self.0.push(NonFinite { figure: figure.to_owned(), value: value.to_string() });
        }
    }

    fn all(&mut self, figure: &str, values: &[f64]) {
        for (i, &value) in values.iter().enumerate() {
            self.one(&format!("{figure}[{i}]"), value);
        }
    }
}

impl PairReport {
    /// The report of a pair.
    pub fn new(runs: &PairRuns, summary: &Summary, verdict: String) -> Self {
        let mut flags = Flags::default();
        flags.one("gradient_ratio_start", summary.gradient_ratio);
        Self {
            activation: summary.pair.activation.to_string(),
            initialization: summary.pair.initialization.to_string(),
            verdict,
            test_accuracy: summary.accuracy,
            test_accuracy_min: summary.accuracy_range[0],
            test_accuracy_max: summary.accuracy_range[1],
            epochs_to_90_percent: summary.epochs_to_goal,
            saturated_start: summary.saturated.start,
            saturated_end: summary.saturated.end,
            dead_start: summary.dead.start,
            dead_end: summary.dead.end,
            not_finite_start: summary.not_finite.start,
            not_finite_end: summary.not_finite.end,
            gradient_ratio_start: summary.gradient_ratio,
            diverged_runs: summary.diverged,
            non_finite: flags.0,
            runs: runs.runs.iter().map(RunReport::new).collect(),
        }
    }
}

impl RunReport {
    fn new(run: &TrainingRun) -> Self {
        let tests = |figure: fn(&Judgement) -> f64| -> Vec<f64> {
            run.epochs.iter().map(|epoch| figure(&epoch.test)).collect()
        };
        let mut report = Self {
            seed: run.seed,
            test_accuracy: run.after().accuracy,
            epochs_to_90_percent: run.epochs_to(crate::grid::summary::GOAL),
            test_accuracy_before: run.before.accuracy,
            test_loss_before: run.before.loss,
            train_loss: run.epochs.iter().map(|epoch| epoch.train_loss).collect(),
            test_loss: tests(|test| test.loss),
            test_accuracy_by_epoch: tests(|test| test.accuracy),
            saturated_start: saturated_fraction(&run.units_start),
            saturated_end: saturated_fraction(&run.units_end),
            dead_start: dead_fraction(&run.units_start),
            dead_end: dead_fraction(&run.units_end),
            not_finite_start: not_finite_fraction(&run.units_start),
            not_finite_end: not_finite_fraction(&run.units_end),
            gradient_ratio_start: run.gradient_ratio(),
            hidden_layers: hidden_layers(run),
            layers: layers(run),
            non_finite_losses: run.non_finite_losses,
            non_finite: Vec::new(),
        };
        report.non_finite = report.flags();
        report
    }

    /// Accuracies and fractions are quotients of counts, and finite.
    fn flags(&self) -> Vec<NonFinite> {
        let mut flags = Flags::default();
        flags.one("test_loss_before", self.test_loss_before);
        flags.all("train_loss", &self.train_loss);
        flags.all("test_loss", &self.test_loss);
        flags.one("gradient_ratio_start", self.gradient_ratio_start);
        for (i, layer) in self.layers.iter().enumerate() {
            let place = |field: &str| format!("layers[{i}].{field}");
            flags.one(&place("gradient_norm_start"), layer.gradient_norm_start);
            flags.one(&place("weight_gradient_norm_start"), layer.weight_gradient_norm_start);
            flags.one(&place("bias_gradient_norm_start"), layer.bias_gradient_norm_start);
        }
        flags.0
    }
}

fn hidden_layers(run: &TrainingRun) -> Vec<HiddenReport> {
    run.units_start
        .iter()
        .zip(&run.units_end)
        .map(|(start, end)| HiddenReport {
            units: start.count,
            saturated_start: start.saturated,
            saturated_end: end.saturated,
            dead_start: start.dead,
            dead_end: end.dead,
            not_finite_start: start.not_finite,
            not_finite_end: end.not_finite,
            distinct_units_start: start.distinct,
            distinct_units_end: end.distinct,
        })
        .collect()
}

fn layers(run: &TrainingRun) -> Vec<LayerReport> {
    run.gradients
        .iter()
        .zip(&run.changes)
        .map(|(gradient, change)| LayerReport {
            gradient_norm_start: gradient.norm(),
            weight_gradient_norm_start: gradient.weight,
            bias_gradient_norm_start: gradient.bias,
            weight_changed: change.weight,
            bias_changed: change.bias,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::grid::summary::tests::{pair, run};

    fn json(runs: &PairRuns) -> Value {
        let report = PairReport::new(runs, &Summary::new(runs), "words".into());
        serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap()
    }

    /// Every path to a null, except for numbers that do not exist.
    fn nulls(value: &Value, path: &str, found: &mut Vec<String>) {
        match value {
            Value::Null => found.push(path.to_owned()),
            Value::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    nulls(item, &format!("{path}[{i}]"), found);
                }
            }
            Value::Object(fields) => {
                for (name, field) in fields {
                    if name.starts_with("dead_") || name.starts_with("epochs_to_") {
                        continue;
                    }
                    let dot = if path.is_empty() { "" } else { "." };
                    nulls(field, &format!("{path}{dot}{name}"), found);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn finite_numbers_are_not_flagged() {
        let report = json(&pair(vec![run(&[0.5, 0.97])]));
        assert_eq!(report["test_accuracy"], 0.97);
        assert_eq!(report["epochs_to_90_percent"], 2);
        assert_eq!(report["runs"][0]["test_accuracy_by_epoch"], serde_json::json!([0.5, 0.97]));
        assert_eq!(report["runs"][0]["layers"][0]["gradient_norm_start"], 5.0);
        assert_eq!(report["runs"][0]["dead_end"], Value::Null);
        assert_eq!(report["runs"][0]["non_finite"], serde_json::json!([]));
        let mut found = Vec::new();
        nulls(&report, "", &mut found);
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn every_null_that_stands_for_a_number_is_flagged_with_it() {
        let mut run = run(&[0.1, 0.1, 0.1]);
        run.before.loss = f64::INFINITY;
        run.epochs[1].train_loss = f64::NAN;
        run.epochs[2].test.loss = f64::NEG_INFINITY;
        for gradient in &mut run.gradients {
            gradient.weight = f64::NAN;
            gradient.bias = f64::NAN;
        }
        let report = json(&pair(vec![run]));
        let figure = |flag: &Value| flag["figure"].as_str().unwrap().to_owned();
        let flags = |of: &Value| of["non_finite"].as_array().unwrap().iter().map(figure).collect();

        let mut flagged: Vec<String> = flags(&report["runs"][0]);
        let mut found = Vec::new();
        nulls(&report["runs"][0], "", &mut found);
        flagged.sort();
        found.sort();
        assert_eq!(flagged, found);
        assert_eq!(flagged.len(), 3 + 1 + 3 * 3);
        let flags_of_pair: Vec<String> = flags(&report);
        assert_eq!(flags_of_pair, ["gradient_ratio_start"]);
        let values = &report["runs"][0]["non_finite"];
        assert_eq!([&values[0]["value"], &values[1]["value"]], ["inf", "NaN"]);
        assert_eq!(values[2], serde_json::json!({ "figure": "test_loss[2]", "value": "-inf" }));
    }
}
