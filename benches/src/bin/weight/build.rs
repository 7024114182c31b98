//! Programs that depend on the library, in folders of their own, and what their builds cost.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

use tempfile::TempDir;

pub type Failure = Box<dyn std::error::Error>;

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What a build cost.
#[derive(Clone, Copy)]
pub struct Cost {
    /// Seconds from its start to its end.
    pub wall: f64,
    /// Seconds of CPU time of all its processes, in user and kernel mode.
    pub cpu: f64,
}

/// CPU seconds of the child processes that have ended, their children included, in steps of 1/100.
fn cpu_of_children() -> Result<f64, Failure> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name of the program, the second field, is in parentheses and may contain spaces.
    let fields: Vec<&str> =
        stat.rsplit_once(')').ok_or("no name in /proc/self/stat")?.1.split_whitespace().collect();
    let ticks = |field: usize| {
        fields.get(field).ok_or("too few fields")?.parse::<f64>().map_err(Failure::from)
    };
    // The fields 16 and 17 of the line.
    Ok((ticks(13)? + ticks(14)?) / 100.0)
}

/// Runs cargo in a folder.
pub fn cargo(folder: &Path, arguments: &[&str]) -> Result<Output, Failure> {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(folder).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("cargo {} failed: {said}", arguments.join(" ")).into());
    }
    Ok(output)
}

/// Runs cargo and measures it.
pub fn timed(folder: &Path, arguments: &[&str]) -> Result<Cost, Failure> {
    let (start, before) = (Instant::now(), cpu_of_children()?);
    cargo(folder, arguments)?;
    Ok(Cost { wall: start.elapsed().as_secs_f64(), cpu: cpu_of_children()? - before })
}

/// A program in a temporary folder with a target folder of its own.
pub struct Program {
    folder: TempDir,
}

impl Program {
    /// A program of one file. `dependency` is the line of the manifest that names the library.
    pub fn new(source: &str, dependency: &str) -> Result<Self, Failure> {
        let program = Program { folder: tempfile::tempdir()? };
        fs::create_dir(program.path("src"))?;
        fs::copy(root().join("Cargo.lock"), program.path("Cargo.lock"))?;
        // Cargo refuses a manifest without a source file, so the source comes first.
        program.set_source(source)?;
        program.set_dependency(dependency)?;
        Ok(program)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Changes the line of the manifest that names the library.
    pub fn set_dependency(&self, dependency: &str) -> Result<(), Failure> {
        let manifest = format!(
            "[package]\nname = \"program\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
             [dependencies]\n{dependency}\n[profile.release]\nstrip = true\n[workspace]\n"
        );
        fs::write(self.path("Cargo.toml"), manifest)?;
        self.cargo(&["fetch"]).map(drop)
    }

    /// Changes the source.
    pub fn set_source(&self, source: &str) -> Result<(), Failure> {
        Ok(fs::write(self.path("src/main.rs"), source)?)
    }

    fn cargo(&self, arguments: &[&str]) -> Result<Output, Failure> {
        cargo(self.folder.path(), arguments)
    }

    /// Builds the program with these options.
    pub fn build(&self, options: &[&str]) -> Result<Cost, Failure> {
        timed(self.folder.path(), &[&["build", "--offline"], options].concat())
    }

    /// The number of crates in the build, without the program itself.
    pub fn crates(&self) -> Result<usize, Failure> {
        let tree = self.cargo(&["tree", "--edges", "normal,build", "--prefix", "none"])?;
        let tree = String::from_utf8(tree.stdout)?;
        let lines = tree.lines().map(|line| line.trim_end_matches(" (*)"));
        let names: BTreeSet<&str> = lines.filter(|line| !line.is_empty()).collect();
        Ok(names.len() - 1)
    }

    /// Runs the release build, and returns the size of the program in 10^6 bytes.
    pub fn run(&self) -> Result<f64, Failure> {
        let program = self.path("target/release/program");
        let output = Command::new(&program).output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("the program failed: {said}").into());
        }
        Ok(fs::metadata(&program)?.len() as f64 / 1e6)
    }
}
