//! Wording and width of the workspace's comments and Markdown files.
//!
//!     cargo run -p wengert-checks --bin prose                      # the whole workspace
//!     cargo run -p wengert-checks --bin prose -- crates/nn fuzz    # some files and folders
//!
//! Checks that
//!
//! - no line with a comment is wider than 100 columns, except a URL alone on its line and a row of
//!   a table, which cannot be broken;
//! - comments and Markdown use the standard terms instead of the expressions in the table of
//!   `rules.rs`. Code blocks and `code spans` are not checked, the comments in code blocks are.
//!
//! Prints one line for each finding, `file:line: text: what to write instead`, and exits with 1 if
//! there is any. `allowed.rs` lists the phrases that are correct although a rule matches them, each
//! with the reason.

mod allowed;
mod paragraph;
mod rules;
#[cfg(test)]
mod tests;

use std::io::{self, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use paragraph::{comments, markdown, paragraphs};
use rules::Rules;

/// Checks the wording and the width of comments and Markdown files.
#[derive(Parser)]
struct Options {
    /// Files and folders, relative to the root of the workspace
    #[arg(default_values = ["README.md", "benches", "crates", "fuzz"])]
    paths: Vec<PathBuf>,
}

/// Adds the Rust and Markdown files at a path to `files`; folders named `target` are left out.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_dir() {
        for entry in path.read_dir()? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name != "target") {
                collect(&path, files)?;
            }
        }
    } else if !path.try_exists()? {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("there is no file or folder {}", path.display()),
        ));
    } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "md") {
        files.push(path.to_owned());
    }
    Ok(())
}

fn main() -> io::Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let mut files = Vec::new();
    for path in Options::parse().paths {
        collect(&root.join(path), &mut files)?;
    }
    files.sort();
    let rules = Rules::new();
    let mut findings = 0;
    for file in &files {
        let source = std::fs::read_to_string(file)?;
        let is_rust = file.extension().is_some_and(|extension| extension == "rs");
        let lines = if is_rust { comments(&source) } else { markdown(&source) };
        let mut found = rules.wording(&paragraphs(&lines));
        if is_rust {
            found.extend(rules::width(&source, &lines));
        }
        found.sort_by_key(|finding| finding.line);
        for finding in &found {
            let file = file.strip_prefix(&root).unwrap_or(file);
            writeln!(stdout(), "{}:{finding}", file.display())?;
        }
        findings += found.len();
    }
    if findings > 0 {
        eprintln!("{findings} findings in {} files", files.len());
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
