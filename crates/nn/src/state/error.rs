//! Errors of saved states.

use wengert_autodiff::Shape;

/// Why a state cannot be loaded. `Display` is the second half of a sentence, before which the
/// caller writes the name of the file.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// An entry that is needed does not exist.
    #[error("there is no {name:?}")]
    Missing {
        /// The entry.
        name: String,
    },
    /// An entry that the loaded object does not have.
    #[error("{name:?} is not part of what is being loaded")]
    Unexpected {
        /// The entry.
        name: String,
    },
    /// A tensor with another shape than expected.
    #[error("{name:?} has shape {found}, where {expected} was expected")]
    Shape {
        /// The entry.
        name: String,
        /// The shape of what is being loaded.
        expected: Shape,
        /// The shape of the saved tensor.
        found: Shape,
    },
    /// An entry with another type than expected.
    #[error("{name:?} holds {found}, where {expected} was expected")]
    Type {
        /// The entry.
        name: String,
        /// The expected type.
        expected: &'static str,
        /// The type of the entry.
        found: String,
    },
    /// The state of another kind of object.
    #[error("it is the state of {found}, but a state of {expected} was expected")]
    Kind {
        /// The kind that is being loaded.
        expected: String,
        /// The kind that was saved.
        found: String,
    },
    /// A value that is invalid for the loaded object.
    #[error("{name:?} cannot be used: {message}")]
    Content {
        /// The entry.
        name: String,
        /// What is wrong, and what would be right.
        message: String,
    },
    /// A tensor for which there is no memory.
    #[error("{name:?} needs {bytes} bytes, more than there is memory for")]
    Memory {
        /// The entry.
        name: String,
        /// The bytes needed.
        bytes: usize,
    },
    /// A tensor that cannot be read from its file.
    #[error("{name:?} cannot be read ({message})")]
    Io {
        /// The entry.
        name: String,
        /// The error of the operating system.
        message: String,
    },
}

impl StateError {
    /// Adds the name of a part to the name of the entry.
    pub(crate) fn within(mut self, part: &str) -> Self {
        match &mut self {
            Self::Missing { name }
            | Self::Unexpected { name }
            | Self::Shape { name, .. }
            | Self::Type { name, .. }
            | Self::Content { name, .. }
            | Self::Memory { name, .. }
            | Self::Io { name, .. } => *name = format!("{part}/{name}"),
            Self::Kind { .. } => {}
        }
        self
    }
}
