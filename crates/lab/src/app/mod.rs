//! The program from its arguments to its output: what can be refused is refused before the work
//! begins.

mod course;
mod grid;

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

/// Does what was asked for.
///
/// # Errors
/// If what was asked for, `WENGERT_SIMD`, the data or the output directory is at fault, or the system
/// refuses a thread or the output.
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
        Some(Command::Theory { activation }) => {
            let activation = named(activation)?;
            let found = pool(common)?.install(|| explore::theory::explore(activation))?;
            emit(common, "theory.json", &found, || found.lines())
        }
    }
}

/// The threads that a command asks for.
///
/// # Errors
/// If the system refuses one.
pub(crate) fn pool(common: &Common) -> Result<ThreadPool, LabError> {
    Ok(ThreadPoolBuilder::new().num_threads(common.threads()).build()?)
}

/// The activation of a name, in capitals or not; `sigmoid` and `swish` are other names of two.
///
/// # Errors
/// If there is none; the error lists those there are.
pub fn named(name: &str) -> Result<Activation, LabError> {
    let asked = name.to_lowercase().replace('-', "_");
    let asked = match asked.as_str() {
        "sigmoid" => "logistic",
        "swish" => "silu",
        other => other,
    };
    Activation::ALL.into_iter().find(|activation| activation.name() == asked).ok_or_else(|| {
        let names: Vec<&str> = Activation::ALL.iter().map(Activation::name).collect();
        LabError::Asked(format!("no activation is called `{name}`; there are {}", names.join(", ")))
    })
}

/// Prints what was found, and writes it where it was asked for.
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

/// Prints what was found, as JSON if that was asked for.
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

/// The columns there are: the terminal's, and elsewhere as many as the table wants.
pub(crate) fn width() -> usize {
    let columns = || Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    let terminal = if io::stdout().is_terminal() { columns() } else { None };
    terminal.filter(|&columns| columns > 0).unwrap_or(table::WIDTH).min(table::WIDTH)
}

/// Prints to standard output; a reader that has gone away has seen what it wanted.
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
    fn an_activation_is_known_by_its_usual_names() {
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
