//! Whole training steps: forward, loss, backward, update. See `benches/README.md`.

mod engine;
mod lcg;
mod process;
mod row;
mod workload;

use std::error::Error;
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, ValueEnum};
use wengert_benches::cli;

use crate::engine::{ENGINES, Engine};
use crate::row::{Row, measure, peak_memory};
use crate::workload::Name;

type Failure = Box<dyn Error + Send + Sync>;

/// Measures whole training steps.
#[derive(Debug, Parser)]
struct Arguments {
    /// Print a JSON array of rows instead of a table.
    #[arg(long)]
    json: bool,
    /// Run these workloads only.
    #[arg(long, value_name = "W", value_delimiter = ',', num_args = 1..)]
    only: Vec<Name>,
    /// Number of threads that kernels may use.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = cli::threads)]
    threads: usize,
    /// Run these engines only; all but wengert need the feature `peers`.
    #[arg(long, value_name = "NAME", value_delimiter = ',', num_args = 1..)]
    #[arg(value_parser = PossibleValuesParser::new(names()).map(|name| named(&name)))]
    engine: Vec<&'static Engine>,
    /// Print only the peak memory, in MB, of a process that takes 21 steps.
    #[arg(long)]
    memory: bool,
}

fn names() -> impl Iterator<Item = &'static str> {
    ENGINES.iter().map(|engine| engine.name)
}

fn named(name: &str) -> &'static Engine {
    let engine = ENGINES.iter().find(|engine| engine.name == name);
    engine.unwrap_or_else(|| unreachable!("{name} is none of the possible values"))
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let &Arguments { json, threads, memory, .. } = arguments;
    let workloads = match &arguments.only[..] {
        [] => Name::value_variants(),
        only => only,
    };
    let engines = match &arguments.engine[..] {
        [] => ENGINES.iter().collect(),
        some => some.to_vec(),
    };
    if memory {
        let (&[workload], &[engine]) = (workloads, &engines[..]) else {
            return Err(
                "--memory needs exactly one workload and one engine: --only W2 --engine wengert"
                    .into(),
            );
        };
        cli::print_line(format_args!("{:.1}", peak_memory(workload, engine)?));
        return Ok(());
    }
    if !json {
        cli::print_line(Row::heading());
    }
    let mut rows = Vec::new();
    let mut wrong = Vec::new();
    for &workload in workloads {
        for row in measure(workload, &engines, threads)? {
            if !json {
                cli::print_line(row.line());
            }
            wrong.extend(row.check(workload).err());
            rows.push(row);
        }
    }
    if json {
        cli::print_line(serde_json::to_string_pretty(&rows)?);
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

fn start(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let threads = arguments.threads;
    if !process::says(threads) {
        // Some engines read the number of threads from the environment.
        let status = process::again(threads)?.args(std::env::args_os().skip(1)).status()?;
        return Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    pool.install(|| run(arguments))?;
    Ok(ExitCode::SUCCESS)
}

fn main() -> ExitCode {
    match start(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("steps: {error}");
            ExitCode::FAILURE
        }
    }
}
