//! Optimizers: one a file.

mod sgd;

pub use sgd::Sgd;

use wengert_autodiff::{Element, Gradients};

use crate::module::Module;

/// Changes a module's parameters by their gradients.
pub trait Optimizer<E: Element> {
    /// One step. Parameters without a gradient (the loss does not depend on them) stay as they
    /// are. The gradients' tape lets go of the parameters' values, so that they are changed in
    /// place; clear it, or run the forward pass again, before asking it for more.
    fn step(&mut self, module: &mut dyn Module<E>, gradients: &Gradients<'_, E>);

    /// The learning rate.
    fn learning_rate(&self) -> f64;

    /// Changes the learning rate.
    fn set_learning_rate(&mut self, rate: f64);
}
