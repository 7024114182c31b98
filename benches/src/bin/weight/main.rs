//! The cost of embedding, against its limits: crates, build times, and sizes of programs.
//!
//!     cargo run --release -p wengert-benches --bin weight
//!
//! Creates programs in temporary folders that depend on the facade as a user's program does, builds
//! each with a new target folder, and builds a program of the same kind with dfdx in the same run.
//! Ends with exit status 1 if a number is beyond its limit. Limits of times are for two cores of a
//! quiet machine; the ratio to dfdx holds on others, too. Needs `/proc`.

mod build;

use std::process::ExitCode;

use build::{Failure, Program, root, timed};
use clap::Parser;
use wengert_benches::cli::print_line;

const TRAINER: &str = include_str!("programs/trainer.rs");
const INFERENCE: &str = include_str!("programs/inference.rs");
const DFDX: &str = include_str!("programs/dfdx.rs");

/// Measures crates, build times and sizes of programs that depend on wengert
#[derive(Debug, Parser)]
struct Arguments {
    /// Also build the lab and all tests of the workspace, which takes minutes
    #[arg(long)]
    workspace: bool,
}

/// The numbers printed so far.
struct Table {
    beyond: usize,
}

impl Table {
    /// Prints a number with its limit.
    fn row(&mut self, name: &str, value: f64, unit: &str, limit: f64) {
        let verdict = if value > limit { "BEYOND the limit of" } else { "at most" };
        self.beyond += usize::from(value > limit);
        print_line(format_args!("{name:<52} {value:8.2} {unit:<6} {verdict} {limit}"));
    }

    fn note(name: &str, value: f64, unit: &str) {
        print_line(format_args!("{name:<52} {value:8.2} {unit}"));
    }
}

/// The same program with another number in it.
fn changed(source: &str) -> String {
    source.replace("0.02 *", "0.021 *")
}

fn measure(arguments: &Arguments, table: &mut Table) -> Result<(), Failure> {
    let facade = root().join("crates/wengert").canonicalize()?;
    let facade = |more: &str| format!("wengert = {{ path = '{}'{more} }}", facade.display());
    let bare = facade(", default-features = false");

    let trainer = Program::new(TRAINER, &bare)?;
    table.row("crates without default features", trainer.crates()? as f64, "", 32.0);
    let cold = trainer.build(&["--release"])?;
    table.row("cold release build without default features", cold.wall, "s", 38.0);
    table.row("stripped program that trains an MLP", trainer.run()?, "MB", 2.0);
    trainer.set_source(&changed(TRAINER))?;
    let again = trainer.build(&["--release"])?;
    table.row("release build after a change of the program", again.cpu, "CPU s", 3.0);
    trainer.set_source(INFERENCE)?;
    trainer.build(&["--release"])?;
    table.row("stripped program that runs an MLP", trainer.run()?, "MB", 1.2);
    trainer.set_source(TRAINER)?;
    table.row("cold debug build", trainer.build(&[])?.wall, "s", 30.0);
    trainer.set_source(&changed(TRAINER))?;
    table.row("debug build after a change of the program", trainer.build(&[])?.cpu, "CPU s", 1.0);

    let full = Program::new(TRAINER, &facade(""))?;
    table.row("crates with default features", full.crates()? as f64, "", 50.0);
    let with_features = full.build(&["--release"])?;
    table.row("cold release build with default features", with_features.wall, "s", 45.0);

    let dfdx = Program::new(DFDX, "dfdx = \"0.13\"")?;
    Table::note("dfdx: crates", dfdx.crates()? as f64, "");
    let peer = dfdx.build(&["--release"])?;
    Table::note("dfdx: cold release build", peer.wall, "s");
    Table::note("dfdx: stripped program that trains an MLP", dfdx.run()?, "MB");
    let ratio = with_features.cpu / peer.cpu;
    table.row("CPU time of the cold build relative to dfdx", ratio, "", 2.0);

    if arguments.workspace {
        let target = tempfile::tempdir()?;
        let folder = ["--target-dir", target.path().to_str().ok_or("a path that is not UTF-8")?];
        let lab = timed(&root(), &[&["build", "--release", "--locked"][..], &folder].concat())?;
        table.row("cold release build of the lab", lab.wall, "s", 75.0);
        let tests = ["test", "--workspace", "--no-run", "--locked"];
        let tests = timed(&root(), &[&tests[..], &folder].concat())?;
        table.row("cold build of all tests", tests.wall, "s", 240.0);
    }
    Ok(())
}

fn main() -> Result<ExitCode, Failure> {
    let arguments = Arguments::parse();
    let mut table = Table { beyond: 0 };
    measure(&arguments, &mut table)?;
    if table.beyond > 0 {
        print_line(format_args!("{} numbers are beyond their limits", table.beyond));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
