//! [`RmsProp`]: the gradient divided by its root mean square.

use wengert_autodiff::{Element, Gradients};
use wengert_kernels::optim;

use super::memory::{Memories, parameter_state};
use super::optimizer::{Optimizer, check_not_negative, for_each_parameter};
use super::setters::{learning_rate, not_negative, positive, share};
use crate::module::Module;

/// `RMSprop`: with the gradient `g`, plus `weight_decay * w` if weight decay is set,
/// `mean = alpha mean + (1 - alpha) g^2`, then `w -= rate g / (sqrt(mean) + eps)`.
///
/// ```
/// let rmsprop = wengert_nn::RmsProp::<f32>::new(1e-3).alpha(0.9);
/// ```
///
/// Source: T. Tieleman, G. Hinton, "Neural networks for machine learning", lecture 6.5, 2012.
#[derive(Clone, Debug)]
pub struct RmsProp<E: Element = f32> {
    rate: f64,
    alpha: f64,
    eps: f64,
    weight_decay: f64,
    squares: Memories<E>,
}

impl<E: Element> RmsProp<E> {
    /// Creates the optimizer with `alpha` 0.99, `eps` 1e-8, and no weight decay.
    ///
    /// # Panics
    /// If the rate is negative, or not finite when rounded to the element type.
    #[track_caller]
    pub fn new(rate: f64) -> Self {
        check_not_negative::<E>("learning rate", rate);
        RmsProp { rate, alpha: 0.99, eps: 1e-8, weight_decay: 0.0, squares: Memories::default() }
    }

    share! {
        /// Sets the fraction of the mean square that is kept from step to step.
        alpha = "alpha";
    }

    positive! {
        /// Sets the number that is added to the denominator.
        eps = "eps";
    }

    not_negative! {
        /// Sets the weight decay: this multiple of the weights is added to the gradient.
        weight_decay = "weight decay";
    }
}

impl<E: Element> Optimizer<E> for RmsProp<E> {
    #[inline(never)]
    fn step(&mut self, module: &mut dyn Module<E>, gradients: &Gradients<E>) {
        let rule = optim::RmsProp {
            lr: E::from_f64(self.rate),
            alpha: self.alpha,
            eps: E::from_f64(self.eps),
            weight_decay: E::from_f64(self.weight_decay),
        };
        for_each_parameter(module, gradients, |id, weights, gradient| {
            let ([mean], _) = self.squares.recall(id, weights.len());
            optim::rmsprop_step(weights, gradient, mean, rule);
        });
    }

    learning_rate!();

    fn normalizes_steps(&self) -> Option<bool> {
        Some(true)
    }
}

parameter_state!(RmsProp, "RmsProp", |this| this.rate, this.squares, &["square_avg"]);
