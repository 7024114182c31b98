//! Every kernel as a share of what the machine can do at best, measured in one run.
//!
//! A case names its kernel, the bytes it must move, and the plain Rust loop that gives the same
//! answer. The kernel, the loop, and a bare loop that only moves as many bytes through arrays of the
//! same size (the *roof*) take turns, so that a noisy machine disturbs all alike. See
//! `benches/README.md`.
//!
//! A group is a file with a function that adds its cases to the [`Run`]; it is named in [`GROUPS`].

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

/// A name, and what adds the group's cases.
type Group = (&'static str, fn(&mut Run));

/// The groups, in the order they are run.
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

/// Measures the kernels against the machine's roof.
#[derive(Debug, Parser)]
struct Arguments {
    /// Print a JSON array of rows instead of a table.
    #[arg(long)]
    json: bool,
    /// Run one group only.
    #[arg(long, value_name = "GROUP", value_parser = GROUPS.map(|(name, _)| name))]
    only: Option<String>,
    /// The threads kernels may use.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = cli::threads)]
    threads: usize,
    /// The SIMD level: portable, avx2 or avx512. The highest there is, if not given.
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
