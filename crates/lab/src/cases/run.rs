//! [`train()`]: trains a version of a case from a start and scores it.

use std::time::{Duration, Instant};

use wengert::nn::data::Batches;
use wengert::prelude::*;

use super::data::{self, Rows};
use super::format::{Batch, Setup};
use super::format_training::{OptimizerName, OptimizerSpec, RowReduction};
use super::loss::{reported, training_loss};
use super::network::{self, Network};
use super::score::score;
use crate::error::LabError;

/// A network after its training.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The score of the training rows; NaN if an output is not finite.
    pub score: f64,
    /// The score of the held-out rows, if the case has a split.
    pub held_out_score: Option<f64>,
    /// The training loss of each epoch: the mean over the rows, each before the step of its batch.
    pub losses: Vec<f64>,
    /// The loss of the held-out rows after each epoch, if the case has a split.
    pub held_out_losses: Vec<f64>,
    /// Whether the loss of the last epoch was not finite, which ends the training.
    pub not_finite: bool,
    /// The number of steps.
    pub steps: usize,
    /// The time of the training.
    pub seconds: f64,
    /// The network, in inference mode.
    pub network: Network,
}

/// A case that is ready to be trained: its rows and its initial network.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The training rows.
    pub train: Rows,
    /// The held-out rows, if the case has a split.
    pub held_out: Option<Rows>,
    /// The network before the first step, in training mode.
    pub network: Network,
}

/// Draws the rows and the initial weights of a case from the number of a start.
///
/// # Errors
/// If a part of the case is invalid; the error names the case and the part.
pub fn prepare(setup: &Setup, start: u64) -> Result<Prepared, LabError> {
    let fail = |error: String| LabError::Request(format!("case `{}`: {error}", setup.id));
    let mut rows = data::build(setup, start)?;
    let columns = rows.train.inputs.shape()[1];
    let network = network::build(&setup.network, columns, start).map_err(fail)?;
    let (outputs, width) = (network.outputs(), rows.train.targets.shape()[1]);
    if setup.data.broadcast == Some(true) && width == 1 {
        for part in std::iter::once(&mut rows.train).chain(&mut rows.held_out) {
            let values = part.targets.to_vec();
            let repeated = values.iter().flat_map(|&y| std::iter::repeat_n(y, outputs)).collect();
            part.targets = Tensor::from_vec(repeated, [values.len(), outputs])
                .map_err(|error| fail(format!("data: {error}")))?;
        }
    } else if outputs != width {
        return Err(fail(format!(
            "network: it has {outputs} outputs, but the targets have {width} columns"
        )));
    }
    Ok(Prepared { train: rows.train, held_out: rows.held_out, network })
}

