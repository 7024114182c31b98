//! [`Adadelta`]: steps scaled by the sizes of the previous steps.

use wengert_autodiff::{Element, Gradients};
use wengert_kernels::optim;

use super::memory::{Memories, parameter_state};
use super::optimizer::{Optimizer, check_not_negative, for_each_parameter};
use super::setters::{learning_rate, not_negative, positive, share};
use crate::module::Module;

/// Adadelta: the gradient divided by its root mean square, times the root mean square of the steps
/// so far.
///
/// With the gradient `g`, plus `weight_decay * w` if weight decay is set:
///
/// ```text
/// squares = rho squares + (1 - rho) g^2
/// step    = sqrt(steps + eps) / sqrt(squares + eps) g
/// steps   = rho steps + (1 - rho) step^2
/// w      -= rate step
/// ```
///
/// ```
/// let adadelta = wengert_nn::Adadelta::<f32>::new(1.0);
/// ```
///
/// Source: M. D. Zeiler, "ADADELTA: an adaptive learning rate method", arXiv:1212.5701, 2012.
#[derive(Clone, Debug)]
pub struct Adadelta<E: Element = f32> {
    rate: f64,
    rho: f64,
    eps: f64,
    weight_decay: f64,
    squares: Memories<E>,
}

impl<E: Element> Adadelta<E> {
    /// Creates the optimizer with `rho` 0.9, `eps` 1e-6, and no weight decay. The paper has a
    /// learning rate of 1.
    ///
    /// # Panics
    /// If the rate is negative, or not finite when rounded to the element type.
    #[track_caller]
    pub fn new(rate: f64) -> Self {
        check_not_negative::<E>("learning rate", rate);
        Adadelta { rate, rho: 0.9, eps: 1e-6, weight_decay: 0.0, squares: Memories::default() }
    }

    share! {
        /// Sets the fraction of the mean squares that is kept from step to step.
        rho = "rho";
    }

    positive! {
        /// Sets the number that is added under the roots.
        eps = "eps";
    }

    not_negative! {
        /// Sets the weight decay: this multiple of the weights is added to the gradient.
        weight_decay = "weight decay";
    }
}

impl<E: Element> Optimizer<E> for Adadelta<E> {
    #[inline(never)]
    fn step(&mut self, module: &mut dyn Module<E>, gradients: &Gradients<E>) {
        let rule = optim::Adadelta {
            lr: E::from_f64(self.rate),
            rho: self.rho,
            eps: E::from_f64(self.eps),
            weight_decay: E::from_f64(self.weight_decay),
        };
        for_each_parameter(module, gradients, |id, weights, gradient| {
            let ([squares, steps], _) = self.squares.recall(id, weights.len());
            optim::adadelta_step(weights, gradient, squares, steps, rule);
        });
    }

    learning_rate!();
}

parameter_state!(
    Adadelta,
    "Adadelta",
    |this| this.rate,
    this.squares,
    &["square_avg", "acc_delta"]
);
