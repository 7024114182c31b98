//! The command `validate`.

use std::process::ExitCode;

use super::{emit, pool};
use crate::args::{Common, Validate};
use crate::cases;
use crate::error::LabError;

/// The longest training of a start, in seconds.
const SECONDS: f64 = 60.0;

/// Compares the findings of the diagnosis with the known faults of cases.
///
/// # Errors
/// If the file or a case is invalid.
pub(super) fn run(common: &Common, of: &Validate) -> Result<ExitCode, LabError> {
    let mut cases = cases::read(&of.cases)?;
    if let Some(only) = &of.only {
        cases.retain(|case| case.id.contains(only.as_str()));
    }
    let starts = of.starts.get() as u64;
    let options = cases::Options { starts, seconds: SECONDS, train: !of.untrained };
    let found = pool(common)?.install(|| cases::validate(&cases, options))?;
    emit(common, "validate.json", &found, || found.lines())
}
