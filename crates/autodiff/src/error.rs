//! [`Error`]: the error type of this crate.

use crate::anomaly::Anomaly;
use crate::shape::{Shape, list};

/// An error of an operation on tensors, variables or gradients.
///
/// Every message states what was asked for, what was given, and what would be right.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The shapes of the operands do not fit the operation.
    #[error("{op}: expected {expected}, got {}", list(got))]
    Shapes {
        /// The operation.
        op: &'static str,
        /// The shapes that would be right.
        expected: String,
        /// The shapes that were given.
        got: Vec<Shape>,
    },
    /// The number of operands does not fit the operation.
    #[error("{op} takes {expected} operands, got {got}")]
    Arity {
        /// The operation.
        op: &'static str,
        /// The number of operands that the operation takes.
        expected: usize,
        /// The number of operands that were given.
        got: usize,
    },
    /// The length of the data is not the number of elements of the shape.
    #[error("a tensor of shape {shape} holds {} elements, got {got}", shape.numel())]
    Length {
        /// The requested shape.
        shape: Shape,
        /// The number of elements that were given.
        got: usize,
    },
    /// The element count or byte size of a shape does not fit the address space.
    #[error("{op}: the shape {shape} is too large for the address space of this machine")]
    TooLarge {
        /// The operation, or the kind of object that was to be created.
        op: &'static str,
        /// The requested shape.
        shape: Shape,
    },
    /// There is no memory for a tensor: the system refused the allocation, or it would exceed the
    /// memory limit of the tape ([`Tape::set_memory_limit`](crate::Tape::set_memory_limit)).
    #[error("{op}: a tensor of shape {shape} needs {bytes} bytes, more than {}", most(*limit))]
    OutOfMemory {
        /// The operation, or the kind of object that was to be created.
        op: &'static str,
        /// The shape of the tensor.
        shape: Shape,
        /// The requested number of bytes.
        bytes: usize,
        /// The memory limit of the tape, if the limit is the reason.
        limit: Option<usize>,
    },
    /// The tensor does not have the requested axis.
    #[error("{op}: axis {axis} does not exist in a tensor of rank {rank}; {}", axes(*rank))]
    Axis {
        /// The operation.
        op: &'static str,
        /// The requested axis.
        axis: isize,
        /// The tensor's rank.
        rank: usize,
    },
    /// An argument is outside its domain.
    #[error("{op}: {message}")]
    Argument {
        /// The operation.
        op: &'static str,
        /// What was given, and what would be right.
        message: String,
    },
    /// A class label is not below the number of classes.
    #[error("{op}: the label {label} of row {row} is not among the {classes} classes 0..{classes}")]
    Label {
        /// The operation.
        op: &'static str,
        /// The row.
        row: usize,
        /// The label of that row.
        label: usize,
        /// The number of classes.
        classes: usize,
    },
    /// A number of an index is not a position along its axis.
    #[error(
        "{op}: the index {index} at {place} is not a position on an axis of size {size} (0..{size})"
    )]
    Index {
        /// The operation.
        op: &'static str,
        /// The place of the number in the [`Index`](crate::Index).
        place: Shape,
        /// The number.
        index: usize,
        /// The size of the axis.
        size: usize,
    },
    /// The gradient of a variable that does not have exactly one element was requested.
    #[error(
        "{op}: the output must have exactly one element, but has the shape {shape}; reduce it first (`sum`, `mean`), or call `grad` with a cotangent"
    )]
    NotScalar {
        /// The operation.
        op: &'static str,
        /// The output's shape.
        shape: Shape,
    },
    /// The requested gradient does not exist.
    #[error("no gradient: {reason}")]
    NoGradient {
        /// The reason.
        reason: &'static str,
    },
    /// The variables of one operation are on different tapes.
    #[error("{op}: the operands belong to different tapes")]
    DifferentTapes {
        /// The operation.
        op: &'static str,
    },
    /// The result of an operation has a NaN or an infinity, and the tape checks for them
    /// ([`Tape::detect_anomaly`](crate::Tape::detect_anomaly)).
    #[error("{0}")]
    Anomaly(Box<Anomaly>),
    /// The value of a variable is no longer on the tape.
    #[error("{op}: the value of a variable is no longer on the tape: {reason}")]
    Released {
        /// The operation.
        op: &'static str,
        /// The reason.
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
        || "the system can allocate".to_owned(),
        |limit| format!("is left of the tape's memory limit of {limit} bytes"),
    )
}

impl Error {
    /// This error with the name of another operation: for a function that is composed of operations
    /// that its callers do not know. An error without an operation's name does not change, and
    /// neither does an [`Anomaly`](Self::Anomaly), which is about the operation that it names.
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

    /// This error with the name of the operation, if it is that of an allocation inside the
    /// operation.
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

/// Unwraps the result of a fallible function for a method that panics: the message is the text of
/// the error, and the location is that of the caller.
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
