//! What layers and their builder refuse.

use wengert_autodiff::Activation;

use crate::init::{InitError, TheoryError};

/// Why a layer cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// An initializer that cannot be applied.
    #[error(transparent)]
    Init(#[from] InitError),
    /// Sizes or numbers that do not fit each other.
    #[error(transparent)]
    Sizes(#[from] wengert_autodiff::Error),
}

/// What [`SequentialBuilder::build`](crate::SequentialBuilder::build) refuses.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A layer that takes another number of features than come in.
    #[error(
        "layer {layer} takes {takes} features, but the layers before it give {given}; make the two equal"
    )]
    Features {
        /// The layer's number, from 0.
        layer: usize,
        /// How many it takes.
        takes: usize,
        /// How many come in.
        given: usize,
    },
    /// A layer that takes another shape than comes in.
    #[error("layer {layer} takes {takes}, but the layers before it give {given}")]
    Shape {
        /// The layer's number, from 0.
        layer: usize,
        /// The shape it takes.
        takes: String,
        /// The shape that comes in, without the batch; a size that is not known is `_`.
        given: String,
    },
    /// An initializer that cannot be applied.
    #[error("layer {layer}: {error}")]
    Init {
        /// The layer's number, from 0.
        layer: usize,
        /// Why not.
        error: InitError,
    },
    /// Sizes or numbers of a layer that do not fit each other or what comes in.
    #[error("layer {layer}: {error}")]
    Sizes {
        /// The layer's number, from 0.
        layer: usize,
        /// Why not.
        error: wengert_autodiff::Error,
    },
    /// An activation for which no scheme can be chosen.
    #[error("layer {layer}: its activation {activation} gives no scale for the weights: {error}")]
    Activation {
        /// The layer's number, from 0.
        layer: usize,
        /// The activation.
        activation: Activation,
        /// Why not.
        error: TheoryError,
    },
}

/// Panics with the error's own text, at the caller's line.
#[track_caller]
pub(super) fn expect<T>(result: wengert_autodiff::Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

impl BuildError {
    /// The error of a layer's making.
    pub(super) fn of(layer: usize, error: LayerError) -> Self {
        match error {
            LayerError::Init(error) => BuildError::Init { layer, error },
            LayerError::Sizes(error) => BuildError::Sizes { layer, error },
        }
    }
}
