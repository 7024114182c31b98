//! Errors of layers and of their builder.

use std::fmt;

use wengert_autodiff::Activation;

use crate::init::{InitError, TheoryError};

/// An error of a layer: it cannot be built, or does not accept the shape of its input.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// An initializer that cannot be applied to a parameter of the layer.
    #[error(transparent)]
    Init(#[from] InitError),
    /// Invalid or inconsistent sizes and options.
    #[error(transparent)]
    Sizes(#[from] wengert_autodiff::Error),
    /// An activation without a gain, in a layer without an initializer.
    #[error(
        "no initializer is given, and the scale of the weights cannot be computed for the activation {activation}: {error}"
    )]
    Activation {
        /// The activation.
        activation: Activation,
        /// The error of the gain.
        error: TheoryError,
    },
    /// A layer whose number of input features differs from that of the layers before it.
    #[error("takes {takes} features, but the layers before it give {given}; make the two equal")]
    Features {
        /// The number of features that the layer takes.
        takes: usize,
        /// The number of features of its input.
        given: usize,
    },
    /// A layer that does not accept the shape of the layers before it.
    #[error("takes {takes}, but the layers before it give {given}")]
    Shape {
        /// The shape that the layer takes.
        takes: String,
        /// The shape of its input, without the batch axis; an unknown size is `_`.
        given: String,
    },
}

/// The error of [`SequentialBuilder::build`](crate::SequentialBuilder::build): all layers that
/// cannot be built or do not accept their input.
#[derive(Clone, Debug, PartialEq)]
pub struct BuildError {
    pub(super) faults: Vec<LayerFault>,
}

/// A layer at fault, with its error.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LayerFault {
    /// The index of the layer, from 0.
    pub layer: usize,
    /// The error of the layer.
    pub error: LayerError,
}

impl BuildError {
    /// The layers at fault, in order; at least one.
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
