//! [`Trainer`]: the settings and the training loop.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wengert_autodiff::{Element, Error, Gradients, Tape, Var};

use super::{EarlyStopping, Event, History, Outcome, TrainError};
use crate::data::{Batch, Batches, Rows};
use crate::metrics::Mean;
use crate::module::Module;
use crate::optim::{Average, Optimizer};
use crate::schedule::{Schedule, Scheduler};
use crate::state::{State, StateError, Stateful, check_count};

#[cfg(feature = "checkpoint")]
use super::Saving;
#[cfg(feature = "checkpoint")]
use crate::checkpoint::Checkpoint;

/// A training run of a model: see [the module](super).
pub struct Trainer<'m, M, E: Element = f32> {
    model: &'m mut M,
    optimizer: Box<dyn Optimizer<E> + 'm>,
    scheduler: Option<Scheduler<Box<dyn Schedule + 'm>>>,
    average: Option<Average<E>>,
    epochs: u64,
    accumulate: usize,
    clip_norm: Option<f64>,
    clip_value: Option<f64>,
    early_stopping: Option<EarlyStopping>,
    callbacks: Vec<Box<Callback<'m>>>,
    stop: Option<Arc<AtomicBool>>,
    #[cfg(feature = "checkpoint")]
    saving: Option<Saving>,
    #[cfg(feature = "progress")]
    progress: bool,
    position: Position,
    history: History,
}

type Callback<'m> = dyn FnMut(&Event<'_>) -> ControlFlow<()> + 'm;

/// The progress of a run.
#[derive(Clone, Copy, Debug, Default)]
struct Position {
    epoch: u64,
    step: u64,
    /// The sum of the losses of the current epoch, and the number of its examples.
    loss: [f64; 2],
    /// Whether early stopping or a callback has ended the run.
    stopped: bool,
}

impl<'m, M: Module<E>, E: Element> Trainer<'m, M, E> {
    /// Creates a run of one epoch of this model with this optimizer.
    pub fn new(model: &'m mut M, optimizer: impl Optimizer<E> + 'm) -> Self {
        Self {
            model,
            optimizer: Box::new(optimizer),
            scheduler: None,
            average: None,
            epochs: 1,
            accumulate: 1,
            clip_norm: None,
            clip_value: None,
            early_stopping: None,
            callbacks: Vec::new(),
            stop: None,
            #[cfg(feature = "checkpoint")]
            saving: None,
            #[cfg(feature = "progress")]
            progress: false,
            position: Position::default(),
            history: History::default(),
        }
    }

    /// Sets the number of epochs; 1 by default.
    pub fn epochs(self, epochs: u64) -> Self {
        Self { epochs, ..self }
    }

    /// Sets the learning rate of each step of the optimizer by a schedule.
    pub fn schedule(self, schedule: impl Schedule + 'm) -> Self {
        Self { scheduler: Some(Scheduler::new(Box::new(schedule))), ..self }
    }

    /// Accumulates the gradients of this number of batches for each step of the optimizer, which
    /// then uses their mean: as with one large batch.
    ///
    /// # Panics
    /// If the number is 0.
    #[track_caller]
    pub fn accumulate(self, batches: usize) -> Self {
        assert!(batches > 0, "a step needs at least 1 batch, got 0");
        Self { accumulate: batches, ..self }
    }

    /// Clips the norm of all gradients together to at most this number.
    pub fn clip_norm(self, most: f64) -> Self {
        Self { clip_norm: Some(most), ..self }
    }

    /// Clips each element of the gradients to at most this absolute value.
    pub fn clip_value(self, most: f64) -> Self {
        Self { clip_value: Some(most), ..self }
    }

    /// Keeps an average of the weights, which is used for the validation.
    /// [`finish_average`](Self::finish_average) copies it to the model at the end.
    pub fn average(self, average: Average<E>) -> Self {
        Self { average: Some(average), ..self }
    }

    /// Stops training before the last epoch if a metric no longer improves.
    pub fn early_stopping(self, stopping: EarlyStopping) -> Self {
        Self { early_stopping: Some(stopping), ..self }
    }

