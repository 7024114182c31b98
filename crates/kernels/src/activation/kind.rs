//! [`Activation`]: which function, with its numbers.

use std::fmt;

use crate::Float;
use crate::threads::Cost;

/// An activation function.
///
/// ```
/// use wengert_kernels::activation::{self, Activation};
/// let mut y = [0.0_f32; 2];
/// activation::forward(Activation::leaky_relu(0.125)?, &[-1.0, 2.0], &mut y);
/// assert_eq!(y, [-0.125, 2.0]);
/// # Ok::<(), activation::ActivationError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Activation {
    /// `x`.
    #[default]
    Identity,
    /// `1 / (1 + e^-x)`.
    Logistic,
    /// `tanh x`.
    Tanh,
    /// `max(x, 0)`; the derivative at zero is 0.
    Relu,
    /// `x` for positive `x`, else `slope * x`; the derivative at zero is the slope.
    LeakyRelu {
        /// The slope for negative arguments, in `[0, 1)`.
        slope: f64,
    },
    /// `min(max(x, 0), 6)`; the derivative at 0 and 6 is 0.
    Relu6,
    /// `x` for positive `x`, else `alpha (e^x - 1)`.
    Elu {
        /// The limit at negative infinity is minus this; finite.
        alpha: f64,
    },
    /// `scale x` for positive `x`, else `scale alpha (e^x - 1)`, with the scale 1.0507... and the
    /// alpha 1.6732... of self-normalizing networks.
    Selu,
    /// `x` for positive `x`, else `alpha (e^(x / alpha) - 1)`.
    Celu {
        /// The limit at negative infinity is minus this; positive.
        alpha: f64,
    },
    /// `x Phi(x)`, with the standard normal distribution `Phi`.
    Gelu,
    /// `x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`, an approximation of gelu.
    GeluTanh,
    /// `x / (1 + e^-x)`.
    Silu,
    /// `x tanh(ln(1 + e^x))`.
    Mish,
    /// `ln(1 + e^(beta x)) / beta`.
    Softplus {
        /// The sharpness of the bend; positive.
        beta: f64,
    },
    /// `x / (1 + |x|)`.
    Softsign,
    /// `min(max(x + 3, 0), 6) / 6`.
    HardSigmoid,
    /// `x min(max(x + 3, 0), 6) / 6`.
    HardSwish,
    /// `min(max(x, min), max)`.
    HardTanh {
        /// The least value.
        min: f64,
        /// The largest value, above the least.
        max: f64,
    },
    /// `ln(1 / (1 + e^-x))`.
    LogSigmoid,
    /// `x - lambda` beyond `lambda`, `x + lambda` below `-lambda`, else 0.
    Softshrink {
        /// The half-width of what becomes zero; not negative.
        lambda: f64,
    },
    /// `x - tanh x`.
    Tanhshrink,
}

/// A number of an activation outside its domain.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("the activation {activation} was asked for, but {needs}")]
pub struct ActivationError {
    /// What was asked for.
    pub activation: Activation,
    /// What would be right.
    pub needs: &'static str,
}

/// What an activation's [`backward`](super::backward) wants to see again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// The function's output.
    Output,
    /// The function's input.
    Input,
}

impl Activation {
    /// One of each, with customary numbers.
    pub const ALL: [Self; 21] = [
        Self::Identity,
        Self::Logistic,
        Self::Tanh,
        Self::Relu,
        Self::LeakyRelu { slope: 0.01 },
        Self::Relu6,
        Self::Elu { alpha: 1.0 },
        Self::Selu,
        Self::Celu { alpha: 1.0 },
        Self::Gelu,
        Self::GeluTanh,
        Self::Silu,
        Self::Mish,
        Self::Softplus { beta: 1.0 },
        Self::Softsign,
        Self::HardSigmoid,
        Self::HardSwish,
        Self::HardTanh { min: -1.0, max: 1.0 },
        Self::LogSigmoid,
        Self::Softshrink { lambda: 0.5 },
        Self::Tanhshrink,
    ];

    /// A leaky rectifier.
    ///
    /// # Errors
    /// If the slope is not in `[0, 1)`.
    pub fn leaky_relu(slope: f64) -> Result<Self, ActivationError> {
        let activation = Self::LeakyRelu { slope };
        activation.check().map(|()| activation)
    }

