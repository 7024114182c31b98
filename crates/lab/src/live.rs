//! The command `train`: trains one network and shows the state of its layers after each epoch.

mod models;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use console::Term;
use serde::Serialize;
use wengert::nn::diagnosis::unit_health;
use wengert::nn::{Observation, Observer};
use wengert::prelude::*;

use crate::app::{named, pool, print, show};
use crate::args::{Common, InitName, Model, Train, hidden};
use crate::data::Dataset;
use crate::error::LabError;
use crate::fit::{Training, fit};
use crate::measure::judge;
use crate::report::Output;
use crate::task::Task;
use crate::text::{accuracy, figure, percent, ratio};

/// A training with the state of the network after each epoch; epoch 0 is before training.
#[derive(Debug, Serialize)]
pub struct History {
    model: Model,
    activation: String,
    init: InitName,
    data: String,
    seed: u64,
    learning_rate: f64,
    momentum: f64,
    batch: usize,
    epochs: Vec<Snapshot>,
}

/// The state of the network after an epoch.
#[derive(Clone, Debug, Serialize)]
pub struct Snapshot {
    number: usize,
    train_loss: Option<f64>,
    test_loss: f64,
    test_accuracy: f64,
    layers: Vec<LayerState>,
}

/// The state of a layer for the first training examples.
#[derive(Clone, Debug, Serialize)]
pub struct LayerState {
    layer: String,
    units: usize,
    /// `None` for an activation whose range does not have two ends.
    saturated: Option<f64>,
    /// `None` for the last layer, and for an activation whose units cannot die.
    dead: Option<f64>,
    /// The fraction of outputs that are NaN or infinite.
    not_finite: f64,
    activation_mean: f64,
    activation_variance: f64,
    gradient_norm: f64,
}

/// The number of training examples for which layers are measured.
const SAMPLE: usize = 512;

