//! [`Saving`]: which checkpoints a training run keeps.

use std::fs;
use std::path::{Path, PathBuf};

use crate::state::{State, StateError, Stateful};

/// The checkpoints that a [`Trainer`](super::Trainer) keeps in a folder: `last.safetensors`, from
/// which a run can be resumed, and `best-EPOCH.safetensors` for the epochs with the best values of
/// a metric.
///
/// ```
/// use wengert_nn::train::Saving;
/// let saving = Saving::new("run").every_steps(500).best(3, "val_loss");
/// ```
#[derive(Clone, Debug)]
pub struct Saving {
    folder: PathBuf,
    every_epochs: u64,
    every_steps: Option<u64>,
    best: usize,
    metric: String,
    maximize: bool,
    /// The epochs of the best checkpoints and their metrics, the best first.
    kept: Vec<(u64, f64)>,
}

impl Saving {
    /// Saves the last checkpoint in this folder, after every epoch.
    pub fn new(folder: impl AsRef<Path>) -> Self {
        Self {
            folder: folder.as_ref().to_path_buf(),
            every_epochs: 1,
            every_steps: None,
            best: 0,
            metric: String::new(),
            maximize: false,
            kept: Vec::new(),
        }
    }

    /// Saves the last checkpoint after every `epochs` epochs, and at the end.
    ///
    /// # Panics
    /// If the number is 0.
    #[track_caller]
    pub fn every_epochs(self, epochs: u64) -> Self {
        assert!(
            epochs > 0,
            "the number of epochs between two checkpoints must be at least 1, got 0"
        );
        Self { every_epochs: epochs, ..self }
    }

    /// Also saves the last checkpoint after every `steps` steps, within epochs.
    ///
    /// # Panics
    /// If the number is 0.
    #[track_caller]
    pub fn every_steps(self, steps: u64) -> Self {
        assert!(steps > 0, "the number of steps between two checkpoints must be at least 1, got 0");
        Self { every_steps: Some(steps), ..self }
    }

    /// Also keeps the checkpoints of the `count` epochs with the smallest values of a metric.
    pub fn best(self, count: usize, metric: &str) -> Self {
        Self { best: count, metric: metric.to_owned(), ..self }
    }

    /// Treats larger values of the metric as better.
    pub fn maximize(self) -> Self {
        Self { maximize: true, ..self }
    }

    /// The file from which a run can be resumed.
    pub fn last_path(&self) -> PathBuf {
        self.folder.join("last.safetensors")
    }

    /// The files of the best epochs, the best first.
    pub fn best_paths(&self) -> Vec<PathBuf> {
        self.kept.iter().map(|&(epoch, _)| self.best_path(epoch)).collect()
    }

    fn best_path(&self, epoch: u64) -> PathBuf {
        self.folder.join(format!("best-{epoch}.safetensors"))
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The metric by which the best epochs are chosen, if any are kept.
    pub(super) fn metric(&self) -> Option<&str> {
        (self.best > 0).then_some(self.metric.as_str())
    }

    pub(super) fn after_step(&self, step: u64) -> bool {
        self.every_steps.is_some_and(|every| step.is_multiple_of(every))
    }

    pub(super) fn after_epoch(&self, epoch: u64, last: bool) -> bool {
        last || epoch.is_multiple_of(self.every_epochs)
    }

    /// Takes the metric of an epoch. Returns the file to save it in if the epoch is one of the
    /// best.
    pub(super) fn admit(&mut self, epoch: u64, value: f64) -> Option<PathBuf> {
        if self.best == 0 || value.is_nan() {
            return None;
        }
        let ahead = |&&(_, kept): &&(u64, f64)| {
            if self.maximize { kept >= value } else { kept <= value }
        };
        let place = self.kept.iter().take_while(ahead).count();
        if place == self.best {
            return None;
        }
        self.kept.insert(place, (epoch, value));
        Some(self.best_path(epoch))
    }

    /// Removes the files of epochs that are no longer among the best.
    pub(super) fn drop_worse(&mut self) {
        while self.kept.len() > self.best {
            if let Some((epoch, _)) = self.kept.pop() {
                // It is no error if the file has been removed already.
                let _ = fs::remove_file(self.best_path(epoch));
            }
        }
    }
}

/// Saves and loads the list of the best epochs.
impl Stateful for Saving {
    fn state(&self) -> State {
        let mut state = State::new();
        let flat: Vec<u64> =
            self.kept.iter().flat_map(|&(epoch, value)| [epoch, value.to_bits()]).collect();
        state.insert_integers("count", [self.kept.len() as u64]);
        state.insert_integers("best", flat);
        state
    }

    fn load_state(&mut self, state: &State) -> Result<(), StateError> {
        let count = state.integer("count")? as usize;
        let flat = state.integers("best", count.saturating_mul(2))?;
        state.only(|name| name == "count" || name == "best")?;
        let (pairs, _) = flat.as_chunks::<2>();
        self.kept = pairs.iter().map(|&[epoch, bits]| (epoch, f64::from_bits(bits))).collect();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_are_kept() {
        for maximize in [false, true] {
            let mut saving = Saving::new("run").best(2, "metric");
            saving.maximize = maximize;
            let sign = if maximize { -1.0 } else { 1.0 };
            let mut kept = Vec::new();
            for (epoch, value) in [3.0, 1.0, f64::NAN, 2.0, 2.0, 0.5].into_iter().enumerate() {
                saving.admit(epoch as u64, sign * value);
                saving.drop_worse();
                kept.push(saving.kept.iter().map(|(epoch, _)| *epoch).collect::<Vec<_>>());
            }
            assert_eq!(kept, [vec![0], vec![1, 0], vec![1, 0], vec![1, 3], vec![1, 3], vec![5, 1]]);
            let mut other = Saving::new("run").best(2, "metric");
            other.load_state(&saving.state()).unwrap();
            assert_eq!(other.best_paths(), saving.best_paths());
        }
    }
}