    /// Calls a closure after every step and epoch, which may stop the run.
    pub fn callback(mut self, callback: impl FnMut(&Event<'_>) -> ControlFlow<()> + 'm) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Sets a flag that stops the run after the current step, with a checkpoint if checkpoints are
    /// saved: for a Ctrl-C handler.
    pub fn stop_flag(self, flag: Arc<AtomicBool>) -> Self {
        Self { stop: Some(flag), ..self }
    }

    /// Saves checkpoints.
    #[cfg(feature = "checkpoint")]
    pub fn saving(self, saving: Saving) -> Self {
        Self { saving: Some(saving), ..self }
    }

    /// Shows a progress bar, if standard error is a terminal.
    #[cfg(feature = "progress")]
    pub fn progress(self) -> Self {
        Self { progress: true, ..self }
    }

    /// The metrics of the epochs so far: `epoch`, `step`, `rate`, `loss` and those of the
    /// validation.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The model.
    pub fn model(&self) -> &M {
        self.model
    }

    /// The number of steps so far.
    pub fn steps(&self) -> u64 {
        self.position.step
    }

    /// Copies the averaged weights to the model, if an average is kept.
    pub fn finish_average(&mut self) {
        if let Some(average) = &mut self.average {
            average.copy_to(self.model);
        }
    }

    /// Runs the remaining epochs.
    ///
    /// `loss` computes the loss of a batch in training mode, on a tape that is cleared afterwards.
    /// `validate` computes the metrics of an epoch in inference mode.
    ///
    /// # Errors
    /// [`TrainError`]. The parameters and the optimizer are then as after the last step.
    pub fn fit<X: Rows, Y: Rows>(
        &mut self,
        batches: &mut Batches<X, Y>,
        mut loss: impl for<'t> FnMut(&M, &'t Tape<E>, &Batch<X, Y>) -> Result<Var<'t, E>, Error>,
        mut validate: impl FnMut(&M) -> Vec<(&'static str, f64)>,
    ) -> Result<Outcome, TrainError> {
        let mut tape = Tape::new();
        while self.position.epoch < self.epochs && !self.position.stopped {
            self.model.train();
            #[cfg(feature = "progress")]
            let bar = self.progress.then(|| {
                let all = batches.batches() as u64;
                super::progress::Bar::new(self.position.epoch + 1, self.epochs, all)
            });
            while let Some((mut gradients, mean, count)) =
                self.gradients(batches, &mut tape, &mut loss)?
            {
                let norm = self.clip(&mut gradients);
                let rate = match &mut self.scheduler {
                    Some(scheduler) => scheduler.step(&mut self.optimizer),
                    None => self.optimizer.learning_rate(),
                };
                self.optimizer.step(self.model, &gradients);
                if let Some(average) = &mut self.average {
                    average.update(self.model);
                }
                self.position.step += 1;
                #[cfg(feature = "progress")]
                if let Some(bar) = &bar {
                    bar.step(count as u64, mean);
                }
                let _ = count;
                let event = Event::Step { step: self.position.step, loss: mean, rate, norm };
                let stopped = self.show(&event);
                let interrupted =
                    self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed));
                #[cfg(feature = "checkpoint")]
                if self.saving.as_ref().is_some_and(|saving| {
                    stopped || interrupted || saving.after_step(self.position.step)
                }) {
                    self.save_last(batches)?;
                }
                if interrupted {
                    return Ok(Outcome::Interrupted);
                }
                if stopped {
                    return Ok(Outcome::StoppedByCallback);
                }
            }
            if let Some(outcome) = self.end_epoch(batches, &mut validate)? {
                return Ok(outcome);
            }
        }
        Ok(if self.position.stopped { Outcome::StoppedEarly } else { Outcome::Finished })
    }

    /// The mean of the gradients and losses of the next batches, and their number; `None` at the
    /// end of the epoch.
    fn gradients<X: Rows, Y: Rows>(
        &mut self,
        batches: &mut Batches<X, Y>,
        tape: &mut Tape<E>,
        loss: &mut impl for<'t> FnMut(&M, &'t Tape<E>, &Batch<X, Y>) -> Result<Var<'t, E>, Error>,
    ) -> Result<Option<(Gradients<E>, f64, usize)>, TrainError> {
        let (mut gradients, mut losses, mut count) = (None::<Gradients<E>>, Mean::new(), 0);
        while count < self.accumulate {
            let Some(batch) = batches.next_batch() else { break };
            let loss = loss(self.model, tape, &batch)?;
            let value = loss.try_value()?.try_item()?.to_f64();
            if !value.is_finite() {
                let step = self.position.step + 1;
                return Err(TrainError::NotFinite { step, loss: value });
            }
            let examples = batch.inputs.count().unwrap_or(1) as f64;
            losses.update(value, examples);
            self.position.loss[0] += value * examples;
            self.position.loss[1] += examples;
            let more = loss.backward();
            match &mut gradients {
                Some(sum) => *sum += more,
                None => gradients = Some(more),
            }
            count += 1;
            tape.clear();
        }
        Ok(gradients.map(|mut gradients| {
            if count > 1 {
                gradients.scale(1.0 / count as f64);
            }
            (gradients, losses.value(), count)
        }))
    }

    /// Clips the gradients, and returns their norm before clipping if `clip_norm` is set.
    fn clip(&self, gradients: &mut Gradients<E>) -> Option<f64> {
        if let Some(most) = self.clip_value {
            gradients.clip_value(most);
        }
        self.clip_norm.map(|most| gradients.clip_norm(most))
    }

    /// Shows an event to all callbacks, and returns whether one of them stops the run.
    fn show(&mut self, event: &Event<'_>) -> bool {
        let mut stop = false;
        for callback in &mut self.callbacks {
            // All callbacks are shown the event, even after one has stopped the run.
            stop |= callback(event).is_break();
        }
        stop
    }

    /// Validates the model, and returns the outcome if the run ends.
    fn end_epoch<X: Rows, Y: Rows>(
        &mut self,
        batches: &mut Batches<X, Y>,
        validate: &mut impl FnMut(&M) -> Vec<(&'static str, f64)>,
    ) -> Result<Option<Outcome>, TrainError> {
        self.position.epoch += 1;
        let Position { epoch, step, loss: [sum, examples], .. } = self.position;
        self.position.loss = [0.0; 2];
        self.model.eval();
        if let Some(average) = &mut self.average {
            average.swap(self.model);
        }
        let validation = validate(self.model);
        if let Some(average) = &mut self.average {
            average.swap(self.model);
        }
        self.model.train();
        let rate = self.optimizer.learning_rate();
        let mut metrics = vec![
            ("epoch", epoch as f64),
            ("step", step as f64),
            ("rate", rate),
            ("loss", sum / examples),
        ];
        metrics.extend(validation);
        self.history.push(&metrics);
        let find = |name: &str| {
            let found = metrics.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| *value).ok_or_else(|| TrainError::NoMetric {
                name: name.to_owned(),
                names: metrics.iter().map(|(name, _)| (*name).to_owned()).collect(),
            })
        };
        let mut outcome = None;
        if let Some(stopping) = &mut self.early_stopping {
            let value = find(stopping.metric())?;
            if stopping.update(value) {
                self.position.stopped = true;
                outcome = Some(Outcome::StoppedEarly);
            }
        }
        #[cfg(feature = "checkpoint")]
        let best = match &mut self.saving {
            Some(saving) => match saving.metric().map(find).transpose()? {
                Some(value) => saving.admit(epoch, value),
                None => None,
            },
            None => None,
        };
        if self.show(&Event::Epoch { epoch, metrics: &metrics }) {
            outcome = outcome.or(Some(Outcome::StoppedByCallback));
        }
        #[cfg(feature = "checkpoint")]
        if let Some(saving) = &self.saving {
            let last = epoch == self.epochs || outcome.is_some();
            if saving.after_epoch(epoch, last) || best.is_some() {
                self.save_last(batches)?;
            }
            if let Some(path) = best {
                self.checkpoint(batches).save(path)?;
            }
            if let Some(saving) = &mut self.saving {
                saving.drop_worse();
            }
        }
        let _ = batches;
        Ok(outcome)
    }
}

