//! The grid: trains a network for every pair of an activation and an initialization and every seed,
//! on several threads. [`mod@train`] has a single run.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use wengert::Activation;
use wengert::init::gain;
use wengert::nn::Init;

pub mod forecast;
pub mod lesson;
pub mod report;
pub mod summary;
pub mod table;
pub mod train;
pub mod verdict;

use crate::fit::Training;
use crate::task::Task;
use train::{TrainingRun, train};

/// The activations of the hidden layers.
pub const ACTIVATIONS: [Activation; 8] = [
    Activation::Logistic,
    Activation::Tanh,
    Activation::Relu,
    Activation::LeakyRelu { slope: 0.01 },
    Activation::Elu { alpha: 1.0 },
    Activation::Selu,
    Activation::Gelu,
    Activation::Silu,
];

/// The initialization of the weights of all layers; biases are initially zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initialization {
    /// All 0.
    Zero,
    /// All 0.5.
    Constant,
    /// N(0, 5^2).
    Large,
    /// N(0, 2/(m+n)) for fan-in m and fan-out n.
    Xavier,
    /// N(0, 2/m) for fan-in m.
    He,
    /// N(0, g^2/m) for fan-in m, with the computed gain g of the activation.
    Computed,
}

impl Initialization {
    /// All initializations, in the order of the table.
    pub const ALL: [Self; 6] =
        [Self::Zero, Self::Constant, Self::Large, Self::Xavier, Self::He, Self::Computed];

    /// The scheme, for a layer with this activation.
    pub fn init(self, activation: Activation) -> Init {
        match self {
            Self::Zero => Init::Zeros,
            Self::Constant => Init::Constant(0.5),
            Self::Large => Init::Normal { mean: 0.0, std: 5.0 },
            Self::Xavier => Init::xavier_normal(),
            Self::He => Init::he_normal(),
            Self::Computed => Init::lecun_normal().gain(
                // All activations of the grid have a gain.
                gain(&activation).map_or(1.0, |gain| gain.forward),
            ),
        }
    }

    /// The distribution of the weights; m is the number of inputs of a unit, n the number of
    /// outputs of a layer.
    pub fn formula(self) -> &'static str {
        match self {
            Self::Zero => "0",
            Self::Constant => "0.5",
            Self::Large => "normal, mean 0, standard deviation 5",
            Self::Xavier => "normal, mean 0, variance 2/(m+n)",
            Self::He => "normal, mean 0, variance 2/m",
            Self::Computed => "normal, mean 0, variance g^2/m with the gain g = 1/sqrt(E[f(z)^2])",
        }
    }
}

impl fmt::Display for Initialization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Zero => "zero",
            Self::Constant => "constant 0.5",
            Self::Large => "large",
            Self::Xavier => "xavier",
            Self::He => "he",
            Self::Computed => "computed",
        })
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// The activation of the hidden layers.
    pub activation: Activation,
    /// The initialization.
    pub initialization: Initialization,
}

impl Pair {
    /// All pairs: the rows of the table in order.
    pub fn all() -> Vec<Self> {
        let of = |activation| {
            Initialization::ALL.map(|initialization| Self { activation, initialization })
        };
        ACTIVATIONS.into_iter().flat_map(of).collect()
    }
}

/// The training of all networks.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The training.
    pub training: Training,
    /// The seeds; each pair has a run for each.
    pub seeds: Vec<u64>,
}

impl Settings {
    /// The number of runs in the grid.
    pub fn runs(&self) -> usize {
        Pair::all().len() * self.seeds.len()
    }
}

/// The runs of one pair, in the order of the seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct PairRuns {
    /// The pair.
    pub pair: Pair,
    /// A run for each seed.
    pub runs: Vec<TrainingRun>,
}

/// Trains every pair with every seed on `threads` threads, and calls `epoch_done` after each epoch
/// of each run. Each run is on one thread and independent of the others, so that the results do not
/// depend on the number of threads.
///
/// # Errors
/// If the system does not start a thread.
pub fn run_grid(
    task: &Task,
    settings: &Settings,
    threads: usize,
    epoch_done: &(dyn Fn() + Sync),
) -> Result<Vec<PairRuns>, ThreadPoolBuildError> {
    let pairs = Pair::all();
    let seeds = &settings.seeds;
    let jobs = pairs.len() * seeds.len();
    // A pool of one thread for each worker, as kernels use all threads of the pool in which they
    // are called.
    let pools: Vec<ThreadPool> = (0..threads.clamp(1, jobs.max(1)))
        .map(|_| ThreadPoolBuilder::new().num_threads(1).build())
        .collect::<Result<_, _>>()?;
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(jobs));
    let work = || {
        loop {
            let job = next.fetch_add(1, Ordering::Relaxed);
            if job >= jobs {
                break;
            }
            let (pair, seed) = (pairs[job / seeds.len()], seeds[job % seeds.len()]);
            let run = train(task, settings, pair, seed, epoch_done);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((job, run));
        }
    };
    thread::scope(|scope| {
        for pool in &pools {
            scope.spawn(|| pool.install(work));
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(job, _)| *job);
    let mut runs = done.into_iter().map(|(_, run)| run);
    let of = |pair| PairRuns { pair, runs: runs.by_ref().take(seeds.len()).collect() };
    Ok(pairs.into_iter().map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Dataset;

    fn small() -> (Task, Settings) {
        let Dataset { name, train, test } = Dataset::digits();
        let some: Vec<usize> = (0..40).collect();
        let data = Dataset { name, train: train.subset(&some), test: test.subset(&some) };
        let training = Training { learning_rate: 0.05, momentum: 0.9, batch: 16, epochs: 2 };
        let settings = Settings { training, seeds: vec![5, 6, 7] };
        (Task::new(&data, &[12, 8]), settings)
    }

    #[test]
    fn the_grid_is_the_same_on_any_number_of_threads_and_counts_its_epochs() {
        let (task, settings) = small();
        assert_eq!(settings.runs(), 144);
        let grid = |threads| {
            let epochs = AtomicUsize::new(0);
            let count = || {
                epochs.fetch_add(1, Ordering::Relaxed);
            };
            let grid = run_grid(&task, &settings, threads, &count).unwrap();
            assert_eq!(epochs.into_inner(), 288);
            grid
        };
        let one = grid(1);
        assert_eq!(one.iter().map(|runs| runs.pair).collect::<Vec<_>>(), Pair::all());
        for PairRuns { pair, runs } in &one {
            let seeds: Vec<u64> = runs.iter().map(|run| run.seed).collect();
            assert_eq!(seeds, [5, 6, 7], "{pair:?}");
        }
        // As text, in which NaNs are equal.
        let text = |grid: &[PairRuns]| format!("{grid:?}");
        for threads in [2, 5, 1000] {
            assert_eq!(text(&one), text(&grid(threads)), "{threads} threads");
        }
    }

    #[test]
    fn the_pairs_are_all_and_each_once() {
        let pairs = Pair::all();
        assert_eq!(pairs.len(), 48);
        for (i, pair) in pairs.iter().enumerate() {
            assert!(!pairs[..i].contains(pair), "{pair:?} twice");
        }
    }
}
