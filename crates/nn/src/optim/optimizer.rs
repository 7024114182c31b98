//! [`Optimizer`]: updates the parameters of a module by their gradients.

use wengert_autodiff::{Element, Gradients, Parameter, ParameterId};

use crate::module::{Module, Visitor, VisitorMut};
use crate::state::{ParameterState, State, StateError};

/// Updates a module's parameters by their gradients.
///
/// A checkpoint saves the learning rate and the state of each parameter ([`ParameterState`]); the
/// other settings are those of the program that loads it.
pub trait Optimizer<E: Element = f32>: ParameterState<E> {
    /// Performs one step. Frozen parameters and parameters without a gradient (on which the loss
    /// does not depend) are not changed. The gradients' tape drops its references to the
    /// parameters' values, so that the values are changed in place; clear the tape, or run the
    /// forward pass again, before computing further gradients on it.
    ///
    /// # Panics
    /// If a parameter's value was replaced by a value of another shape since its gradient was
    /// computed, or since the optimizer's last step. If there are gradients of parameters, but none
    /// of them belongs to the module: they were computed with another model, for example the
    /// original of a clone (a clone has separate parameters).
    fn step(&mut self, module: &mut dyn Module<E>, gradients: &Gradients<E>);

    /// The learning rate.
    fn learning_rate(&self) -> f64;

    /// Changes the learning rate.
    ///
    /// # Panics
    /// If the rate is negative, or not finite when rounded to the element type.
    fn set_learning_rate(&mut self, rate: f64);

    /// The momentum: the fraction of the mean of the gradients that is kept from step to step,
    /// `beta1` of Adam and its like. `None` if the optimizer has no momentum that a schedule can
    /// change.
    fn momentum(&self) -> Option<f64> {
        None
    }

    /// Changes the momentum, if there is one; otherwise does nothing.
    ///
    /// # Panics
    /// If there is a momentum, and the number is not in [0, 1).
    fn set_momentum(&mut self, momentum: f64) {
        let _ = momentum;
    }

    /// Whether a step changes each element by about the learning rate, whatever the size of its
    /// gradient, as with Adam; `Some(false)` if the step is proportional to the gradient, as with
    /// SGD; `None` if it is neither or not known.
    fn normalizes_steps(&self) -> Option<bool> {
        None
    }
}

impl<E: Element, O: Optimizer<E> + ?Sized> Optimizer<E> for Box<O> {
    fn step(&mut self, module: &mut dyn Module<E>, gradients: &Gradients<E>) {
        (**self).step(module, gradients);
    }

    fn learning_rate(&self) -> f64 {
        (**self).learning_rate()
    }

    fn set_learning_rate(&mut self, rate: f64) {
        (**self).set_learning_rate(rate);
    }

    fn momentum(&self) -> Option<f64> {
        (**self).momentum()
    }

    fn set_momentum(&mut self, momentum: f64) {
        (**self).set_momentum(momentum);
    }

    fn normalizes_steps(&self) -> Option<bool> {
        (**self).normalizes_steps()
    }
}

impl<E: Element, P: ParameterState<E> + ?Sized> ParameterState<E> for Box<P> {
    fn state(&self, module: &dyn Module<E>) -> State {
        (**self).state(module)
    }

    fn load_state(&mut self, module: &dyn Module<E>, state: &State) -> Result<(), StateError> {
        (**self).load_state(module, state)
    }
}

/// Calls `step` for each parameter that has a gradient and is not frozen, with its id, its elements
/// and the elements of the gradient.
pub(super) fn for_each_parameter<E: Element>(
    module: &mut dyn Module<E>,
    gradients: &Gradients<E>,
    mut step: impl FnMut(ParameterId, &mut [E], &[E]),
) {
    let mut update = gradients.update();
    let (mut learned, mut updated) = (0, 0);
    module.visit_mut(&mut VisitorMut::new(&mut |path, parameter| {
        if parameter.is_frozen() {
            return;
        }
        learned += 1;
        let Some(gradient) = update.release(parameter) else { return };
        updated += 1;
        let (id, shape) = (parameter.id(), parameter.value().shape());
        assert!(
            gradient.shape() == shape,
            "the parameter {path} has shape {shape}, but its gradient has {}: compute the gradient \
             again after replacing a value by one of another shape",
            gradient.shape()
        );
        let weights = parameter.value_mut().as_mut_slice();
        match gradient.as_slice() {
            Some(gradient) => step(id, weights, gradient),
            None => step(id, weights, &gradient.to_vec()),
        }
    }));
    if updated == 0 && learned > 0 {
        check_owner(gradients);
    }
}

/// Whether a parameter of the module that is not frozen has a gradient.
pub(super) fn has_gradient<E: Element>(module: &dyn Module<E>, gradients: &Gradients<E>) -> bool {
    any(module, |p| !p.is_frozen() && gradients.parameter(p).is_some())
}

/// Whether a condition holds for a parameter of the module.
fn any<E: Element>(module: &dyn Module<E>, holds: impl Fn(&Parameter<E>) -> bool) -> bool {
    let mut found = false;
    module.visit(&mut Visitor::new(&mut |_, parameter| found = found || holds(parameter)));
    found
}

/// Panics if there are gradients of parameters. Called if none of them belongs to the module.
#[cold]
fn check_owner<E: Element>(gradients: &Gradients<E>) {
    let count = gradients.parameters().count();
    assert!(
        count == 0,
        "step: there are gradients of {count} parameters, but none of them is a parameter of this \
         module that is not frozen: compute the loss with the module that is to be updated (a \
         clone has separate parameters)"
    );
}

/// Panics if there are gradients of parameters, but none of them belongs to the module.
pub(super) fn check_any_gradient<E: Element>(module: &dyn Module<E>, gradients: &Gradients<E>) {
    if !has_gradient(module, gradients) && any(module, |p| !p.is_frozen()) {
        check_owner(gradients);
    }
}

/// Panics unless the number is not negative, and finite when rounded to the element type.
#[track_caller]
pub(super) fn check_not_negative<E: Element>(what: &str, number: f64) {
    let rounded = E::from_f64(number).to_f64();
    assert!(
        rounded.is_finite() && number >= 0.0,
        "the {what} must be finite and not negative, got {}",
        given::<E>(number)
    );
}

/// Panics unless the number is positive and finite when rounded to the element type.
#[track_caller]
pub(super) fn check_positive<E: Element>(what: &str, number: f64) {
    let rounded = E::from_f64(number).to_f64();
    assert!(
        rounded.is_finite() && rounded > 0.0,
        "the {what} must be finite and positive, got {}",
        given::<E>(number)
    );
}

/// A number for an error message, with what it is rounded to if that is the reason of the error.
#[cold]
fn given<E: Element>(number: f64) -> String {
    let (rounded, element) = (E::from_f64(number), std::any::type_name::<E>());
    if number.is_finite() && number > 0.0 {
        format!("{number:e}, which is {rounded} as {element}")
    } else {
        number.to_string()
    }
}

/// `1 - beta^t`, without cancellation where `beta^t` is near 1.
pub(super) fn correction(beta: f64, t: u64) -> f64 {
    -(t as f64 * beta.ln()).exp_m1()
}

/// Panics unless the number is a fraction of the state that is kept from step to step.
#[track_caller]
pub(super) fn check_share(what: &str, number: f64) {
    assert!((0.0..1.0).contains(&number), "the {what} must lie in [0, 1), got {number}");
}
