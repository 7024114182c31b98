//! Whole training steps: forward, loss, backward, update. See `benches/README.md`.

mod lcg;
mod process;
mod workload;

use clap::{Parser, ValueEnum};
use serde::Serialize;
use wengert_benches::machine::{Peak, Roof};
use wengert_benches::measure::{Body, body, median, so_many_rounds};

use crate::workload::{Bound, Name, Network, wengert};

/// Measures whole training steps.
#[derive(Debug, Parser)]
struct Arguments {
    /// Print a JSON array of rows instead of a table.
    #[arg(long)]
    json: bool,
    /// Run these workloads only.
    #[arg(long, value_name = "W", value_delimiter = ',', num_args = 1..)]
    only: Vec<Name>,
    /// The threads kernels may use.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = positive)]
    threads: usize,
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("there must be at least one thread".into()),
        Ok(threads) => Ok(threads),
        Err(error) => Err(format!("{text:?} is no number of threads: {error}")),
    }
}

/// What was measured of a workload.
#[derive(Debug, Serialize)]
struct Row {
    workload: String,
    engine: &'static str,
    threads: usize,
    /// Microseconds a step: the middle of the turns, and the least.
    median: f64,
    minimum: f64,
    /// The bound of matrix products and optimizer by the median; none for elementwise work.
    of_roof: Option<f64>,
    /// The losses before the steps 0, 10 and 20.
    losses: [f32; 3],
    /// Minor page faults a step.
    faults: f64,
    /// The most memory the process has had so far, in MB.
    peak_memory: f64,
}

/// The turns every body gets.
const TURNS: usize = 60;

/// Measures a workload beside what the machine can do.
fn measure(name: Name, threads: usize) -> Row {
    let mut step = wengert(name);
    let losses: Vec<f32> = (0..=20).map(|_| step()).collect();
    let bound = Network::of(name).map(|network| network.bound()).unwrap_or_default();
    let peak = Peak::<f32>::new(threads);
    let mut sweep = Roof::<f32>::new(1, 1, bound.places.max(1 << 10), threads);
    let bytes = (bound.places.max(1 << 10) * size_of::<f32>()) as f64;
    let (mut steps, mut faults) = (0_u64, 0);
    let mut counted = body(move || {
        std::hint::black_box(step());
    });
    let timed: Body<'_> = Box::new(|times| {
        let before = process::minor_faults();
        let time = counted(times);
        faults += process::minor_faults() - before;
        steps += u64::from(times);
        time
    });
    let mut bodies = vec![timed, body(|| peak.call()), body(|| sweep.call())];
    let rounds = so_many_rounds(TURNS, &mut bodies);
    drop(bodies);
    let of_roof = |round: &Vec<f64>| {
        let Bound { flops, bytes: moved, .. } = bound;
        (flops * round[1] / peak.flops() + moved * round[2] / bytes) / round[0]
    };
    Row {
        workload: format!("{name:?}"),
        engine: "wengert",
        threads,
        median: median(rounds.iter().map(|round| round[0])) * 1e6,
        minimum: rounds.iter().map(|round| round[0]).fold(f64::INFINITY, f64::min) * 1e6,
        of_roof: (bound.flops > 0.0).then(|| median(rounds.iter().map(of_roof))),
        losses: [losses[0], losses[10], losses[20]],
        faults: faults as f64 / steps as f64,
        peak_memory: process::peak_memory(),
    }
}

impl Row {
    fn line(&self) -> String {
        let [first, tenth, twentieth] = self.losses;
        let of_roof = self.of_roof.map_or_else(String::new, |share| format!("{share:.2}"));
        format!(
            "{:8} {:8} {:>7} {:>11.2} {:>11.2} {of_roof:>7} {first:>10.6} {tenth:>10.6} \
             {twentieth:>10.6} {:>7.2} {:>7.1}",
            self.workload,
            self.engine,
            self.threads,
            self.median,
            self.minimum,
            self.faults,
            self.peak_memory
        )
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Arguments { json, only, threads } = Arguments::parse();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let names = if only.is_empty() { Name::value_variants() } else { &only[..] };
    if !json {
        println!(
            "{:8} {:8} {:>7} {:>11} {:>11} {:>7} {:>10} {:>10} {:>10} {:>7} {:>7}",
            "workload",
            "engine",
            "threads",
            "median us",
            "minimum us",
            "of roof",
            "loss 0",
            "loss 10",
            "loss 20",
            "faults",
            "peak MB"
        );
    }
    let mut rows = Vec::new();
    for &name in names {
        let row = pool.install(|| measure(name, threads));
        if !json {
            println!("{}", row.line());
        }
        rows.push(row);
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    }
    Ok(())
}
