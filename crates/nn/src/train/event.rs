//! The events shown to callbacks, how a run ends, and its errors.

use wengert_autodiff::Error;

#[cfg(feature = "checkpoint")]
use crate::checkpoint::CheckpointError;

/// An event of a training run, shown to callbacks.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'e> {
    /// The optimizer made a step.
    Step {
        /// The number of steps so far.
        step: u64,
        /// The mean loss of the step's batches.
        loss: f64,
        /// The learning rate.
        rate: f64,
        /// The norm of the gradients before clipping; `None` without `clip_norm`.
        norm: Option<f64>,
    },
    /// An epoch ended.
    Epoch {
        /// The number of epochs so far.
        epoch: u64,
        /// The metrics of the epoch.
        metrics: &'e [(&'e str, f64)],
    },
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// All epochs were completed.
    Finished,
    /// A metric no longer improved.
    StoppedEarly,
    /// A callback stopped the run.
    StoppedByCallback,
    /// The flag given to [`Trainer::stop_flag`](super::Trainer::stop_flag) was set.
    Interrupted,
}

/// Errors of a training run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The loss cannot be computed.
    #[error(transparent)]
    Loss(#[from] Error),
    /// The loss is infinite or NaN. The parameters are as before the step.
    #[error(
        "the loss of step {step} is {loss}; a smaller learning rate or `clip_norm` may help, and \
         `Tape::detect_anomaly` finds where it began"
    )]
    NotFinite {
        /// The step, from 1.
        step: u64,
        /// The loss.
        loss: f64,
    },
    /// A metric for early stopping or checkpoints is not among the metrics of the validation.
    #[error("there is no metric {name:?} among {names:?}")]
    NoMetric {
        /// The requested name.
        name: String,
        /// The names of the metrics.
        names: Vec<String>,
    },
    /// A checkpoint cannot be saved or loaded.
    #[cfg(feature = "checkpoint")]
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The folder of the checkpoints cannot be created.
    #[error("the folder `{folder}` cannot be created: {source}")]
    Folder {
        /// The folder.
        folder: String,
        /// The error of the operating system.
        source: std::io::Error,
    },
}
