//! Speed of every kernel relative to the machine's limits, measured in one run.
//!
//! A case has a kernel, the number of bytes it must move, and a plain Rust loop with the same
//! answer. The kernel, the loop, and a loop that only moves the same number of bytes through arrays
//! of the same size (the *roof*) run alternately, so that a noisy machine affects all of them
//! alike. See `benches/README.md`.
//!
//! A group is a file with a function that adds its cases to the [`Run`]; [`GROUPS`] lists them.

mod activation;
mod conv;
mod gemm;
mod gemm_peers;
mod machine;
mod math;
mod norm;
mod optim;
mod permute;
mod pool;
mod random;
mod reduce;
mod report;
mod run;
mod softmax;
mod views;
mod wide;

use clap::Parser;
use wengert::kernels::simd::Level;
use wengert_benches::{cli, data, measure};

use crate::run::Run;

/// A name, and the function that adds the group's cases.
type Group = (&'static str, fn(&mut Run));

/// The groups, in the order in which they run.
const GROUPS: [Group; 17] = [
    ("machine", machine::cases),
    ("activation", activation::cases),
    ("math", math::cases),
    ("reduce", reduce::cases),
    ("softmax", softmax::cases),
    ("norm", norm::cases),
    ("optim", optim::cases),
    ("random", random::cases),
    ("permute", permute::cases),
    ("wide", wide::cases),
    ("gemm", gemm::cases),
    ("gemm-small", gemm::small),
    ("gemv", gemm::vectors),
    ("batched", gemm::batched),
    ("conv", conv::cases),
    ("pool", pool::cases),
    ("views", views::cases),
];

/// Measures the kernels relative to the machine's limits.
#[derive(Debug, Parser)]
struct Arguments {
    /// Print a JSON array of rows instead of a table.
    #[arg(long)]
    json: bool,
    /// Run one group only.
    #[arg(long, value_name = "GROUP", value_parser = GROUPS.map(|(name, _)| name))]
    only: Option<String>,
    /// Number of threads that kernels may use.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = cli::threads)]
    threads: usize,
    /// The SIMD level: portable, avx2 or avx512 [default: the highest available].
    #[arg(long, value_name = "L")]
    level: Option<Level>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Arguments { json, only, threads, level } = Arguments::parse();
    let level = match level {
        Some(level) => level,
        None => Level::from_env()?,
    };
    let mut run = Run::new(level, threads, !json)?;
    for (name, cases) in GROUPS {
        if only.as_deref().is_none_or(|only| only == name) {
            run.start(name);
            cases(&mut run);
        }
    }
    if json {
        cli::print_line(serde_json::to_string_pretty(run.rows())?);
    }
    Ok(())
}
