//! Measurements of a workload.

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde::Serialize;
use wengert_benches::machine::{Peak, Roof};
use wengert_benches::measure::{body, median, n_rounds};

use crate::engine::{ENGINES, Engine, Step};
use crate::workload::{Bound, Name, Network};
use crate::{Failure, process};

/// The measurements of a workload on an engine.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    workload: String,
    engine: &'static str,
    threads: usize,
    /// Microseconds per step: the median over the turns, and the minimum.
    median: f64,
    minimum: f64,
    /// The time relative to the first engine's in the same turn: the median over the turns.
    ratio: f64,
    /// The lower bound of matrix products and optimizer as a share of the median; `None` for
    /// elementwise work.
    of_roof: Option<f64>,
    /// The losses before steps 0, 10 and 20.
    losses: [f32; 3],
    /// Minor page faults per step.
    faults: f64,
    /// Peak memory, in MB, of a process that only takes steps.
    peak_memory: f64,
}

/// Number of turns of every body.
const TURNS: usize = 50;

/// Maximum difference between an engine's losses and this one's.
const TOLERANCE: f32 = 1e-4;

/// The losses before steps 0, 10 and 20.
fn losses(step: &mut Step) -> [f32; 3] {
    let all: Vec<f32> = (0..=20).map(|_| step()).collect();
    [all[0], all[10], all[20]]
}

/// The peak memory of this process, in MB, after it has taken steps.
///
/// # Errors
/// If the engine cannot compute the workload.
pub(crate) fn peak_memory(name: Name, engine: &Engine) -> Result<f64, String> {
    if engine.lacks.contains(&name) {
        return Err(format!("{} cannot compute {name:?}", engine.name));
    }
    losses(&mut (engine.step)(name));
    Ok(process::peak_memory())
}

/// The peak memory of a process of its own.
fn memory_alone(name: Name, engine: &Engine, threads: usize) -> Result<f64, Failure> {
    let (name, threads_text) = (format!("{name:?}"), threads.to_string());
    let output = process::again(threads)?
        .args(["--memory", "--engine", engine.name, "--only", &name, "--threads", &threads_text])
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// An engine's steps, with their page faults counted.
struct Counted {
    step: Step,
    steps: u64,
    faults: u64,
}

impl Counted {
    /// The time of `times` steps, after one that fetches into the caches what the other bodies have
    /// evicted.
    fn time(&mut self, times: u32) -> Duration {
        black_box((self.step)());
        let before = process::minor_faults();
        let start = Instant::now();
        for _ in 0..times {
            black_box((self.step)());
        }
        let time = start.elapsed();
        self.faults += process::minor_faults() - before;
        self.steps += u64::from(times);
        time
    }
}

/// Measures a workload alternately on those of the engines that can compute it, and relative to the
/// machine's limits.
///
/// # Errors
/// If no process can be started to measure the memory.
pub(crate) fn measure(
    name: Name,
    engines: &[&'static Engine],
    threads: usize,
) -> Result<Vec<Row>, Failure> {
    let mut able = Vec::new();
    for &engine in engines.iter().filter(|engine| !engine.lacks.contains(&name)) {
        let mut step = (engine.step)(name);
        let losses = losses(&mut step);
        let memory = memory_alone(name, engine, threads)?;
        able.push((engine, losses, memory, Counted { step, steps: 0, faults: 0 }));
    }
    let bound = Network::of(name).map(|network| network.bound()).unwrap_or_default();
    let peak = Peak::<f32>::new(threads);
    let mut sweep = Roof::<f32>::new(1, 1, bound.places.max(1 << 10), threads);
    let bytes = (bound.places.max(1 << 10) * size_of::<f32>()) as f64;
    let mut bodies: Vec<Box<dyn FnMut(u32) -> Duration + '_>> =
        vec![body(|| peak.call()), body(|| sweep.call())];
    for (.., counted) in &mut able {
        bodies.push(Box::new(|times| counted.time(times)));
    }
    let rounds = n_rounds(TURNS, &mut bodies);
    drop(bodies);
    let roof = |round: &[f64]| {
        let Bound { flops, bytes: moved, .. } = bound;
        flops * round[0] / peak.flops() + moved * round[1] / bytes
    };
    let row =
        |(i, (engine, losses, peak_memory, counted)): (usize, (&Engine, _, _, Counted))| Row {
            workload: format!("{name:?}"),
            engine: engine.name,
            threads,
            median: median(rounds.iter().map(|round| round[2 + i])) * 1e6,
            minimum: rounds.iter().map(|round| round[2 + i]).fold(f64::INFINITY, f64::min) * 1e6,
            ratio: median(rounds.iter().map(|round| round[2 + i] / round[2])),
            of_roof: (bound.flops > 0.0)
                .then(|| median(rounds.iter().map(|round| roof(round) / round[2 + i]))),
            losses,
            faults: counted.faults as f64 / counted.steps as f64,
            peak_memory,
        };
    Ok(able.into_iter().enumerate().map(row).collect())
}

impl Row {
    /// The table's column headings.
    pub(crate) fn heading() -> String {
        format!(
            "{:8} {:8} {:>7} {:>11} {:>11} {:>6} {:>7} {:>10} {:>10} {:>10} {:>8} {:>7}",
            "workload",
            "engine",
            "threads",
            "median us",
            "minimum us",
            "ratio",
            "of roof",
            "loss 0",
            "loss 10",
            "loss 20",
            "faults",
            "peak MB"
        )
    }

    pub(crate) fn line(&self) -> String {
        let [first, tenth, twentieth] = self.losses;
        let of_roof = self.of_roof.map_or_else(String::new, |share| format!("{share:.2}"));
        format!(
            "{:8} {:8} {:>7} {:>11.2} {:>11.2} {:>6.2} {of_roof:>7} {first:>10.6} {tenth:>10.6} \
             {twentieth:>10.6} {:>8.2} {:>7.1}",
            self.workload,
            self.engine,
            self.threads,
            self.median,
            self.minimum,
            self.ratio,
            self.faults,
            self.peak_memory
        )
    }

    /// Checks that the losses are this engine's.
    ///
    /// # Errors
    /// If they differ, so that the engine computes another step.
    pub(crate) fn check(&self, name: Name) -> Result<(), String> {
        let own = losses(&mut (ENGINES[0].step)(name));
        for ((at, loss), own) in [0, 10, 20].into_iter().zip(self.losses).zip(own) {
            if (loss - own).abs() <= TOLERANCE {
                continue;
            }
            return Err(format!(
                "{} computes a different step on {name:?}: its loss before step {at} is {loss}, {}'s {own}",
                self.engine, ENGINES[0].name
            ));
        }
        Ok(())
    }
}
