//! [`Anomaly`]: the first operation whose result has a NaN or an infinity.

use std::fmt;
use std::panic::Location;

use crate::shape::{Shape, list};

/// The first operation whose result has a NaN or an infinity. See
/// [`Tape::detect_anomaly`](crate::Tape::detect_anomaly).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Anomaly {
    /// The name of the operation.
    pub op: &'static str,
    /// The shapes of the operands.
    pub inputs: Vec<Shape>,
    /// The source line that recorded the operation.
    pub recorded_at: &'static Location<'static>,
    /// The pass in which the value was found.
    pub pass: Pass,
    /// The first element that is not finite.
    pub value: f64,
    /// The row-major position of that element in the output (forward pass) or in the cotangent of
    /// the operand (backward pass).
    pub element: usize,
    /// Whether the arguments of the operation were finite: its operands in the forward pass, the
    /// cotangent of its output in the backward pass. If they were not, the cause lies elsewhere.
    pub given_finite: bool,
}

/// The pass in which an [`Anomaly`] was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// The forward pass: the value of the operation is not finite.
    Forward,
    /// The backward pass: the cotangent of an operand is not finite.
    Backward {
        /// The number of the operand.
        operand: usize,
    },
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Anomaly { op, inputs, recorded_at, value, element, .. } = self;
        write!(f, "{op} recorded at {recorded_at}, with operands of shape {}: ", list(inputs))?;
        match self.pass {
            Pass::Forward => write!(f, "element {element} of its value is {value}")?,
            Pass::Backward { operand } => {
                write!(f, "element {element} of the gradient of operand {operand} is {value}")?;
            }
        }
        f.write_str(match (self.pass, self.given_finite) {
            (Pass::Forward, true) => "; all operands were finite",
            (Pass::Forward, false) => "; an operand was already not finite",
            (Pass::Backward { .. }, true) => "; the gradient of the output was finite",
            (Pass::Backward { .. }, false) => "; the gradient of the output was already not finite",
        })
    }
}
