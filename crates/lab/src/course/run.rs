//! [`run`]: carries out experiments and collects their outcomes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::claim::{Claim, Needs};
use super::context::Context;
use super::evidence::{Evidence, Verdict};
use crate::error::LabError;

/// A claim with the result of its experiment.
#[derive(Debug)]
pub struct Outcome {
    /// The claim.
    pub claim: Claim,
    /// The measurements.
    pub evidence: Evidence,
    /// The verdict that follows from them.
    pub verdict: Verdict,
    /// The duration of the experiment.
    pub seconds: f64,
}

impl Outcome {
    /// Whether the verdict is one of those that the repository expects.
    pub fn is_expected(&self) -> bool {
        self.claim.expected().contains(&self.verdict)
    }
}

/// The progress of an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The experiment begins.
    Begins,
    /// The experiment has ended.
    Ends,
}

/// Carries out experiments on the context's threads and reports their progress. The results do not
/// depend on the number of threads.
///
/// # Errors
/// If the system does not start a thread, or an experiment fails.
pub fn run(
    claims: &[Claim],
    context: &Context,
    progress: &(dyn Fn(&Claim, Event) + Sync),
) -> Result<Vec<Outcome>, LabError> {
    let timed = |claim: &Claim| -> Result<Outcome, LabError> {
        progress(claim, Event::Begins);
        let started = Instant::now();
        let evidence = (claim.run)(context)
            .map_err(|source| LabError::Experiment { claim: claim.id, source })?;
        progress(claim, Event::Ends);
        let verdict = evidence.verdict();
        let seconds = started.elapsed().as_secs_f64();
        Ok(Outcome { claim: *claim, evidence, verdict, seconds })
    };
    let of = |needs| claims.iter().filter(move |claim| claim.needs == needs);
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(claims.len());
    for claim in of(Needs::AllThreads) {
        outcomes.push(timed(claim)?);
    }

    let on_one_thread: Vec<&Claim> = of(Needs::OneThread).collect();
    // A pool of one thread for each worker, as kernels use the pool in which they are called.
    let pools: Vec<ThreadPool> = (0..context.threads.clamp(1, on_one_thread.len().max(1)))
        .map(|_| ThreadPoolBuilder::new().num_threads(1).build())
        .collect::<Result<_, _>>()?;
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for pool in &pools {
            scope.spawn(|| {
                pool.install(|| {
                    while let Some(claim) = on_one_thread.get(next.fetch_add(1, Ordering::Relaxed))
                    {
                        let outcome = timed(claim);
                        results.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
                    }
                });
            });
        }
    });
    for result in results.into_inner().unwrap_or_else(PoisonError::into_inner) {
        outcomes.push(result?);
    }
    for claim in of(Needs::Idle) {
        outcomes.push(timed(claim)?);
    }
    let position = |outcome: &Outcome| claims.iter().position(|claim| claim.id == outcome.claim.id);
    outcomes.sort_by_key(position);
    Ok(outcomes)
}
