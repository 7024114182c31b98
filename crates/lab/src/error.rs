//! What can stop a run. `Display` is one sentence.

use std::io;
use std::path::PathBuf;

use crate::course::Failure;
use rayon::ThreadPoolBuildError;
use wengert::data::DataError;
use wengert::kernels::simd::LevelError;

/// Why the lab could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// A data file is not what it should be.
    #[error("{0}")]
    Data(#[from] DataError),
    /// `WENGERT_SIMD` names no level this processor has.
    #[error("WENGERT_SIMD: {0}")]
    Level(#[from] LevelError),
    /// The output directory cannot be made.
    #[error("the directory `{}` for the report cannot be made: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The report cannot be written.
    #[error("`{}` cannot be written: {source}", path.display())]
    Report {
        /// The report.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The table cannot be printed.
    #[error("the table cannot be printed: {0}")]
    Print(io::Error),
    /// An experiment cannot be carried out.
    #[error("the experiment on {claim} cannot be carried out: {source}")]
    Experiment {
        /// The claim.
        claim: &'static str,
        /// Why not.
        source: Failure,
    },
    /// What was asked for does not exist or cannot be computed.
    #[error("{0}")]
    Asked(String),
    /// The page cannot be made.
    #[error("the report's page cannot be made: {0}")]
    Page(#[from] minijinja::Error),
    /// The system refuses a thread.
    #[error("a thread cannot be started: {0}; fewer can be asked for with --threads")]
    Threads(#[from] ThreadPoolBuildError),
}
