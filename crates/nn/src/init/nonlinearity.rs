//! [`Nonlinearity`]: a function of one number with its exact derivative and its kinks, for gains
//! and mean-field theory.

use std::fmt::Debug;

use wengert_autodiff::{Activation, CreateGraph, Element, Tape, Tensor, Var, grad, ops};
use wengert_kernels::activation::{self, Saved};

use super::theory::TheoryError;

/// A function of one number, applied to each element.
///
/// Implemented by [`Activation`] and by [`CustomActivation`](crate::CustomActivation), a closure on
/// variables. Derivatives are computed by the tape, without differences.
pub trait Nonlinearity: Debug + Send + Sync {
    /// The name in tables and messages.
    fn name(&self) -> String;

    /// Values and derivatives at some points.
    ///
    /// # Errors
    /// [`TheoryError::Function`] if the function cannot be computed.
    fn evaluate(&self, points: &[f64]) -> Result<Evaluation, TheoryError>;

    /// The points where the function or its derivative jumps: integrals are split there. A kink
    /// that is not listed is located by bisection, which takes longer.
    fn kinks(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Whether `f(x) = x`: the activation of the layer is then that of the module after it.
    fn is_identity(&self) -> bool {
        false
    }

    /// The relative accuracy of [`evaluate`](Self::evaluate).
    fn epsilon(&self) -> f64 {
        f64::EPSILON
    }
}

/// Values and derivatives of a function at some points, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// `f(x)`.
    pub values: Vec<f64>,
    /// `f'(x)`.
    pub derivatives: Vec<f64>,
}

/// Evaluates a function on variables.
pub(crate) fn on_tape<E: Element>(
    points: &[f64],
    f: impl for<'t> FnOnce(Var<'t, E>) -> wengert_autodiff::Result<Var<'t, E>>,
) -> Result<Evaluation, TheoryError> {
    let tape = Tape::new();
    let x = Tensor::from_fn([points.len()], |i| E::from_f64(points[i[0]]));
    let x = tape.variable(&x);
    let y = f(x)?;
    if y.shape() != x.shape() {
        return Err(TheoryError::NotElementwise { given: x.shape(), returned: y.shape() });
    }
    let numbers =
        |tensor: Tensor<E>| tensor.to_vec().into_iter().map(E::to_f64).collect::<Vec<_>>();
    let derivatives = if y.requires_grad() {
        let ones = tape.constant(&Tensor::ones(y.shape()));
        grad(&[y], &[ones], &[x], CreateGraph::No)?.remove(0).map(numbers)
    } else {
        None
    };
    Ok(Evaluation {
        values: numbers(y.try_value()?),
        derivatives: derivatives.unwrap_or_else(|| vec![0.0; points.len()]),
    })
}

/// An activation evaluated in single precision by its kernels. Seven digits are enough for an
/// initializer, and a program that builds networks then does not link the tape and kernels of f64.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SinglePrecision(pub(crate) Activation);

impl SinglePrecision {
    /// Checks that the activation's parameters are in their domain.
    pub(crate) fn check(&self) -> Result<(), TheoryError> {
        self.0.check().map_err(|error| {
            let message = error.to_string();
            wengert_autodiff::Error::Argument { op: self.0.name(), message }.into()
        })
    }
}

impl Nonlinearity for SinglePrecision {
    fn name(&self) -> String {
        self.0.to_string()
    }

    fn evaluate(&self, points: &[f64]) -> Result<Evaluation, TheoryError> {
        self.check()?;
        let x: Vec<f32> = points.iter().map(|&x| x as f32).collect();
        let (mut y, mut dy) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        activation::forward(self.0, &x, &mut y);
        let saved = if self.0.saves() == Saved::Input { &x } else { &y };
        activation::backward(self.0, &vec![1.0; x.len()], saved, &mut dy);
        let widen = |x: Vec<f32>| x.into_iter().map(f64::from).collect();
        Ok(Evaluation { values: widen(y), derivatives: widen(dy) })
    }

    fn kinks(&self) -> Vec<f64> {
        Nonlinearity::kinks(&self.0)
    }

    fn epsilon(&self) -> f64 {
        f64::from(f32::EPSILON)
    }
}

impl Nonlinearity for Activation {
    fn name(&self) -> String {
        self.to_string()
    }

    fn evaluate(&self, points: &[f64]) -> Result<Evaluation, TheoryError> {
        on_tape::<f64>(points, |x| ops::activate(x, *self))
    }

    fn kinks(&self) -> Vec<f64> {
        // A bend of the derivative is enough to spoil a quadrature.
        let mut points = [Activation::kinks(self), self.bends()].concat();
        points.sort_by(f64::total_cmp);
        points.dedup();
        points
    }

    fn is_identity(&self) -> bool {
        *self == Activation::Identity
    }
}