/// Trains a network, shows its layers and writes `train.json`.
///
/// # Errors
/// If an argument, the data or the output directory is invalid.
pub fn run(common: &Common, train: &Train) -> Result<ExitCode, LabError> {
    let activation = named(&train.activation)?;
    let rate = train.rate();
    if !(rate.is_finite() && rate >= 0.0) {
        return Err(LabError::Request(format!("the learning rate must be 0 or more, not {rate}")));
    }
    let data = match &train.data {
        Some(directory) => Dataset::from_directory(directory)?,
        None => Dataset::digits(),
    };
    let output = Output::new(common.out(), "train.json")?;
    let task = match train.model {
        Model::Mlp => Task::new(&data, &hidden(train.data.as_deref())),
        Model::Deep => Task::new(&data, &[64; 20]),
        Model::Cnn => Task::new(&data, &[]),
    };
    let mut model = models::build(train.model, &task, activation, train.init, common.seed)?;
    let pool = pool(common)?;
    let epochs = train.epochs.get();
    let training = Training {
        learning_rate: rate,
        momentum: 0.9,
        batch: if train.data.is_some() { 32 } else { 16 },
        epochs,
    };
    let mut history = History {
        model: train.model,
        activation: activation.to_string(),
        init: train.init,
        data: task.name.clone(),
        seed: common.seed,
        learning_rate: rate,
        momentum: training.momentum,
        batch: training.batch,
        epochs: vec![],
    };
    let mut screen = Screen::new(common);
    pool.install(|| {
        let mut tape = Tape::new();
        let first = epoch(0, None, &model, activation, &task, &mut tape)?;
        screen.show(&first, epochs)?;
        history.epochs.push(first);
        let mut failed = None;
        fit(&mut model, &task.train, training, common.seed, |model, loss, tape| {
            let number = history.epochs.len();
            let shown = epoch(number, Some(loss.mean), model, activation, &task, tape)
                .and_then(|epoch| screen.show(&epoch, epochs).map(|()| epoch));
            match shown {
                Ok(epoch) => history.epochs.push(epoch),
                Err(error) => failed = failed.take().or(Some(error)),
            }
        });
        failed.map_or(Ok(()), Err)
    })?;
    output.write(&history)?;
    if common.json {
        show(common, &history, Vec::new)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Measures the network.
fn epoch(
    number: usize,
    train_loss: Option<f64>,
    model: &Sequential<f32>,
    activation: Activation,
    task: &Task,
    tape: &mut Tape<f32>,
) -> Result<Snapshot, LabError> {
    let test = judge(model, &task.test, tape);
    let layers = layer_states(model, activation, task)?;
    Ok(Snapshot { number, train_loss, test_loss: test.loss, test_accuracy: test.accuracy, layers })
}

/// Measures every layer with parameters, for some training examples.
fn layer_states(
    model: &Sequential<f32>,
    activation: Activation,
    task: &Task,
) -> Result<Vec<LayerState>, LabError> {
    let count = task.train.len().min(SAMPLE);
    let inputs = task.train.inputs().slice(0, 0..count as isize);
    let labels = task.train.labels()[..count].to_vec();
    let tape = Tape::new();
    let mut seen: Vec<(String, Observation<'_, f32>)> = Vec::new();
    let output = model
        .observe(
            tape.constant(&inputs),
            &mut Observer::new(&mut |path, layer| seen.push((path.to_owned(), layer))),
        )
        .map_err(LabError::request)?;
    let gradients = output.cross_entropy(labels).backward();
    let parameters = model.parameters();
    // Layers without parameters, such as pools, are not shown.
    seen.retain(|(path, _)| {
        parameters.iter().any(|(name, _)| name.starts_with(&format!("{path}.")))
    });
    let last = seen.len().saturating_sub(1);
    let state = |(i, (path, layer)): (usize, &(String, Observation<'_, f32>))| {
        let below = format!("{path}.");
        let norm = parameters
            .iter()
            .filter(|(name, _)| name.starts_with(&below))
            .filter_map(|(_, parameter)| gradients.parameter(parameter))
            .flat_map(Tensor::to_vec)
            .map(|g| f64::from(g).powi(2))
            .sum::<f64>()
            .sqrt();
        let output = layer.output.value();
        let values = output.to_vec();
        let n = values.len() as f64;
        let mean = values.iter().map(|&y| f64::from(y)).sum::<f64>() / n;
        let variance = values.iter().map(|&y| (f64::from(y) - mean).powi(2)).sum::<f64>() / n;
        let outputs = by_unit(&output);
        let hidden = if i == last { Activation::Identity } else { activation };
        let health = unit_health(hidden, &outputs);
        LayerState {
            layer: path.clone(),
            units: outputs.shape()[1],
            saturated: health.saturated,
            dead: health.dead,
            not_finite: health.not_finite,
            activation_mean: mean,
            activation_variance: variance,
            gradient_norm: norm,
        }
    };
    Ok(seen.iter().enumerate().map(state).collect())
}

/// Outputs as `[examples, units]`; each position of an image counts as an example.
fn by_unit(values: &Tensor<f32>) -> Tensor<f32> {
    match *values.shape().dims() {
        [examples, channels, rows, columns] => {
            values.permute(&[0, 2, 3, 1]).reshape([examples * rows * columns, channels])
        }
        _ => values.clone(),
    }
}

/// Shows epochs; on a terminal each replaces the one before.
struct Screen {
    shown: bool,
    terminal: Option<Term>,
    lines: usize,
}

impl Screen {
    fn new(common: &Common) -> Self {
        let terminal = io::stdout().is_terminal().then(Term::stdout);
        Self { shown: !common.quiet && !common.json, terminal, lines: 0 }
    }

    fn show(&mut self, epoch: &Snapshot, epochs: usize) -> Result<(), LabError> {
        if !self.shown {
            return Ok(());
        }
        let lines = lines(epoch, epochs);
        if let Some(terminal) = &self.terminal {
            // More lines than the terminal has cannot be cleared.
            let height = usize::from(terminal.size().0);
            if self.lines > 0 && self.lines < height {
                terminal.clear_last_lines(self.lines).map_err(LabError::Print)?;
            }
        }
        self.lines = lines.len();
        print(&lines)
    }
}

fn lines(epoch: &Snapshot, epochs: usize) -> Vec<String> {
    let loss =
        epoch.train_loss.map_or_else(String::new, |loss| format!("train loss {}, ", figure(loss)));
    let mut lines = vec![
        format!(
            "epoch {} of {epochs}: {loss}test loss {}, test accuracy {}",
            epoch.number,
            figure(epoch.test_loss),
            accuracy(epoch.test_accuracy)
        ),
        "layer   units saturated    dead      mean  variance  gradient".to_owned(),
    ];
    let or = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), percent);
    lines.extend(epoch.layers.iter().map(|view| {
        let not_finite = match view.not_finite {
            0.0 => String::new(),
            share => format!("  {} NaN or infinite", percent(share)),
        };
        format!(
            "{:<6}{:>7}{:>10}{:>8}{:>10}{:>10}{:>10}{not_finite}",
            view.layer,
            view.units,
            or(view.saturated),
            or(view.dead),
            figure(view.activation_mean),
            ratio(view.activation_variance),
            ratio(view.gradient_norm)
        )
    }));
    lines
}
