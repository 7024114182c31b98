//! [`Adamax`]: Adam with the largest gradient instead of the mean square.

use wengert_autodiff::{Element, Gradients};
use wengert_kernels::optim;

use super::memory::{Memories, parameter_state};
use super::optimizer::{Optimizer, check_not_negative, correction, for_each_parameter};
use super::setters::{betas, learning_rate, momentum, not_negative, positive};
use crate::module::Module;

/// Adamax: steps along the mean of the gradient, divided by its largest size so far, which decays.
///
/// With the gradient `g`, plus `weight_decay * w` if weight decay is set, at a parameter's step
/// `t`:
///
/// ```text
/// m = beta1 m + (1 - beta1) g          u = max(beta2 u, |g| + eps)
/// w -= rate / (1 - beta1^t) * m / u
/// ```
///
/// ```
/// let adamax = wengert_nn::Adamax::<f32>::new(2e-3);
/// ```
///
/// Source: D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, section
/// 7.1.
#[derive(Clone, Debug)]
pub struct Adamax<E: Element = f32> {
    rate: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    weight_decay: f64,
    moments: Memories<E>,
}

impl<E: Element> Adamax<E> {
    /// Creates the optimizer with `beta1` 0.9, `beta2` 0.999, `eps` 1e-8, and no weight decay.
    ///
    /// # Panics
    /// If the rate is negative, or not finite when rounded to the element type.
    #[track_caller]
    pub fn new(rate: f64) -> Self {
        check_not_negative::<E>("learning rate", rate);
        let moments = Memories::default();
        Adamax { rate, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0, moments }
    }

    betas! {
        /// Sets the fraction of the mean that is kept, and the factor by which the largest size
        /// decays.
    }

    positive! {
        /// Sets the number that is added to the gradient's size.
        eps = "eps";
    }

    not_negative! {
        /// Sets the weight decay: this multiple of the weights is added to the gradient.
        weight_decay = "weight decay";
    }
}

impl<E: Element> Optimizer<E> for Adamax<E> {
    #[inline(never)]
    fn step(&mut self, module: &mut dyn Module<E>, gradients: &Gradients<E>) {
        let Self { rate, beta1, beta2, eps, weight_decay, .. } = *self;
        for_each_parameter(module, gradients, |id, weights, gradient| {
            let ([m, largest], step) = self.moments.recall(id, weights.len());
            let rule = optim::Adamax {
                lr: E::from_f64(rate / correction(beta1, step)),
                beta1,
                beta2: E::from_f64(beta2),
                eps: E::from_f64(eps),
                weight_decay: E::from_f64(weight_decay),
            };
            optim::adamax_step(weights, gradient, m, largest, rule);
        });
    }

    learning_rate!();

    fn normalizes_steps(&self) -> Option<bool> {
        Some(true)
    }

    momentum!(beta1);
}

parameter_state!(Adamax, "Adamax", |this| this.rate, this.moments, &["exp_avg", "exp_inf"]);
