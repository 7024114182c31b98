//! [`Lion`]: steps by the sign of an average gradient.

use wengert_autodiff::{Element, Gradients};
use wengert_kernels::optim;

use super::memory::{Memories, parameter_state};
use super::optimizer::{Optimizer, check_not_negative, for_each_parameter};
use super::setters::{betas, learning_rate, not_negative};
use crate::module::Module;

/// Lion: every weight moves by the rate, in the direction against the mean gradient's sign.
///
/// With the gradient `g`:
///
/// ```text
/// w -= rate (sign(beta1 m + (1 - beta1) g) + weight_decay w)
/// m  = beta2 m + (1 - beta2) g
/// ```
///
/// Its rate is 3 to 10 times smaller than that of [`Adam`](super::Adam), its weight decay as many
/// times larger.
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
    /// With the paper's `beta1` 0.9 and `beta2` 0.99, and no weight decay.
    ///
    /// # Panics
    /// If the rate is negative or not finite.
    #[track_caller]
    pub fn new(rate: f64) -> Self {
        check_not_negative("learning rate", rate);
        Lion { rate, beta1: 0.9, beta2: 0.99, weight_decay: 0.0, means: Memories::default() }
    }

    betas! {
        /// With the share of the mean in the direction, and the one that is kept from step to step.
    }

    not_negative! {
        /// With a weight decay that acts on the weights themselves.
        weight_decay = "weight decay";
    }
}

impl<E: Element> Optimizer<E> for Lion<E> {
    #[inline(never)]
    fn step(&mut self, module: &mut dyn Module<E>, gradients: &Gradients<E>) {
        let rule = optim::Lion {
            lr: E::from_f64(self.rate),
            beta1: E::from_f64(self.beta1),
            beta2: E::from_f64(self.beta2),
            weight_decay: E::from_f64(self.weight_decay),
        };
        for_each_parameter(module, gradients, |id, weights, gradient| {
            let ([mean], _) = self.means.recall(id, weights.len());
            optim::lion_step(weights, gradient, mean, rule);
        });
    }

    learning_rate!();
}

parameter_state!(Lion, "Lion", |this| this.rate, this.means, &["exp_avg"]);
