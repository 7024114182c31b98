//! What is wrong with a saved state.

use wengert_autodiff::Shape;

/// Why a state cannot be loaded. `Display` is the middle of a sentence: whoever has a file puts its
/// name before it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// An entry that the object needs.
    #[error("there is no {name:?}")]
    Missing {
        /// The entry.
        name: String,
    },
    /// An entry that the object does not know.
    #[error("{name:?} is not part of what is being loaded")]
    Unexpected {
        /// The entry.
        name: String,
    },
    /// A tensor of another shape.
    #[error("{name:?} has shape {found}, where {expected} was expected")]
    Shape {
        /// The entry.
        name: String,
        /// The shape of what is being loaded.
        expected: Shape,
        /// The shape of the saved tensor.
        found: Shape,
    },
    /// An entry of another type.
    #[error("{name:?} holds {found}, where {expected} was expected")]
    Type {
        /// The entry.
        name: String,
        /// What would have been right.
        expected: &'static str,
        /// What the entry holds.
        found: String,
    },
    /// The state of another kind of object.
    #[error("it is the state of {found}, where that of {expected} was expected")]
    Kind {
        /// The kind that is being loaded.
        expected: String,
        /// The kind that was saved.
        found: String,
    },
    /// A value that the object cannot have.
    #[error("{name:?} cannot be used: {message}")]
    Content {
        /// The entry.
        name: String,
        /// What is wrong, and what would be right.
        message: String,
    },
    /// A tensor that there is no memory for.
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
        /// What the system says.
        message: String,
    },
}

impl StateError {
    /// The same error, of an entry of a part.
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
