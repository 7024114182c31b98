//! What can go wrong with a checkpoint file.

use std::io;
use std::path::{Path, PathBuf};

use super::LoadReport;
use crate::state::StateError;

/// Why a file cannot be saved or loaded. `Display` is one sentence that names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The operating system refuses to read or write the file.
    #[error("`{}` cannot be {verb}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// `read` or `written`, for the message.
        verb: &'static str,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A directory, a pipe or a device where a file belongs.
    #[error("`{}` is {found}; a safetensors file was expected", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// The kind of object at the path, such as `a directory`.
        found: &'static str,
    },
    /// A file that is not a safetensors file, or one that is damaged.
    #[error("`{}` is not a valid safetensors file: {message}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what would be right.
        message: String,
    },
    /// A file written in a later version of the layout.
    #[error(
        "`{}` was written in version {found} of the checkpoint layout, but this program reads only versions up to {known}",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The version of the file.
        found: u64,
        /// The latest version that can be read.
        known: u64,
    },
    /// A saved state that does not fit the object that is being loaded.
    #[error("`{}` does not fit: {source}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        source: Box<StateError>,
    },
    /// A model whose parameters and buffers are not those of the file.
    #[error("`{}` does not fit the model: {report}", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        report: Box<LoadReport>,
    },
    /// A file without any of the parts of a training run other than the model.
    #[error(
        "`{}` has a model and no other part of a training run (expected: {}): load it with \
         `load_model`, or give the file that a `Checkpoint` wrote",
        path.display(),
        parts.join(", ")
    )]
    ModelOnly {
        /// The file.
        path: PathBuf,
        /// The names of the parts that were to be loaded.
        parts: Vec<String>,
    },
    /// Two parts, or a part and an entry of the model, that would have the same name in the file.
    #[error("`{}` was not written: two of its entries would be named {name:?}", path.display())]
    Repeated {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
}

impl CheckpointError {
    pub(super) fn io(path: &Path, verb: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, verb, source }
    }

    pub(super) fn state(path: &Path) -> impl FnOnce(StateError) -> Self {
        let path = path.to_path_buf();
        move |source| Self::State { path, source: Box::new(source) }
    }

    pub(super) fn damaged(path: &Path, message: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_path_buf(), message: message.into() }
    }
}
