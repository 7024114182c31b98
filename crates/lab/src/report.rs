//! The files of a run. A file is replaced as a whole or not at all.
//!
//! JSON has no NaN and no infinity: such a number is `null`. In the report of the grid the list
//! `non_finite` states which it was; a `null` that is not in the list is a number that does not
//! exist: the fraction of dead units for an activation whose units cannot die, or the epochs to an
//! accuracy that is never reached.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;

use serde::Serialize;
use wengert::kernels::simd::Level;

use crate::error::LabError;

/// A file in a directory for reports.
#[derive(Debug)]
pub struct Output {
    directory: PathBuf,
    file: &'static str,
}

impl Output {
    /// Creates the directory if necessary, and checks that a file can be created in it before the
    /// experiments begin.
    ///
    /// # Errors
    /// If the directory cannot be created or written to.
    pub fn new(directory: &Path, file: &'static str) -> Result<Self, LabError> {
        fs::create_dir_all(directory)
            .map_err(|source| LabError::Directory { path: directory.to_owned(), source })?;
        let output = Self { directory: directory.to_owned(), file };
        output.remove_abandoned();
        if output.path().is_dir() {
            let source = io::Error::from(io::ErrorKind::IsADirectory);
            return Err(output.refused(source));
        }
        let probe = output.partial();
        File::create(&probe)
            .and_then(|file| {
                drop(file);
                fs::remove_file(&probe)
            })
            .map_err(|source| output.refused(source))?;
        Ok(output)
    }

    /// The file's path.
    pub fn path(&self) -> PathBuf {
        self.directory.join(self.file)
    }

    /// The path of a report until it is complete.
    fn partial(&self) -> PathBuf {
        self.directory.join(format!(".{}.{}.partial", self.file, process::id()))
    }

    /// Removes incomplete files of runs that ended while writing.
    fn remove_abandoned(&self) {
        let prefix = format!(".{}.", self.file);
        let abandoned = |name: &str| {
            let run = name.strip_prefix(&prefix)?.strip_suffix(".partial")?.parse().ok()?;
            has_ended(run).then_some(())
        };
        for entry in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            if entry.file_name().to_str().and_then(abandoned).is_some() {
                // An incomplete file that cannot be removed does no harm.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Writes a report as JSON and replaces the old one.
    ///
    /// # Errors
    /// If it cannot be written; the old one is then unchanged.
    pub fn write(&self, report: &impl Serialize) -> Result<PathBuf, LabError> {
        self.stage(report)?.publish()
    }

    /// Writes a report as JSON, to replace the old one later.
    ///
    /// # Errors
    /// If it cannot be written; the old one is unchanged.
    pub fn stage(&self, report: &impl Serialize) -> Result<Staged<'_>, LabError> {
        self.fill(|file| {
            serde_json::to_writer_pretty(&mut *file, report)?;
            file.write_all(b"\n")
        })
    }

    /// Writes a text, to replace the old one later.
    ///
    /// # Errors
    /// If it cannot be written; the old one is unchanged.
    pub fn stage_text(&self, text: &str) -> Result<Staged<'_>, LabError> {
        self.fill(|file| file.write_all(text.as_bytes()))
    }

    fn fill(
        &self,
        fill: impl FnOnce(&mut io::BufWriter<File>) -> io::Result<()>,
    ) -> Result<Staged<'_>, LabError> {
        let staged = Staged { output: self, partial: self.partial() };
        let write_whole = || {
            let mut file = io::BufWriter::new(File::create(&staged.partial)?);
            fill(&mut file)?;
            file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
        };
        match write_whole() {
            Ok(()) => Ok(staged),
            Err(source) => Err(self.refused(source)),
        }
    }

    fn refused(&self, source: io::Error) -> LabError {
        LabError::Report { path: self.path(), source }
    }
}

/// A complete report that has not replaced the old one yet. It is removed when dropped.
///
/// All reports of a run are staged before the first is published, so that they are consistent if
/// the disk is full.
#[derive(Debug)]
#[must_use = "a staged report is removed unless it is published"]
pub struct Staged<'a> {
    output: &'a Output,
    partial: PathBuf,
}

impl Staged<'_> {
    /// Replaces the old report.
    ///
    /// # Errors
    /// If the system reports an error; the old one is then unchanged.
    pub fn publish(self) -> Result<PathBuf, LabError> {
        let path = self.output.path();
        fs::rename(&self.partial, &path).map_err(|source| self.output.refused(source))?;
        Ok(path)
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        // A published report has no such file any more.
        let _ = fs::remove_file(&self.partial);
    }
}

