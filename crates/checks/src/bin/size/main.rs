//! The size of the compiled library.
//!
//!     cargo run -p wengert-checks --bin size              # compared with the limits
//!     cargo run -p wengert-checks --bin size -- --lines   # where code of the kernels comes from
//!
//! The first form builds the lab in release, as `cargo run --release` does, and exits with 1 if the
//! compiled file of a crate is more than 5 % larger than [`SIZES`] says. A change that needs the
//! growth changes the number in the same commit, so that it is seen where it arises.
//!
//! The second form counts the lines of LLVM code that the compiler makes of the kernels before any
//! optimization, by module: what is compiled often (for each level, element type and tile) shows
//! here first.

mod lines;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::Parser;
use serde_json::Value;

/// Bytes of each crate's compiled file, in release, as rustc 1.95 makes it.
const SIZES: [(&str, u64); 3] =
    [("wengert_kernels", 15_410_000), ("wengert_autodiff", 19_000_000), ("wengert_nn", 12_520_000)];

/// How much larger a file may be.
const TOLERANCE: f64 = 0.05;

/// Checks the size of the compiled library.
#[derive(Parser)]
struct Options {
    /// Print the lines of unoptimized LLVM code of the kernels instead, by module
    #[arg(long)]
    lines: bool,
}

/// The file that cargo made of each library of the workspace, from its messages.
fn artifacts(messages: &str) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    for message in messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let name = message["target"]["name"].as_str().unwrap_or_default();
        for file in message["filenames"].as_array().into_iter().flatten() {
            let file = Path::new(file.as_str().unwrap_or_default());
            if file.extension().is_some_and(|extension| extension == "rlib") {
                found.push((name.to_owned(), file.to_owned()));
            }
        }
    }
    found
}

/// A line of the report, and whether the size is within the tolerance.
fn compare(name: &str, bytes: u64, expected: u64) -> (String, bool) {
    let ratio = bytes as f64 / expected as f64;
    let holds = ratio <= 1.0 + TOLERANCE;
    let verdict = if holds { "" } else { ": change the number in SIZES, or the code" };
    (format!("{name:17} {bytes:9} bytes, {ratio:.3} of {expected}{verdict}"), holds)
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    if Options::parse().lines {
        lines::print()?;
        return Ok(ExitCode::SUCCESS);
    }
    let output = Command::new(env!("CARGO"))
        .args(["build", "--release", "-p", "wengert-lab", "--message-format", "json"])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("cargo build --release -p wengert-lab failed".into());
    }
    let files = artifacts(&String::from_utf8(output.stdout)?);
    let mut code = ExitCode::SUCCESS;
    for (name, expected) in SIZES {
        let Some((_, file)) = files.iter().find(|(found, _)| found == name) else {
            return Err(format!("cargo named no file of the library {name}").into());
        };
        let (line, holds) = compare(name, fs::metadata(file)?.len(), expected);
        println!("{line}");
        if !holds {
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::{artifacts, compare};
    use std::path::PathBuf;

    #[test]
    fn the_libraries_are_found_among_the_messages_of_cargo() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"a"},"filenames":["/x/liba.rlib","/x/liba.rmeta"]}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"b"},"filenames":["/x/b"]}"#,
        );
        assert_eq!(artifacts(messages), [("a".to_owned(), PathBuf::from("/x/liba.rlib"))]);
    }

    #[test]
    fn only_a_growth_beyond_the_tolerance_fails() {
        assert!(compare("a", 104, 100).1 && compare("a", 50, 100).1);
        assert!(!compare("a", 106, 100).1);
    }
}
