//! Optimizers: one a file.

mod adam;
mod rmsprop;
mod sgd;

pub use adam::Adam;
pub use rmsprop::RmsProp;
pub use sgd::Sgd;

use wengert_autodiff::{Element, Gradients, ParameterId, ParameterMap, Tensor};

use crate::module::{Module, VisitorMut};

/// Changes a module's parameters by their gradients.
pub trait Optimizer<E: Element = f32> {
    /// One step. Parameters without a gradient (the loss does not depend on them) and frozen ones
    /// stay as they are. The gradients' tape drops its references to the parameters' values, so
    /// that they are changed in place; clear it, or run the forward pass again, before asking it
    /// for more.
    fn step(&mut self, module: &mut dyn Module<E>, gradients: &Gradients<E>);

    /// The learning rate.
    fn learning_rate(&self) -> f64;

    /// Changes the learning rate.
    fn set_learning_rate(&mut self, rate: f64);
}

/// Calls `step` with each parameter that has a gradient and is not frozen: its identity, its
/// elements, the gradient's.
fn for_each_parameter<E: Element>(
    module: &mut dyn Module<E>,
    gradients: &Gradients<E>,
    mut step: impl FnMut(ParameterId, &mut [E], &[E]),
) {
    let mut update = gradients.update();
    module.visit_mut(&mut VisitorMut::new(&mut |_, parameter| {
        if parameter.is_frozen() {
            return;
        }
        let Some(gradient) = update.release(parameter) else { return };
        let id = parameter.id();
        let weights = parameter.value_mut().as_mut_slice();
        match gradient.as_slice() {
            Some(gradient) => step(id, weights, gradient),
            None => step(id, weights, &gradient.to_vec()),
        }
    }));
}

/// What an optimizer remembers of a parameter: arrays of its size that begin at zero, and the
/// number of steps it has had.
#[derive(Clone, Debug)]
struct Memory<E: Element> {
    arrays: Vec<Tensor<E>>,
    steps: u64,
}

/// What an optimizer remembers, `N` arrays a parameter.
#[derive(Clone, Debug)]
struct Memories<E: Element>(ParameterMap<Memory<E>>);

impl<E: Element> Default for Memories<E> {
    fn default() -> Self {
        Memories(ParameterMap::default())
    }
}

impl<E: Element> Memories<E> {
    /// The `N` arrays of a parameter of `len` elements, and the number of this step, from one.
    fn recall<const N: usize>(&mut self, id: ParameterId, len: usize) -> ([&mut [E]; N], u64) {
        let memory = self.0.entry(id).or_insert_with(|| Memory { arrays: Vec::new(), steps: 0 });
        memory.arrays.resize_with(N.max(memory.arrays.len()), || Tensor::zeros([len]));
        memory.steps += 1;
        let mut arrays = memory.arrays.iter_mut();
        let next = |_| arrays.next().map(Tensor::as_mut_slice).unwrap_or_default();
        (std::array::from_fn(next), memory.steps)
    }
}

#[track_caller]
fn check_not_negative(what: &str, number: f64) {
    assert!(
        number.is_finite() && number >= 0.0,
        "the {what} must be finite and not negative, got {number}"
    );
}

/// A share of what was, kept from step to step.
#[track_caller]
fn check_share(what: &str, number: f64) {
    assert!((0.0..1.0).contains(&number), "the {what} must lie in [0, 1), got {number}");
}