/// Whether a process has ended; false if the system does not provide this.
fn has_ended(process: u32) -> bool {
    let processes = Path::new("/proc");
    processes.join("self").exists() && !processes.join(process.to_string()).exists()
}

/// The machine and the program. Of these only the instruction set affects the results.
#[derive(Clone, Debug, Serialize)]
pub struct RunConditions {
    /// The instruction set of the kernels.
    pub simd_level: String,
    /// The instruction sets of this processor.
    pub simd_levels_available: Vec<String>,
    /// The number of threads.
    pub threads: usize,
    /// The duration of the run.
    pub seconds: f64,
    /// The version of this program and of the engine's crates.
    pub version: String,
    /// The operating system and the processor family.
    pub platform: String,
    /// The processor's name, if the system provides it.
    pub processor: Option<String>,
}

impl RunConditions {
    /// The conditions of this process.
    pub fn new(level: Level, threads: usize, seconds: f64) -> Self {
        Self {
            simd_level: level.to_string(),
            simd_levels_available: Level::available().iter().map(Level::to_string).collect(),
            threads,
            seconds,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            processor: processor(),
        }
    }
}

/// The processor's name, on Linux.
fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let (_, name) = text.lines().find(|line| line.starts_with("model name"))?.split_once(':')?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use serde::Serializer;

    use super::*;

    const FILE: &str = "report.json";

    /// A report that fails after half of it is written.
    struct Failing;

    impl Serialize for Failing {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::{Error, SerializeSeq};
            let mut list = serializer.serialize_seq(None)?;
            list.serialize_element(&vec![0; 100_000])?;
            Err(S::Error::custom("the disk is full"))
        }
    }

    fn entries(directory: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<String> = fs::read_dir(directory)
            .unwrap()
            .map(name)
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_report_is_replaced_and_no_other_file_remains() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("a/b");
        let output = Output::new(&out, FILE).unwrap();
        assert_eq!(entries(&out), Vec::<String>::new());
        output.write(&[1, 2]).unwrap();
        let path = output.write(&[3]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "[\n  3\n]\n");
        assert_eq!(entries(&out), [FILE]);
    }

    #[test]
    fn a_write_that_fails_halfway_keeps_the_old_report() {
        let dir = tempfile::tempdir().unwrap();
        let output = Output::new(dir.path(), FILE).unwrap();
        output.write(&"old").unwrap();
        let error = output.write(&Failing).unwrap_err().to_string();
        assert!(error.contains(FILE) && error.contains("the disk is full"), "{error}");
        assert_eq!(fs::read_to_string(output.path()).unwrap(), "\"old\"\n");
        assert_eq!(entries(dir.path()), [FILE]);
    }

    #[test]
    fn reports_of_one_run_are_published_together_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let page = Output::new(dir.path(), "index.html").unwrap();
        let data = Output::new(dir.path(), FILE).unwrap();
        let both = |text: &str, report: &dyn Fn() -> Result<(), LabError>| {
            let staged = page.stage_text(text)?;
            report()?;
            staged.publish()
        };
        both("old", &|| data.write(&"old").map(drop)).unwrap();
        assert_eq!(entries(dir.path()), ["index.html", FILE]);
        both("new", &|| data.stage(&Failing).map(drop)).unwrap_err();
        assert_eq!(fs::read_to_string(page.path()).unwrap(), "old");
        assert_eq!(fs::read_to_string(data.path()).unwrap(), "\"old\"\n");
        assert_eq!(entries(dir.path()), ["index.html", FILE]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_incomplete_file_of_a_killed_run_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        // Beyond the largest process number of Linux, this process, and files of other names.
        let dead = format!(".{FILE}.4194305.partial");
        let live = format!(".{FILE}.{}.partial", std::os::unix::process::parent_id());
        let others = [live.as_str(), ".other.json.4194305.partial", ".x.partial", "note.partial"];
        for name in others.iter().copied().chain([dead.as_str()]) {
            fs::write(dir.path().join(name), "part").unwrap();
        }
        Output::new(dir.path(), FILE).unwrap();
        let mut left = others.map(str::to_owned);
        left.sort();
        assert_eq!(entries(dir.path()), left);
    }

    #[test]
    fn an_unwritable_path_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "x").unwrap();
        for path in [file.clone(), file.join("below")] {
            let error = Output::new(&path, FILE).unwrap_err().to_string();
            assert!(error.contains(&path.display().to_string()), "{error}");
        }
        let taken = dir.path().join("taken");
        fs::create_dir_all(taken.join(FILE)).unwrap();
        let error = Output::new(&taken, FILE).unwrap_err().to_string();
        assert!(error.contains(FILE) && error.contains("directory"), "{error}");
    }
}
