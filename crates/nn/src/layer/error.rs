//! What layers and their builder refuse.

use std::fmt;

use wengert_autodiff::Activation;

use crate::init::{InitError, TheoryError};

/// Why a layer cannot be made, or does not fit the layers before it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// An initializer that cannot be applied.
    #[error(transparent)]
    Init(#[from] InitError),
    /// Sizes or numbers that do not fit each other.
    #[error(transparent)]
    Sizes(#[from] wengert_autodiff::Error),
    /// An activation for which no scheme can be chosen.
    #[error("its activation {activation} gives no scale for the weights: {error}")]
    Activation {
        /// The activation.
        activation: Activation,
        /// Why not.
        error: TheoryError,
    },
    /// A layer that takes another number of features than it is given.
    #[error("takes {takes} features, but the layers before it give {given}; make the two equal")]
    Features {
        /// The number it takes.
        takes: usize,
        /// The number it is given.
        given: usize,
    },
    /// A layer that takes another shape than it is given.
    #[error("takes {takes}, but the layers before it give {given}")]
    Shape {
        /// The shape it takes.
        takes: String,
        /// The shape it is given, without the batch axis; a size that is not known is `_`.
        given: String,
    },
}

/// What [`SequentialBuilder::build`](crate::SequentialBuilder::build) refuses: every layer that
/// cannot be made or does not fit.
#[derive(Clone, Debug, PartialEq)]
pub struct BuildError {
    pub(super) faults: Vec<LayerFault>,
}

/// A layer that a builder refuses.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LayerFault {
    /// The place of the layer, from 0.
    pub layer: usize,
    /// What is wrong with it.
    pub error: LayerError,
}

impl BuildError {
    /// The layers at fault, in order; there is at least one.
    pub fn faults(&self) -> &[LayerFault] {
        &self.faults
    }
}

impl fmt::Display for LayerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { layer, error } = self;
        match error {
            LayerError::Features { .. } | LayerError::Shape { .. } => {
                write!(f, "layer {layer} {error}")
            }
            _ => write!(f, "layer {layer}: {error}"),
        }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.faults.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.faults.first().map(|fault| &fault.error as _)
    }
}

/// Panics with the error's own text, at the caller's line.
#[track_caller]
pub(super) fn expect<T>(result: wengert_autodiff::Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}
