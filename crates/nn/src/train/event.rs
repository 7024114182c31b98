//! What callbacks are shown, how a run ends, and what can go wrong in it.

use wengert_autodiff::Error;

#[cfg(feature = "checkpoint")]
use crate::checkpoint::CheckpointError;

/// What a callback is shown.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'e> {
    /// A step of the optimizer was made.
    Step {
        /// The number of steps so far.
        step: u64,
        /// The mean loss of the step's batches.
        loss: f64,
        /// The learning rate.
        rate: f64,
        /// The norm of the gradients, before it was clipped, if that was asked for.
        norm: Option<f64>,
    },
    /// An epoch has ended.
    Epoch {
        /// The number of epochs so far.
        epoch: u64,
        /// The metrics of the epoch.
        metrics: &'e [(&'e str, f64)],
    },
}

/// Why a run has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// All epochs were run.
    Finished,
    /// A metric did not improve any more.
    StoppedEarly,
    /// A callback has asked for it.
    StoppedByCallback,
    /// The flag given to [`Trainer::stop_flag`](super::Trainer::stop_flag) was set.
    Interrupted,
}

/// What can go wrong in a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The loss cannot be computed.
    #[error(transparent)]
    Loss(#[from] Error),
    /// The loss is infinite or NaN. The model is as it was before the step.
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
    /// A metric that early stopping or a checkpoint needs is not among those of the validation.
    #[error("there is no metric {name:?} among {names:?}")]
    NoMetric {
        /// The name asked for.
        name: String,
        /// Those that there are.
        names: Vec<String>,
    },
    /// A checkpoint cannot be saved or loaded.
    #[cfg(feature = "checkpoint")]
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The folder of the checkpoints cannot be made.
    #[error("the folder `{folder}` cannot be made: {source}")]
    Folder {
        /// The folder.
        folder: String,
        /// What the system says.
        source: std::io::Error,
    },
}
