//! Code shared by the programs' command lines.

use std::fmt::Display;
use std::io::{ErrorKind, Write, stdout};

/// The maximum number of threads: thousands would bring a machine to a halt.
const THREADS_MAX: usize = 1024;

/// Parses a number of threads.
///
/// # Errors
/// If the text is not a whole number from 1 to 1024.
pub fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(threads) if (1..=THREADS_MAX).contains(&threads) => Ok(threads),
        _ => Err(format!("a whole number from 1 to {THREADS_MAX} was expected")),
    }
}

/// Prints a line. Ends the program if the reading end of the pipe is closed.
///
/// # Panics
/// If the line cannot be written for another reason.
pub fn print_line(line: impl Display) {
    match writeln!(stdout(), "{line}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        written => written.expect("standard output takes a line"),
    }
}