/// Trains a case from a start, which determines data, weights, dropout and the order of the rows.
/// After `budget` seconds the current epoch is the last.
///
/// # Errors
/// If a part of the case is invalid; the error names the case and the part.
pub fn train(setup: &Setup, start: u64, budget: f64) -> Result<Trained, LabError> {
    let fail = |error: String| LabError::Request(format!("case `{}`: {error}", setup.id));
    let engine = |error: wengert::Error| fail(error.to_string());
    let Prepared { train, held_out, mut network } = prepare(setup, start)?;
    let mut optimizer = Rule::new(&setup.optimizer).map_err(fail)?;
    let rows = train.classes.len();
    let size = match setup.batch {
        Batch::Full => rows,
        Batch::Rows(size) => size.min(rows),
    };
    let mut batches = Batches::new(&train.inputs, &train.targets, size)
        .map_err(|error| fail(format!("batch: {error}")))?;
    if setup.shuffle && size < rows {
        batches = batches.shuffled(99 + start);
    }
    let sum = setup.loss.reduction == Some(RowReduction::Sum);
    let begin = Instant::now();
    let budget = Duration::try_from_secs_f64(budget).unwrap_or(Duration::MAX);
    let (mut losses, mut held_out_losses, mut steps) = (Vec::new(), Vec::new(), 0);
    let mut not_finite = false;
    let mut tape = Tape::new();
    for _ in 0..setup.epochs {
        let mut total = 0.0;
        for batch in batches.epoch() {
            let count = batch.inputs.shape()[0];
            let x = tape.constant(&batch.inputs);
            let (loss, value) =
                training_loss(&setup.loss, &network, x, &batch.targets).map_err(engine)?;
            total += value * if sum { 1.0 } else { count as f64 };
            // A network whose layers are all frozen has no gradients.
            if loss.requires_grad() {
                let gradients = loss.try_backward().map_err(engine)?;
                optimizer.step(&mut network, gradients);
            }
            tape.clear();
            steps += 1;
        }
        losses.push(total / rows as f64);
        not_finite = !losses.last().is_some_and(|loss| loss.is_finite());
        if let Some(held_out) = &held_out {
            network.eval();
            held_out_losses.push(reported(&setup.loss, &network, held_out).map_err(engine)?);
            network.train();
        }
        if not_finite || begin.elapsed() > budget {
            break;
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    network.eval();
    let judge = |rows: &Rows| {
        let outputs = network.try_predict(&rows.inputs).map_err(engine)?;
        Ok::<_, LabError>(score(setup.metric.name, &outputs, rows))
    };
    let held_out_score = held_out.as_ref().map(judge).transpose()?;
    let score = judge(&train)?;
    Ok(Trained {
        score,
        held_out_score,
        losses,
        held_out_losses,
        not_finite,
        steps,
        seconds,
        network,
    })
}

/// An optimizer with what a case adds to it.
struct Rule {
    update: Update,
    rate: f64,
    decay: f64,
    clip: Option<f64>,
    steps: u64,
}

enum Update {
    Sgd(Sgd<f32>),
    /// With the eps that a case states, which is added to a root that is not corrected.
    Adam {
        adam: Adam<f32>,
        beta2: f64,
        eps: f64,
    },
    RmsProp(RmsProp<f32>),
}

impl Rule {
    fn new(spec: &OptimizerSpec) -> Result<Self, String> {
        let check = |name: &str, value: f64, valid: bool| {
            if valid { Ok(value) } else { Err(format!("optimizer: {name} must not be {value}")) }
        };
        let share = |name, value: Option<f64>, default| {
            let value: f64 = value.unwrap_or(default);
            check(name, value, (0.0..1.0).contains(&value))
        };
        let rate = check("lr", spec.lr, spec.lr >= 0.0 && (spec.lr as f32).is_finite())?;
        let decay = spec.decay.unwrap_or(0.0);
        let decay = check("decay", decay, decay >= 0.0 && decay.is_finite())?;
        let clip = spec.clipnorm.filter(|&norm| norm != 0.0);
        let clip = clip.map(|norm| check("clipnorm", norm, norm > 0.0)).transpose()?;
        let eps = spec.eps.unwrap_or(1e-7);
        let eps = check("eps", eps, eps as f32 > 0.0 && eps.is_finite())?;
        let update = match spec.name {
            OptimizerName::Sgd => {
                let momentum = share("momentum", spec.momentum, 0.0)?;
                let sgd = Sgd::new(rate).momentum(momentum);
                let nesterov = spec.nesterov == Some(true) && momentum > 0.0;
                Update::Sgd(if nesterov { sgd.nesterov() } else { sgd })
            }
            OptimizerName::Adam => {
                let beta1 = share("beta1", spec.beta1, 0.9)?;
                let beta2 = share("beta2", spec.beta2, 0.999)?;
                Update::Adam { adam: Adam::new(rate).betas(beta1, beta2), beta2, eps }
            }
            OptimizerName::Rmsprop => {
                Update::RmsProp(RmsProp::new(rate).alpha(share("rho", spec.rho, 0.9)?).eps(eps))
            }
        };
        Ok(Self { update, rate, decay, clip, steps: 0 })
    }

    fn step(&mut self, network: &mut Network, mut gradients: Gradients<f32>) {
        if let Some(norm) = self.clip {
            gradients.clip_norm(norm);
        }
        let rate = self.rate / (1.0 + self.decay * self.steps as f64);
        self.steps += 1;
        let optimizer: &mut dyn Optimizer<f32> = match &mut self.update {
            Update::Sgd(sgd) => sgd,
            Update::RmsProp(rms_prop) => rms_prop,
            Update::Adam { adam, beta2, eps } => {
                // The engine's eps is added to the corrected root of the mean square.
                let corrected = -(self.steps as f64 * beta2.ln()).exp_m1();
                let moved = std::mem::replace(adam, Adam::new(0.0));
                *adam = moved.eps(*eps / corrected.sqrt());
                adam
            }
        };
        if self.decay != 0.0 {
            optimizer.set_learning_rate(rate);
        }
        optimizer.step(network, &gradients);
    }
}
