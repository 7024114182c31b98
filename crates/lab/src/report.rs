//! `report.json`: every figure of a run of the grid, and how it is written so that an old report is
//! replaced by a whole new one or not at all.
//!
//! JSON has no NaN and no infinity. Such a figure is `null`, and the list `non_finite` beside it
//! says which it was. A `null` that is not in the list is a figure that does not exist: the dead
//! share of an activation whose units cannot die, the epochs to an accuracy never reached.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;

use serde::Serialize;

mod figures;

pub use figures::{PairReport, Report, RunConditions, SettingsReport};

use crate::error::LabError;

/// The file's name in the output directory.
pub const FILE: &str = "report.json";

/// A directory that reports can be written to.
#[derive(Debug)]
pub struct Output {
    directory: PathBuf,
}

impl Output {
    /// Makes the directory if it is not there, and finds out now whether a file can be made in it,
    /// and not after minutes of work.
    ///
    /// # Errors
    /// If the directory cannot be made or written to.
    pub fn new(directory: &Path) -> Result<Self, LabError> {
        fs::create_dir_all(directory)
            .map_err(|source| LabError::Directory { path: directory.to_owned(), source })?;
        let output = Self { directory: directory.to_owned() };
        if output.report().is_dir() {
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

    /// The report's path.
    pub fn report(&self) -> PathBuf {
        self.directory.join(FILE)
    }

    /// Where a report is until it is whole.
    fn partial(&self) -> PathBuf {
        self.directory.join(format!(".{FILE}.{}.partial", process::id()))
    }

    /// Writes a report beside the old one and puts it in its place.
    ///
    /// # Errors
    /// If it cannot be written; the old one is then untouched.
    pub fn write(&self, report: &impl Serialize) -> Result<PathBuf, LabError> {
        let partial = self.partial();
        let written =
            write_whole(&partial, report).and_then(|()| fs::rename(&partial, self.report()));
        if written.is_err() {
            // Nothing more can be done about a part that cannot be removed either.
            let _ = fs::remove_file(&partial);
        }
        written.map(|()| self.report()).map_err(|source| self.refused(source))
    }

    fn refused(&self, source: io::Error) -> LabError {
        LabError::Report { path: self.report(), source }
    }
}

fn write_whole(path: &Path, report: &impl Serialize) -> io::Result<()> {
    let mut file = io::BufWriter::new(File::create(path)?);
    serde_json::to_writer_pretty(&mut file, report)?;
    file.write_all(b"\n")?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

#[cfg(test)]
mod tests {
    use serde::Serializer;

    use super::*;

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
        let output = Output::new(&out).unwrap();
        assert_eq!(entries(&out), Vec::<String>::new());
        output.write(&[1, 2]).unwrap();
        let path = output.write(&[3]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "[\n  3\n]\n");
        assert_eq!(entries(&out), [FILE]);
    }

    #[test]
    fn a_write_that_fails_halfway_leaves_the_old_report() {
        let dir = tempfile::tempdir().unwrap();
        let output = Output::new(dir.path()).unwrap();
        output.write(&"old").unwrap();
        let error = output.write(&Failing).unwrap_err().to_string();
        assert!(error.contains(FILE) && error.contains("the disk is full"), "{error}");
        assert_eq!(fs::read_to_string(output.report()).unwrap(), "\"old\"\n");
        assert_eq!(entries(dir.path()), [FILE]);
    }

    #[test]
    fn a_place_no_report_can_be_put_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "x").unwrap();
        for path in [file.clone(), file.join("below")] {
            let error = Output::new(&path).unwrap_err().to_string();
            assert!(error.contains(&path.display().to_string()), "{error}");
        }
        let taken = dir.path().join("taken");
        fs::create_dir_all(taken.join(FILE)).unwrap();
        let error = Output::new(&taken).unwrap_err().to_string();
        assert!(error.contains(FILE) && error.contains("directory"), "{error}");
    }
}
