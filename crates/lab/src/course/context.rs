//! [`Context`]: the data, seeds and threads of a run of the course.

use crate::data::Dataset;
use crate::fit::Training;
use crate::task::Task;

/// The number of seeds in the grid of all pairs.
const GRID_SEEDS: usize = 5;

/// The data, seeds and threads that experiments use.
#[derive(Debug)]
pub struct Context {
    /// The embedded digits, for a 64-64-32-10 network.
    pub digits: Task,
    /// The first seed.
    pub seed: u64,
    /// The number of threads.
    pub threads: usize,
    /// The number of epochs in the grid of all pairs.
    pub grid_epochs: usize,
}

impl Context {
    /// The context of a run of the whole course.
    pub fn new(seed: u64, threads: usize) -> Self {
        Self { digits: Task::new(&Dataset::digits(), &[64, 32]), seed, threads, grid_epochs: 20 }
    }

    /// The first `count` seeds.
    pub fn seeds(&self, count: usize) -> Vec<u64> {
        (0..count as u64).map(|i| self.seed.wrapping_add(i)).collect()
    }

    /// The training of B1, B2 and B8, whose networks are partly the same.
    pub fn grid_training(&self) -> Training {
        Training { learning_rate: 0.05, momentum: 0.9, batch: 16, epochs: self.grid_epochs }
    }

    /// The seeds of B1, B2 and B8.
    pub fn grid_seeds(&self) -> Vec<u64> {
        self.seeds(GRID_SEEDS)
    }
}
