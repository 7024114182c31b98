//! [`Lion`]: steps by the sign of an averaged gradient.

use wengert_autodiff::{Element, Gradients};
use wengert_kernels::optim;

use super::memory::{Memories, parameter_state};
use super::optimizer::{Optimizer, check_not_negative, for_each_parameter};
use super::setters::{betas, learning_rate, momentum, not_negative};
use crate::module::Module;

/// Lion: each weight moves by the learning rate, against the sign of the averaged gradient.
///
/// With the gradient `g`:
///
/// ```text
/// w -= rate (sign(beta1 m + (1 - beta1) g) + weight_decay w)
/// m  = beta2 m + (1 - beta2) g
/// ```
///
/// The learning rate is usually 3 to 10 times smaller than that of [`Adam`](super::Adam), and the
/// weight decay larger by the same factor.
///
/// ```
/// let lion = wengert_nn::Lion::<f32>::new(1e-4).weight_decay(0.1);
/// ```
///
/// Source: X. Chen et al., "Symbolic discovery of optimization algorithms", `NeurIPS` 2023.
#[derive(Clone, Debug)]
pub struct Lion<E: Element = f32> {
    rate: f64,
    beta1: f64,
    beta2: f64,
    weight_decay: f64,
    means: Memories<E>,
}

impl<E: Element> Lion<E> {
    /// Creates the optimizer with the paper's `beta1` 0.9 and `beta2` 0.99, and no weight decay.
    ///
    /// # Panics
    /// If the rate is negative, or not finite when rounded to the element type.
    #[track_caller]
    pub fn new(rate: f64) -> Self {
        check_not_negative::<E>("learning rate", rate);
        Lion { rate, beta1: 0.9, beta2: 0.99, weight_decay: 0.0, means: Memories::default() }
    }

    betas! {
        /// Sets the fraction of the mean in the direction, and the fraction that is kept from step
        /// to step.
    }

    not_negative! {
        /// Sets the weight decay, which is applied to the weights instead of the gradient.
        weight_decay = "weight decay";
    }
}

impl<E: Element> Optimizer<E> for Lion<E> {
    #[inline(never)]
    fn step(&mut self, module: &mut dyn Module<E>, gradients: &Gradients<E>) {
        let rule = optim::Lion {
            lr: E::from_f64(self.rate),
            beta1: self.beta1,
            beta2: self.beta2,
            weight_decay: E::from_f64(self.weight_decay),
        };
        for_each_parameter(module, gradients, |id, weights, gradient| {
            let ([mean], _) = self.means.recall(id, weights.len());
            optim::lion_step(weights, gradient, mean, rule);
        });
    }

    learning_rate!();

    fn normalizes_steps(&self) -> Option<bool> {
        Some(true)
    }

    momentum!(beta1);
}

parameter_state!(Lion, "Lion", |this| this.rate, this.means, &["exp_avg"]);