    /// Whether the activation's numbers lie in their domains.
    ///
    /// # Errors
    /// If not; the error says what would be right.
    pub fn check(&self) -> Result<(), ActivationError> {
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let (fine, needs) = match *self {
            Self::LeakyRelu { slope } => (
                (0.0..1.0).contains(&slope),
                "its slope must be at least 0 and below 1: its derivative is told from its output",
            ),
            Self::Elu { alpha } => (alpha.is_finite(), "its alpha must be finite"),
            Self::Celu { alpha } => (positive(alpha), "its alpha must be positive and finite"),
            Self::Softplus { beta } => (positive(beta), "its beta must be positive and finite"),
            Self::HardTanh { min, max } => (min < max, "its least value must be below its largest"),
            Self::Softshrink { lambda } => {
                (lambda.is_finite() && lambda >= 0.0, "its lambda must be finite and not negative")
            }
            _ => (true, ""),
        };
        if fine { Ok(()) } else { Err(ActivationError { activation: *self, needs }) }
    }

    /// The same with its numbers rounded to the element type.
    fn rounded<E: Float>(self) -> Self {
        let round = |number: f64| E::from_f64(number).to_f64();
        match self {
            Self::LeakyRelu { slope } => Self::LeakyRelu { slope: round(slope) },
            Self::Elu { alpha } => Self::Elu { alpha: round(alpha) },
            Self::Celu { alpha } => Self::Celu { alpha: round(alpha) },
            Self::Softplus { beta } => Self::Softplus { beta: round(beta) },
            Self::HardTanh { min, max } => Self::HardTanh { min: round(min), max: round(max) },
            Self::Softshrink { lambda } => Self::Softshrink { lambda: round(lambda) },
            other => other,
        }
    }

    /// As [`check`](Self::check), of what the numbers are in an element type: a `beta` of `1e-50` is
    /// zero in `f32`.
    ///
    /// # Errors
    /// If they are not in their domains; the error says what would be right.
    pub fn check_in<E: Float>(&self) -> Result<(), ActivationError> {
        self.check()?;
        self.rounded::<E>().check().map_err(|error| ActivationError { activation: *self, ..error })
    }

    /// The simplest activation that is the same function: a leaky rectifier without a slope is a
    /// rectifier, also at infinity.
    pub(crate) fn simplest(self) -> Self {
        match self {
            Self::LeakyRelu { slope: 0.0 } => Self::Relu,
            other => other,
        }
    }

    /// What [`backward`](super::backward) takes as `saved`.
    ///
    /// The derivatives of the saturating functions cannot be told from their rounded output with any
    /// accuracy, so those save their input.
    pub fn saves(&self) -> Saved {
        match self {
            Self::Identity | Self::Relu | Self::LeakyRelu { .. } | Self::Relu6 => Saved::Output,
            _ => Saved::Input,
        }
    }

    /// Where the function has no derivative, so that one was chosen.
    pub fn kinks(&self) -> Vec<f64> {
        match *self {
            Self::Relu | Self::LeakyRelu { .. } | Self::Selu => vec![0.0],
            Self::Elu { alpha } if alpha != 1.0 => vec![0.0],
            Self::Relu6 => vec![0.0, 6.0],
            Self::HardSigmoid | Self::HardSwish => vec![-3.0, 3.0],
            Self::HardTanh { min, max } => vec![min, max],
            Self::Softshrink { lambda } => vec![-lambda, lambda],
            _ => Vec::new(),
        }
    }

    /// The name, without the numbers: that of the operation.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Logistic => "logistic",
            Self::Tanh => "tanh",
            Self::Relu => "relu",
            Self::LeakyRelu { .. } => "leaky_relu",
            Self::Relu6 => "relu6",
            Self::Elu { .. } => "elu",
            Self::Selu => "selu",
            Self::Celu { .. } => "celu",
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu_tanh",
            Self::Silu => "silu",
            Self::Mish => "mish",
            Self::Softplus { .. } => "softplus",
            Self::Softsign => "softsign",
            Self::HardSigmoid => "hard_sigmoid",
            Self::HardSwish => "hard_swish",
            Self::HardTanh { .. } => "hard_tanh",
            Self::LogSigmoid => "log_sigmoid",
            Self::Softshrink { .. } => "softshrink",
            Self::Tanhshrink => "tanhshrink",
        }
    }

    /// How much work an element is.
    pub(crate) fn cost(self) -> Cost {
        match self {
            Self::Identity
            | Self::Relu
            | Self::LeakyRelu { .. }
            | Self::Relu6
            | Self::HardSigmoid
            | Self::HardSwish
            | Self::HardTanh { .. }
            | Self::Softshrink { .. } => Cost::Light,
            _ => Cost::Maths,
        }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::LeakyRelu { slope: number }
            | Self::Elu { alpha: number }
            | Self::Celu { alpha: number }
            | Self::Softplus { beta: number }
            | Self::Softshrink { lambda: number } => write!(f, "({number})"),
            Self::HardTanh { min, max } => write!(f, "({min}, {max})"),
            _ => Ok(()),
        }
    }
}
