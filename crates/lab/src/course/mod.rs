//! The course: each claim of a week of lectures on activations and initialization, as an experiment
//! on networks that this engine trains or differentiates.
//!
//! A claim's file holds what the course says, the experiment with its setup as a value, and the
//! thresholds beside the theory they come from; [`claim`] says how a verdict follows. The setup being
//! a value, a test can plant the opposite and see the verdict turn.

pub mod claim;
mod compare;
mod cost;
mod dying;
mod expected;
mod fan_in;
mod functions;
mod linear;
pub mod network;
mod pairs;
mod positive_bias;
mod saturation;
mod saturation_scale;
mod scaled;
mod signs;
mod symmetry;
mod vanishing;

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rayon::{ThreadPool, ThreadPoolBuilder};

use self::claim::{Evidence, Verdict};
pub use self::network::Failure;
use crate::data::Dataset;
use crate::error::LabError;
use crate::task::Task;

/// What the experiments work with.
#[derive(Debug)]
pub struct Context {
    /// The embedded digits, for a 64-64-32-10 network.
    pub digits: Task,
    /// The first seed.
    pub seed: u64,
    /// The threads there are.
    pub threads: usize,
    /// The passes over the digits in the grid of all pairs.
    pub grid_epochs: usize,
}

impl Context {
    /// The digits, and the first seed.
    pub fn new(seed: u64, threads: usize) -> Self {
        Self { digits: Task::new(&Dataset::digits(), &[64, 32]), seed, threads, grid_epochs: 20 }
    }

    /// The first `count` seeds.
    pub fn seeds(&self, count: usize) -> Vec<u64> {
        (0..count as u64).map(|i| self.seed.wrapping_add(i)).collect()
    }
}

/// How an experiment can use the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    /// One thread.
    OneThread,
    /// All threads; it spreads over them itself.
    AllThreads,
    /// That nothing else runs: it takes times.
    Silence,
}

/// A claim with its experiment.
#[derive(Clone, Copy)]
pub struct Claim {
    /// A1 to A14 and B1 to B8.
    pub id: &'static str,
    /// What it is about, in a few words.
    pub title: &'static str,
    /// What the course says.
    pub says: &'static str,
    /// What is measured, and how.
    pub method: &'static str,
    needs: Needs,
    run: fn(&Context) -> Result<Evidence, Failure>,
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Claim {
    /// All of them, in the course's order.
    pub fn all() -> Vec<Self> {
        [
            vec![linear::CLAIM],
            functions::CLAIMS.into(),
            vec![
                vanishing::CLAIM,
                saturation_scale::CLAIM,
                signs::CLAIM,
                cost::CLAIM,
                compare::CLAIM,
            ],
            dying::CLAIMS[..2].to_vec(),
            vec![positive_bias::CLAIM],
            dying::CLAIMS[2..].to_vec(),
            symmetry::CLAIMS.into(),
            saturation::CLAIMS.into(),
            vec![fan_in::CLAIM],
            scaled::CLAIMS.into(),
            vec![pairs::CLAIM],
        ]
        .concat()
    }

    /// The verdicts that this repository states: any other contradicts it.
    pub fn expected(&self) -> &'static [Verdict] {
        expected::of(self.id)
    }

    /// The same in words.
    pub fn stated(&self) -> String {
        let words: Vec<String> = self.expected().iter().map(Verdict::to_string).collect();
        words.join(" or ")
    }
}

/// A claim, and what its experiment showed.
#[derive(Debug)]
pub struct Outcome {
    /// The claim.
    pub claim: Claim,
    /// What was measured.
    pub evidence: Evidence,
    /// What follows.
    pub verdict: Verdict,
    /// How long it took.
    pub seconds: f64,
}

impl Outcome {
    /// Whether this is what the repository states.
    pub fn is_expected(&self) -> bool {
        self.claim.expected().contains(&self.verdict)
    }
}

/// What is told of an experiment while the course runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It is taken up.
    Begins,
    /// It is through.
    Ends,
}

/// Runs experiments on the context's threads and tells `tell` of each; the results do not depend on
/// the number of threads.
///
/// # Errors
/// If the system refuses a thread, or an experiment cannot be carried out.
pub fn run(
    claims: &[Claim],
    context: &Context,
    tell: &(dyn Fn(&Claim, Event) + Sync),
) -> Result<Vec<Outcome>, LabError> {
    let timed = |claim: &Claim| -> Result<Outcome, LabError> {
        tell(claim, Event::Begins);
        let started = std::time::Instant::now();
        let evidence = (claim.run)(context)
            .map_err(|source| LabError::Experiment { claim: claim.id, source })?;
        tell(claim, Event::Ends);
        let verdict = evidence.verdict();
        let seconds = started.elapsed().as_secs_f64();
        Ok(Outcome { claim: *claim, evidence, verdict, seconds })
    };
    let of = |needs| claims.iter().filter(move |claim| claim.needs == needs);
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(claims.len());
    for claim in of(Needs::AllThreads) {
        outcomes.push(timed(claim)?);
    }

    let alone: Vec<&Claim> = of(Needs::OneThread).collect();
    // A pool of one thread for each worker: kernels use the pool they are called in.
    let pools: Vec<ThreadPool> = (0..context.threads.clamp(1, alone.len().max(1)))
        .map(|_| ThreadPoolBuilder::new().num_threads(1).build())
        .collect::<Result<_, _>>()?;
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for pool in &pools {
            scope.spawn(|| {
                pool.install(|| {
                    while let Some(claim) = alone.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let outcome = timed(claim);
                        results
                            .lock()
                            .unwrap_or_else(std::sync::PoisonError::into_inner)
                            .push(outcome);
                    }
                });
            });
        }
    });
    for result in results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        outcomes.push(result?);
    }
    for claim in of(Needs::Silence) {
        outcomes.push(timed(claim)?);
    }
    let place = |outcome: &Outcome| claims.iter().position(|claim| claim.id == outcome.claim.id);
    outcomes.sort_by_key(place);
    Ok(outcomes)
}
