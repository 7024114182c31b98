//! [`InitError`]: an initializer that cannot be applied.

use wengert_autodiff::Shape;

use super::Init;

/// Why an initializer cannot be applied.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// A scheme that scales with the fan, for a shape that has none.
    #[error(
        "{init:?} scales with the fan, and a parameter of shape {shape} has none; a shape of at least two axes, [out, in, ..], is needed"
    )]
    NoFan {
        /// The scheme.
        init: Init,
        /// The parameter's shape.
        shape: Shape,
    },
    /// A scheme that is not defined for the shape.
    #[error("{init:?} needs {needs}, got the shape {shape}")]
    Shape {
        /// The scheme.
        init: Init,
        /// The parameter's shape.
        shape: Shape,
        /// The shapes for which the scheme is defined.
        needs: &'static str,
    },
    /// Advice for one model, applied to another.
    #[error(
        "the advice is for another model: {why}; apply it to the one it was computed for, or ask for advice again"
    )]
    OtherModel {
        /// How the model differs.
        why: String,
    },
    /// A number of the scheme that is outside its domain.
    #[error("{init:?}: {why}")]
    Number {
        /// The scheme.
        init: Init,
        /// The numbers that are allowed.
        why: &'static str,
    },
    /// A size beyond the address space, or a tensor for which there is no memory.
    #[error(transparent)]
    Size(#[from] wengert_autodiff::Error),
}

impl InitError {
    /// Adds the name of the layer that the caller creates to an error about a tensor's size;
    /// returns other errors unchanged.
    pub(crate) fn of_layer(self, layer: &'static str) -> Self {
        match self {
            Self::Size(error) => Self::Size(error.in_name_of(layer)),
            other => other,
        }
    }
}