#[cfg(feature = "checkpoint")]
impl<M: Module<E>, E: Element> Trainer<'_, M, E> {
    /// Returns the whole run as a checkpoint: the model, the optimizer, the schedule, the average,
    /// the loader, the position and the history. Add the state of the closures by
    /// [`Checkpoint::with`].
    pub fn checkpoint<'c, X: Rows, Y: Rows>(
        &'c mut self,
        batches: &'c mut Batches<X, Y>,
    ) -> Checkpoint<'c, E> {
        let mut checkpoint = Checkpoint::new(&mut *self.model)
            .optimizer(&mut self.optimizer)
            .with("batches", batches)
            .with("position", &mut self.position)
            .with("history", &mut self.history);
        if let Some(scheduler) = &mut self.scheduler {
            checkpoint = checkpoint.with("schedule", scheduler);
        }
        if let Some(average) = &mut self.average {
            checkpoint = checkpoint.follower("average", average);
        }
        if let Some(stopping) = &mut self.early_stopping {
            checkpoint = checkpoint.with("early_stopping", stopping);
        }
        if let Some(saving) = &mut self.saving {
            checkpoint = checkpoint.with("saving", saving);
        }
        checkpoint
    }

    /// Loads the last checkpoint in the folder of [`saving`](Self::saving), to continue its run.
    /// Returns whether there was a checkpoint; if not, nothing is changed. The settings must be
    /// those of the saved run.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`], if the file is damaged or belongs to another run. Nothing is
    /// changed then.
    pub fn resume<X: Rows, Y: Rows>(
        &mut self,
        batches: &mut Batches<X, Y>,
    ) -> Result<bool, TrainError> {
        let Some(path) = self.saving.as_ref().map(Saving::last_path) else { return Ok(false) };
        if !path.exists() {
            return Ok(false);
        }
        self.checkpoint(batches).load(path)?;
        Ok(true)
    }

    fn save_last<X: Rows, Y: Rows>(
        &mut self,
        batches: &mut Batches<X, Y>,
    ) -> Result<(), TrainError> {
        let Some(saving) = &self.saving else { return Ok(()) };
        let (folder, path) = (saving.folder(), saving.last_path());
        std::fs::create_dir_all(folder).map_err(|source| TrainError::Folder {
            folder: folder.display().to_string(),
            source,
        })?;
        Ok(self.checkpoint(batches).save(path)?)
    }
}

