//! What the programs' command lines share.

use std::fmt::Display;
use std::io::{ErrorKind, Write, stdout};

/// Thousands of threads bring a machine to a halt.
const THREADS_MAX: usize = 1024;

/// Reads a number of threads.
///
/// # Errors
/// If it is none from 1 to 1024.
pub fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(threads) if (1..=THREADS_MAX).contains(&threads) => Ok(threads),
        _ => Err(format!("a whole number from 1 to {THREADS_MAX} was expected")),
    }
}

/// Prints a line. Ends the program if nobody reads any more.
///
/// # Panics
/// If the line cannot be written for another reason.
pub fn print_line(line: impl Display) {
    match writeln!(stdout(), "{line}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        written => written.expect("standard output takes a line"),
    }
}
