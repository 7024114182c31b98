//! [`CustomActivation`]: a user-defined activation, as a layer and for initialization theory.

use std::fmt;
use std::sync::Arc;

use wengert_autodiff::{Element, Result, Var};

use crate::forward::Layer;
use crate::init::{Evaluation, Nonlinearity, TheoryError, nonlinearity};
use crate::module::Module;

type Function<E> = dyn for<'t> Fn(Var<'t, E>) -> Var<'t, E> + Send + Sync;

/// An activation defined by a closure on variables.
///
/// It is a layer, to be placed after a linear layer with the activation identity. Its gain and edge
/// of chaos are computed like those of the built-in activations, with derivatives of the tape, in
/// `E`.
///
/// ```
/// use wengert_autodiff::Activation;
/// use wengert_nn::{CustomActivation, init::gain};
/// let bump = CustomActivation::<f64>::new("bump", |x| (x.square() * -0.5).exp() * x);
/// assert!(gain(&bump)?.forward > 2.0);
/// let folded = CustomActivation::<f64>::new("folded", |x| x.square().sqrt()).with_kinks([0.0]);
/// assert!((gain(&folded)?.forward - 1.0).abs() < 1e-12);
/// # Ok::<(), wengert_nn::Error>(())
/// ```
///
/// # Shapes
/// Any; the closure must return the shape of its input.
#[derive(Clone, Module)]
#[module(nonlinearity = Some(Arc::new(self.clone())))]
pub struct CustomActivation<E: Element = f32> {
    name: String,
    #[module(skip)]
    function: Arc<Function<E>>,
    kinks: Vec<f64>,
}

impl<E: Element> CustomActivation<E> {
    /// Creates an activation; its name appears in tables and messages.
    pub fn new(
        name: impl Into<String>,
        function: impl for<'t> Fn(Var<'t, E>) -> Var<'t, E> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), function: Arc::new(function), kinks: Vec::new() }
    }

    /// Sets the points where the function or its derivative jumps. Without them gains are accurate
    /// but slower to compute, and correlations are accurate to four digits.
    pub fn with_kinks(mut self, kinks: impl IntoIterator<Item = f64>) -> Self {
        self.kinks = kinks.into_iter().collect();
        self
    }
}

impl<E: Element> fmt::Debug for CustomActivation<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomActivation")
            .field("name", &self.name)
            .field("kinks", &self.kinks)
            .finish_non_exhaustive()
    }
}

impl<E: Element> Nonlinearity for CustomActivation<E> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn evaluate(&self, points: &[f64]) -> std::result::Result<Evaluation, TheoryError> {
        nonlinearity::on_tape::<E>(points, |x| Ok((self.function)(x)))
    }

    fn kinks(&self) -> Vec<f64> {
        self.kinks.clone()
    }

    fn epsilon(&self) -> f64 {
        E::EPSILON.to_f64()
    }
}

impl<E: Element> Layer<E> for CustomActivation<E> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        Ok((self.function)(x))
    }
}
