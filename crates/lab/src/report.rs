//! The files of a run, and how they are written so that an old one is replaced by a whole new one or
//! not at all.
//!
//! JSON has no NaN and no infinity: such a number is `null`. In the grid's report the list `non_finite`
//! beside it says which it was; a `null` that is not in the list is a figure that does not exist: the
//! dead share of an activation whose units cannot die, the epochs to an accuracy never reached.

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
    /// Makes the directory if it is not there, and finds out now whether a file can be made in it,
    /// and not after minutes of work.
    ///
    /// # Errors
    /// If the directory cannot be made or written to.
    pub fn new(directory: &Path, file: &'static str) -> Result<Self, LabError> {
        fs::create_dir_all(directory)
            .map_err(|source| LabError::Directory { path: directory.to_owned(), source })?;
        let output = Self { directory: directory.to_owned(), file };
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

    /// Where a report is until it is whole.
    fn partial(&self) -> PathBuf {
        self.directory.join(format!(".{}.{}.partial", self.file, process::id()))
    }

    /// Writes a report as JSON beside the old one and puts it in its place.
    ///
    /// # Errors
    /// If it cannot be written; the old one is then untouched.
    pub fn write(&self, report: &impl Serialize) -> Result<PathBuf, LabError> {
        self.replace(|file| {
            serde_json::to_writer_pretty(&mut *file, report)?;
            file.write_all(b"\n")
        })
    }

    /// The same with a text as it is.
    ///
    /// # Errors
    /// If it cannot be written; the old one is then untouched.
    pub fn write_text(&self, text: &str) -> Result<PathBuf, LabError> {
        self.replace(|file| file.write_all(text.as_bytes()))
    }

    fn replace(
        &self,
        fill: impl FnOnce(&mut io::BufWriter<File>) -> io::Result<()>,
    ) -> Result<PathBuf, LabError> {
        let partial = self.partial();
        let write_whole = || {
            let mut file = io::BufWriter::new(File::create(&partial)?);
            fill(&mut file)?;
            file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            fs::rename(&partial, self.path())
        };
        let written = write_whole();
        if written.is_err() {
            // Nothing more can be done about a part that cannot be removed either.
            let _ = fs::remove_file(&partial);
        }
        written.map(|()| self.path()).map_err(|source| self.refused(source))
    }

    fn refused(&self, source: io::Error) -> LabError {
        LabError::Report { path: self.path(), source }
    }
}

/// Machine and program: nothing here changes a figure but the SIMD level.
#[derive(Clone, Debug, Serialize)]
pub struct RunConditions {
    /// The name of the instruction set the kernels used.
    pub simd_level: String,
    /// Those this processor has.
    pub simd_levels_available: Vec<String>,
    /// The runs under way at once.
    pub threads: usize,
    /// How long it took.
    pub seconds: f64,
    /// The version of this program and of the engine's crates, which have the same.
    pub version: String,
    /// The operating system and the processor family.
    pub platform: String,
    /// The processor's name, where the system tells it.
    pub processor: Option<String>,
}

impl RunConditions {
    /// Those of this process.
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

/// What Linux calls the processor.
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

    /// What fails when half of it is written.
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
    fn a_report_is_replaced_and_nothing_else_is_left() {
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
    fn a_write_that_fails_halfway_leaves_the_old_report() {
        let dir = tempfile::tempdir().unwrap();
        let output = Output::new(dir.path(), FILE).unwrap();
        output.write(&"old").unwrap();
        let error = output.write(&Failing).unwrap_err().to_string();
        assert!(error.contains(FILE) && error.contains("the disk is full"), "{error}");
        assert_eq!(fs::read_to_string(output.path()).unwrap(), "\"old\"\n");
        assert_eq!(entries(dir.path()), [FILE]);
    }

    #[test]
    fn a_place_no_report_can_be_put_is_refused_at_once() {
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
