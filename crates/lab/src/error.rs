//! [`LabError`]: errors that end a run. `Display` is one sentence.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use rayon::ThreadPoolBuildError;
use wengert::data::DataError;
use wengert::kernels::simd::LevelError;

/// An error of an experiment.
pub type Failure = Box<dyn Error + Send + Sync>;

/// An error of the lab.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// A data file that cannot be read.
    #[error("{0}")]
    Data(#[from] DataError),
    /// `WENGERT_SIMD` names no instruction set of this processor.
    #[error("WENGERT_SIMD: {0}")]
    Level(#[from] LevelError),
    /// The output directory cannot be created.
    #[error("the directory `{}` for the report cannot be created: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The report cannot be written.
    #[error("`{}` cannot be written: {source}", path.display())]
    Report {
        /// The report.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The table cannot be printed.
    #[error("the table cannot be printed: {0}")]
    Print(io::Error),
    /// An experiment failed.
    #[error("the experiment on claim {claim} failed: {source}")]
    Experiment {
        /// The claim.
        claim: &'static str,
        /// The error.
        source: Failure,
    },
    /// An argument that is invalid, or a request that cannot be computed.
    #[error("{0}")]
    Request(String),
    /// The page cannot be rendered.
    #[error("the page of the report cannot be rendered: {0}")]
    Page(#[from] minijinja::Error),
    /// The system does not start a thread.
    #[error("a thread cannot be started: {0}; reduce the number with --threads")]
    Threads(#[from] ThreadPoolBuildError),
}

impl LabError {
    /// A request that the engine refuses, with the text of its error.
    pub(crate) fn request(error: impl std::fmt::Display) -> Self {
        Self::Request(error.to_string())
    }
}