impl Stateful for Position {
    fn state(&self) -> State {
        let mut state = State::new();
        state.insert_integers("counts", [self.epoch, self.step, u64::from(self.stopped)]);
        state.insert_number("loss_sum", self.loss[0]);
        state.insert_number("loss_examples", self.loss[1]);
        state
    }

    fn load_state(&mut self, state: &State) -> Result<(), StateError> {
        let counts = state.integers("counts", 3)?;
        let loss = [state.number("loss_sum")?, state.number("loss_examples")?];
        state.only(|name| ["counts", "loss_sum", "loss_examples"].contains(&name))?;
        let [epoch, step] = [check_count("counts", counts[0])?, check_count("counts", counts[1])?];
        let stopped = counts[2];
        *self = Self { epoch, step, loss, stopped: stopped != 0 };
        Ok(())
    }
}

impl<M, E: Element> fmt::Debug for Trainer<'_, M, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { epochs, position, .. } = self;
        write!(f, "Trainer at {position:?} of {epochs} epochs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_no_run_reaches_are_refused() {
        let mut position = Position { epoch: 3, ..Position::default() };
        for counts in [[u64::MAX, 0, 0], [0, u64::MAX, 0]] {
            let mut state = position.state();
            state.insert_integers("counts", counts);
            let error = position.load_state(&state).unwrap_err().to_string();
            assert!(error.starts_with("\"counts\" cannot be used: it counts 1844"), "{error}");
            assert_eq!(position.epoch, 3);
        }
    }
}
