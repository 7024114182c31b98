//! The one error type of this crate.

use crate::anomaly::Anomaly;
use crate::shape::{Shape, list};

/// What can go wrong with tensors, variables and gradients.
///
/// Every message states what was asked for, what was given and what would be right.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operands' shapes do not fit the operation.
    #[error("{op}: expected {expected}, got {}", list(got))]
    Shapes {
        /// The operation.
        op: &'static str,
        /// What would have been right.
        expected: String,
        /// The operands' shapes.
        got: Vec<Shape>,
    },
    /// A number of operands the operation does not take.
    #[error("{op} takes {expected} operands, got {got}")]
    Arity {
        /// The operation.
        op: &'static str,
        /// The number it takes.
        expected: usize,
        /// The number it was given.
        got: usize,
    },
    /// Data that does not fill the shape.
    #[error("a tensor of shape {shape} holds {} elements, got {got}", shape.numel())]
    Length {
        /// The shape asked for.
        shape: Shape,
        /// The number of elements given.
        got: usize,
    },
    /// A shape whose element count or byte size does not fit the address space.
    #[error("{op}: the shape {shape} is too large for this machine's addresses")]
    TooLarge {
        /// The operation, or what was to be made.
        op: &'static str,
        /// The shape asked for.
        shape: Shape,
    },
    /// A tensor that there is no memory for: the system refuses the allocation, or the limit of the
    /// tape does ([`Tape::set_memory_limit`](crate::Tape::set_memory_limit)).
    #[error("{op}: a tensor of shape {shape} needs {bytes} bytes, more than {}", most(*limit))]
    OutOfMemory {
        /// The operation, or what was to be made.
        op: &'static str,
        /// The shape of the tensor.
        shape: Shape,
        /// The bytes asked for.
        bytes: usize,
        /// The tape's limit, if that refused them.
        limit: Option<usize>,
    },
    /// An axis the tensor does not have.
    #[error("{op}: axis {axis} does not exist in a tensor of rank {rank}; {}", axes(*rank))]
    Axis {
        /// The operation.
        op: &'static str,
        /// The axis asked for.
        axis: isize,
        /// The tensor's rank.
        rank: usize,
    },
    /// An argument outside its domain.
    #[error("{op}: {message}")]
    Argument {
        /// The operation.
        op: &'static str,
        /// What was asked and what would be right.
        message: String,
    },
    /// A class label that is not below the number of classes.
    #[error("{op}: the label {label} of row {row} is not among the {classes} classes 0..{classes}")]
    Label {
        /// The operation.
        op: &'static str,
        /// The row.
        row: usize,
        /// Its label.
        label: usize,
        /// The number of classes.
        classes: usize,
    },
    /// An index that is no position along the axis it is for.
    #[error(
        "{op}: the index {index} at {place} is no position of an axis of size {size} (0..{size})"
    )]
    Index {
        /// The operation.
        op: &'static str,
        /// Its place in the [`Index`](crate::Index).
        place: Shape,
        /// The index.
        index: usize,
        /// The size of the axis.
        size: usize,
    },
    /// A gradient of something that is not a single number.
    #[error(
        "{op}: only a single number has a gradient, the output has shape {shape}; reduce it first (sum, mean) or give a cotangent"
    )]
    NotScalar {
        /// The operation.
        op: &'static str,
        /// The output's shape.
        shape: Shape,
    },
    /// A gradient with respect to something that cannot have one.
    #[error("no gradient: {reason}")]
    NoGradient {
        /// Why.
        reason: &'static str,
    },
    /// Variables of different tapes in one operation.
    #[error("{op}: the operands belong to different tapes")]
    DifferentTapes {
        /// The operation.
        op: &'static str,
    },
    /// An operation gave a NaN or an infinity, and the tape checks for them
    /// ([`Tape::detect_anomaly`](crate::Tape::detect_anomaly)).
    #[error("{0}")]
    Anomaly(Box<Anomaly>),
    /// A variable whose value is no longer on the tape.
    #[error("{op}: the value of a variable is no longer on the tape: {reason}")]
    Released {
        /// The operation.
        op: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// An error of a layer inside a network.
    #[error("layer {path}: {error}")]
    InLayer {
        /// The path of the layer in the network, such as `encoder.2`.
        path: String,
        /// The error of the layer.
        error: Box<Error>,
    },
}

/// The bound that an allocation exceeds, for the message.
fn most(limit: Option<usize>) -> String {
    limit.map_or_else(
        || "the system gives".to_owned(),
        |limit| format!("is left of the tape's memory limit of {limit} bytes"),
    )
}

impl Error {
    /// The same error in the name of another operation: for a function that is composed of others,
    /// and whose callers do not know these. An error that names no operation stays as it is, and so
    /// does an [`Anomaly`](Self::Anomaly), which is about the operation that it names.
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// let error = Tensor::<f32>::try_full([1 << 40, 1 << 40], 0.0).unwrap_err();
    /// assert!(error.to_string().starts_with("tensor: the shape"));
    /// assert!(error.in_name_of("table").to_string().starts_with("table: the shape"));
    /// ```
    #[cold]
    #[must_use]
    pub fn in_name_of(mut self, name: &'static str) -> Self {
        match &mut self {
            Error::Shapes { op, .. }
            | Error::Arity { op, .. }
            | Error::TooLarge { op, .. }
            | Error::OutOfMemory { op, .. }
            | Error::Axis { op, .. }
            | Error::Argument { op, .. }
            | Error::Label { op, .. }
            | Error::Index { op, .. }
            | Error::NotScalar { op, .. }
            | Error::DifferentTapes { op }
            | Error::Released { op, .. } => *op = name,
            Error::InLayer { error, .. } => **error = error.clone().in_name_of(name),
            Error::Length { .. } | Error::NoGradient { .. } | Error::Anomaly(_) => {}
        }
        self
    }

    /// This error as that of a part of a network: its name comes before the path that the error
    /// already has.
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// let error = Tensor::<f32>::ones([2, 3]).try_matmul(&Tensor::ones([2, 3])).unwrap_err();
    /// let error = error.in_layer("2").in_layer("encoder");
    /// assert!(error.to_string().starts_with("layer encoder.2: matmul: expected"));
    /// ```
    #[cold]
    #[must_use]
    pub fn in_layer(self, name: &str) -> Self {
        match self {
            Error::InLayer { path, error } => {
                Error::InLayer { path: format!("{name}.{path}"), error }
            }
            error => Error::InLayer { path: name.to_owned(), error: Box::new(error) },
        }
    }

    /// The same error with the name of the operation that ran out of memory for a tensor of its
    /// own.
    #[cold]
    pub(crate) fn of_op(mut self, name: &'static str) -> Self {
        if let Error::OutOfMemory { op, .. } = &mut self
            && *op == "tensor"
        {
            *op = name;
        }
        self
    }
}

/// The result of a fallible operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Unwraps the result of a fallible entry for the method sugar: panics with the error's own text,
/// at the caller's line.
#[track_caller]
pub(crate) fn expect<T>(result: Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

/// The range of axis numbers, for the message.
fn axes(rank: usize) -> String {
    if rank == 0 {
        "it has none".to_owned()
    } else {
        format!("axes run from -{rank} to {}", rank - 1)
    }
}
