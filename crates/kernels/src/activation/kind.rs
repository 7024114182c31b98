//! What is known of an [`Activation`] from its row: domain, text, and the shape of its graph.

use std::fmt;

use super::function::{Derivative, Visit};
use super::functions::Activation;
use crate::Float;
use crate::threads::Cost;

/// A number of an activation outside its domain.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("the activation {activation} was asked for, but {needs}")]
pub struct ActivationError {
    /// The activation that was asked for.
    pub activation: Activation,
    /// The domain of its numbers.
    pub needs: &'static str,
}

/// The array that an activation's [`backward`](super::backward) computes the derivative from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// The function's output: where the derivative at the output equals that at the input.
    Output,
    /// The function's input. Derivatives of saturating functions need it: their rounded output does
    /// not determine the derivative with any accuracy.
    Input,
}

/// The outputs at which an activation's derivative is not zero.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Sloping {
    /// Those between the two numbers.
    Between(f64, f64),
    /// All but this number.
    NotAt(f64),
}

impl Sloping {
    /// Whether the derivative is not zero where the function has this value.
    pub fn contains(self, output: f64) -> bool {
        match self {
            Sloping::Between(low, high) => low < output && output < high,
            Sloping::NotAt(flat) => output != flat,
        }
    }
}

/// The facts about the graph of a function: the columns of the same names.
pub(crate) struct Graph {
    pub(crate) kinks: Vec<f64>,
    pub(crate) bends: Vec<f64>,
    /// Value and derivative at minus infinity, then at plus infinity.
    pub(crate) ends: [[f64; 2]; 2],
    pub(crate) sloping: Option<Sloping>,
}

impl Graph {
    pub(super) fn new(
        (kinks, bends): (&[f64], &[f64]),
        ends: [[f64; 2]; 2],
        sloping: Option<Sloping>,
    ) -> Self {
        Self { kinks: kinks.to_vec(), bends: bends.to_vec(), ends, sloping }
    }
}

/// The text of the first condition that does not hold.
pub(super) fn ensure(conditions: &[(bool, &'static str)]) -> Result<(), &'static str> {
    conditions.iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, needs)| Err(needs))
}

/// Whether a number is positive and finite.
pub(super) fn positive(number: f64) -> bool {
    number.is_finite() && number > 0.0
}

impl Activation {
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
    /// If a number is outside its domain, which the error states.
    pub fn check(&self) -> Result<(), ActivationError> {
        self.domain().map_err(|needs| ActivationError { activation: *self, needs })
    }

    /// [`check`](Self::check) of the numbers as they are given and as they are in an element type:
    /// a `beta` of `1e-50` is zero in `f32`.
    ///
    /// # Errors
    /// If a number is outside its domain, which the error states.
    pub fn check_in<E: Float>(&self) -> Result<(), ActivationError> {
        self.check()?;
        self.rounded::<E>().check().map_err(|error| ActivationError { activation: *self, ..error })
    }

    /// The activation with its numbers rounded to the element type.
    pub(crate) fn rounded<E: Float>(self) -> Self {
        self.map_numbers(|number| E::from_f64(number).to_f64())
    }

    /// The simplest activation that is the same function: a leaky rectifier without a slope is a
    /// rectifier, also at infinity.
    pub(crate) fn simplest(self) -> Self {
        match self {
            Self::LeakyRelu { slope: 0.0 } => Self::Relu,
            other => other,
        }
    }

    /// The points where the function has no derivative; the [module](super) states which value is
    /// chosen there.
    pub fn kinks(&self) -> Vec<f64> {
        self.graph().kinks
    }

    /// The points where the function has a derivative that has none itself: elu at 0, softsign at
    /// 0.
    pub fn bends(&self) -> Vec<f64> {
        self.graph().bends
    }

    /// The limits at minus and plus infinity, if both are finite: the function saturates there.
    pub fn range(&self) -> Option<[f64; 2]> {
        let ends = self.graph().ends.map(|[value, _]| value);
        ends.iter().all(|end| end.is_finite()).then_some(ends)
    }

    /// The outputs at which the derivative is not zero. `None` if it is zero nowhere, or if the
    /// output does not determine whether it is.
    pub fn sloping(&self) -> Option<Sloping> {
        self.simplest().graph().sloping
    }

    /// The work per element.
    pub(crate) fn cost(self) -> Cost {
        struct CostOf;

        impl Visit<f32> for CostOf {
            type Output = Cost;

            fn visit<F: Derivative<f32>>(self, _: F) -> Cost {
                F::COST
            }
        }

        self.visit(CostOf)
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        for (i, (_, number)) in self.numbers().into_iter().enumerate() {
            write!(f, "{}{number}", if i == 0 { "(" } else { ", " })?;
        }
        f.write_str(if self.numbers().is_empty() { "" } else { ")" })
    }
}
