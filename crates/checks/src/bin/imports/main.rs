//! Finds import loops: groups of source files each of which imports every other, directly or
//! through others.
//!
//!     cargo run -p wengert-checks --bin imports                 # the crates of this workspace
//!     cargo run -p wengert-checks --bin imports -- some/crate/src --limit 3
//!
//! Prints for each crate the number of loops and the files of the largest one, and exits with 1 if
//! a loop has more files than the limit. A file imports another if it names an item that is defined
//! there, in a `use` tree or a path. Re-exports are followed to the definition, and are imports
//! themselves. Code that is compiled for tests only does not count: items behind `cfg(test)` or the
//! feature `testing`.

mod graph;
mod module;
#[cfg(test)]
mod tests;

use std::io::{self, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use module::Tree;

/// Finds groups of source files that import each other.
#[derive(Parser)]
struct Options {
    /// Source folders of crates [default: those of the workspace's crates]
    folders: Vec<PathBuf>,
    /// Maximum number of files in a loop
    #[arg(long, default_value_t = 6)]
    limit: usize,
}

/// The source folders of the workspace's crates.
fn workspace() -> io::Result<Vec<PathBuf>> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(crates)? {
        let folder = entry?.path().join("src");
        if folder.is_dir() {
            folders.push(folder);
        }
    }
    folders.sort();
    Ok(folders)
}

/// The name of the package that has this source folder.
fn package(folder: &Path) -> String {
    let parent = folder.parent().and_then(Path::file_name);
    parent.map_or_else(|| folder.display().to_string(), |name| name.display().to_string())
}

fn main() -> io::Result<ExitCode> {
    let options = Options::parse();
    let folders = if options.folders.is_empty() { workspace()? } else { options.folders };
    let mut exceeded = false;
    for folder in folders {
        let tree = Tree::read(&folder)?;
        let loops = graph::loops(&tree.imports());
        let largest = loops.first().map_or(0, Vec::len);
        writeln!(
            stdout(),
            "{:10} {:4} files, {:2} loops, {largest:3} files in the largest",
            package(&folder),
            tree.files(),
            loops.len(),
        )?;
        for file in loops.first().into_iter().flatten() {
            writeln!(stdout(), "    {file}")?;
        }
        exceeded |= largest > options.limit;
    }
    if exceeded {
        eprintln!(
            "a loop has more than {} files: move what two files need to a third that imports \
             neither",
            options.limit
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
