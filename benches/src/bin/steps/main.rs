//! Whole training steps: forward, loss, backward, update. See `benches/README.md`.

mod lcg;
mod workload;

use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use serde::Serialize;

use crate::workload::{Name, Step, wengert};

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
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
}

/// A workload's times, in microseconds a step.
#[derive(Debug, Serialize)]
struct Row {
    workload: String,
    engine: &'static str,
    threads: usize,
    median: f64,
    minimum: f64,
    /// The losses before the steps 0, 10 and 20.
    losses: [f32; 3],
    /// Page faults a step.
    faults: f64,
}

/// The number of timed turns; each is as many steps as fill [`TURN`].
const TURNS: usize = 60;
const TURN: Duration = Duration::from_millis(10);

fn measure(step: &mut Step) -> (Vec<f64>, f64) {
    let mut steps_in_a_turn = 1_u32;
    loop {
        let start = Instant::now();
        (0..steps_in_a_turn).for_each(|_| drop(step()));
        if start.elapsed() >= TURN / 2 || steps_in_a_turn > 1 << 20 {
            break;
        }
        steps_in_a_turn *= 2;
    }
    let before = faults();
    let mut times: Vec<f64> = (0..TURNS)
        .map(|_| {
            let start = Instant::now();
            (0..steps_in_a_turn).for_each(|_| drop(step()));
            start.elapsed().as_secs_f64() * 1e6 / f64::from(steps_in_a_turn)
        })
        .collect();
    let steps = TURNS as f64 * f64::from(steps_in_a_turn);
    let faults = (faults() - before) as f64 / steps;
    times.sort_by(f64::total_cmp);
    (times, faults)
}

/// The process's minor page faults so far.
fn faults() -> u64 {
    // Behind the command's name, which may hold anything but ends at the last parenthesis: state,
    // six numbers, flags, minor faults.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    fields.split(' ').nth(7).and_then(|field| field.parse().ok()).unwrap_or_default()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Arguments { json, only, threads } = Arguments::parse();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let names = if only.is_empty() { Name::value_variants() } else { &only[..] };
    let mut rows = Vec::new();
    for &name in names {
        let row = pool.install(|| {
            let mut step = wengert(name);
            let first: Vec<f32> = (0..=20).map(|_| step()).collect();
            let (times, faults) = measure(&mut step);
            Row {
                workload: format!("{name:?}"),
                engine: "wengert",
                threads,
                median: times[TURNS / 2],
                minimum: times[0],
                losses: [first[0], first[10], first[20]],
                faults,
            }
        });
        if !json {
            println!(
                "{:4} {:10} {} threads {:10.2} us (min {:10.2})  losses {:?}  faults {:.2}",
                row.workload,
                row.engine,
                row.threads,
                row.median,
                row.minimum,
                row.losses,
                row.faults
            );
        }
        rows.push(row);
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    }
    Ok(())
}
