//! [`Anomaly`]: the first operation that gave a NaN or an infinity, and how it is found.

use std::fmt;
use std::panic::Location;

use crate::shape::{Shape, list};

/// The first operation that gave a NaN or an infinity; see
/// [`Tape::detect_anomaly`](crate::Tape::detect_anomaly).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Anomaly {
    /// The operation's name.
    pub op: &'static str,
    /// Its operands' shapes.
    pub inputs: Vec<Shape>,
    /// The source line that recorded it.
    pub recorded_at: &'static Location<'static>,
    /// Which pass found it.
    pub pass: Pass,
    /// The first value that is not finite.
    pub value: f64,
    /// Its place (row-major) in the output, or in the operand's cotangent.
    pub element: usize,
    /// Whether what the operation was given was finite: the operands in the forward pass, the
    /// output's cotangent on the walk back. If not, it only passed on what came from outside.
    pub given_finite: bool,
}

/// Which pass an [`Anomaly`] was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// The operation's value.
    Forward,
    /// The cotangent of the operand in this place.
    Backward {
        /// The operand's place.
        operand: usize,
    },
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Anomaly { op, inputs, recorded_at, value, element, .. } = self;
        write!(f, "{op} recorded at {recorded_at}, of operands of shape {}: ", list(inputs))?;
        let given = match self.pass {
            Pass::Forward => {
                write!(f, "element {element} of its value is {value}")?;
                "operands"
            }
            Pass::Backward { operand } => {
                write!(f, "element {element} of the gradient of operand {operand} is {value}")?;
                "cotangent"
            }
        };
        let finite = if self.given_finite { "finite" } else { "not finite already" };
        write!(f, "; its {given} {} {finite}", if given == "operands" { "were" } else { "was" })
    }
}
