//! [`InitError`]: why an initializer cannot be applied.

use wengert_autodiff::Shape;

use super::Init;

/// Why an initializer cannot be applied.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// A scheme that scales with the number of connections, for a shape that has none.
    #[error(
        "{init:?} scales with the fan, and a parameter of shape {shape} has none; it needs at least two axes, [out, in, ..]"
    )]
    NoFan {
        /// The scheme.
        init: Init,
        /// The parameter's shape.
        shape: Shape,
    },
    /// A scheme for parameters of other shapes.
    #[error("{init:?} needs {needs}, got the shape {shape}")]
    Shape {
        /// The scheme.
        init: Init,
        /// The parameter's shape.
        shape: Shape,
        /// What would be right.
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
        /// What would be right.
        why: &'static str,
    },
    /// A size that does not fit the address space, or a tensor there is no memory for.
    #[error(transparent)]
    Size(#[from] wengert_autodiff::Error),
}
