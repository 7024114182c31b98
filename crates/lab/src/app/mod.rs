//! Carries out the commands. Arguments, data and the output directory are checked before the
//! experiments begin.

mod course;
mod grid;
mod validate;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use console::Term;
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::Serialize;
use wengert::Activation;
use wengert::kernels::simd::Level;

use crate::args::{Args, Command, Common};
use crate::error::LabError;
use crate::grid::table;
use crate::report::Output;
use crate::{explore, live};

/// Carries out a command.
///
/// # Errors
/// If an argument, `WENGERT_SIMD`, the data or the output directory is invalid, or the system does
/// not start a thread or accept the output.
pub fn run(args: &Args) -> Result<ExitCode, LabError> {
    let level = Level::from_env()?;
    let common = &args.common;
    match &args.command {
        None => course::run(common, level, None),
        Some(Command::Claim { ids }) => course::run(common, level, Some(ids)),
        Some(Command::List) => course::list(common),
        Some(Command::Grid(grid)) => grid::run(common, grid, level),
        Some(Command::Train(train)) => live::run(common, train),
        Some(Command::Activations) => {
            let found = pool(common)?.install(explore::activations::explore)?;
            emit(common, "activations.json", &found, || found.lines())
        }
        Some(Command::Init { activation, depth, width }) => {
            let activation = named(activation)?;
            let (depth, width, seed) = (depth.get(), width.get(), common.seed);
            let explore = || explore::init::explore(activation, depth, width, seed);
            let found = pool(common)?.install(explore)?;
            emit(common, "init.json", &found, || found.lines())
        }
        Some(Command::Validate(of)) => validate::run(common, of),
        Some(Command::Theory { activation }) => {
            let activation = named(activation)?;
            let found = pool(common)?.install(|| explore::theory::explore(activation))?;
            emit(common, "theory.json", &found, || found.lines())
        }
    }
}

/// A thread pool with the number of threads of the command line.
///
/// # Errors
/// If the system does not start a thread.
pub(crate) fn pool(common: &Common) -> Result<ThreadPool, LabError> {
    Ok(ThreadPoolBuilder::new().num_threads(common.threads()).build()?)
}

/// The activation with a name, in any case; `sigmoid` is also accepted for `logistic`, and `swish`
/// for `silu`.
///
/// # Errors
/// If there is none; the error lists the names.
pub fn named(name: &str) -> Result<Activation, LabError> {
    let name_in_lowercase = name.to_lowercase().replace('-', "_");
    let canonical = match name_in_lowercase.as_str() {
        "sigmoid" => "logistic",
        "swish" => "silu",
        other => other,
    };
    Activation::ALL.into_iter().find(|activation| activation.name() == canonical).ok_or_else(|| {
        let names: Vec<&str> = Activation::ALL.iter().map(Activation::name).collect();
        LabError::Request(format!(
            "there is no activation `{name}`; the activations are {}",
            names.join(", ")
        ))
    })
}

/// Prints a result, and writes it to the directory of `--out` if that is given.
fn emit(
    common: &Common,
    file: &'static str,
    found: &impl Serialize,
    lines: impl FnOnce() -> Vec<String>,
) -> Result<ExitCode, LabError> {
    if let Some(out) = &common.out {
        Output::new(out, file)?.write(found)?;
    }
    show(common, found, lines)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints a result: as JSON with `--json`, nothing with `--quiet`.
pub(crate) fn show(
    common: &Common,
    found: &impl Serialize,
    lines: impl FnOnce() -> Vec<String>,
) -> Result<(), LabError> {
    if common.quiet {
        Ok(())
    } else if common.json {
        let json =
            serde_json::to_string_pretty(found).map_err(|error| LabError::Print(error.into()))?;
        print(&[json])
    } else {
        print(&lines())
    }
}

/// The width of tables: that of the terminal, at most the full width.
pub(crate) fn width() -> usize {
    let columns = || Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    let terminal = if io::stdout().is_terminal() { columns() } else { None };
    terminal.filter(|&columns| columns > 0).unwrap_or(table::WIDTH).min(table::WIDTH)
}

/// Prints to standard output. A closed pipe is not an error: its reader needs no more.
pub(crate) fn print(lines: &[String]) -> Result<(), LabError> {
    let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(LabError::Print(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_activation_has_its_usual_names() {
        for (name, known) in [
            ("relu", "relu"),
            ("ReLU", "relu"),
            ("sigmoid", "logistic"),
            ("Swish", "silu"),
            ("leaky-relu", "leaky_relu"),
        ] {
            assert_eq!(named(name).unwrap().name(), known);
        }
        assert!(named("relu7").unwrap_err().to_string().contains("`relu7`"));
    }
}
