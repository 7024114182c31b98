//! [`Lamb`]: Adam's direction with a length proportional to the norm of each parameter.

use wengert_autodiff::{Element, Gradients};
use wengert_kernels::{elementwise, optim, reduce};

use super::memory::{Memories, parameter_state};
use super::optimizer::{Optimizer, check_not_negative, correction, for_each_parameter};
use super::setters::{betas, learning_rate, momentum, not_negative, positive};
use crate::module::Module;

/// LAMB: each parameter moves along Adam's direction by a fraction of its own norm, for large
/// batches.
///
/// With the gradient `g`, at a parameter's step `t`:
///
/// ```text
/// m = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g^2
/// u = m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps) + weight_decay w
/// w -= rate |w| / |u| u
/// ```
///
/// Where one of the norms is zero, the step is `rate u`.
///
/// ```
/// let lamb = wengert_nn::Lamb::<f32>::new(1e-3).weight_decay(0.01);
/// ```
///
/// Source: Y. You et al., "Large batch optimization for deep learning: training BERT in 76
/// minutes", ICLR 2020.
#[derive(Clone, Debug)]
pub struct Lamb<E: Element = f32> {
    rate: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    weight_decay: f64,
    moments: Memories<E>,
    /// The direction of the current parameter.
    direction: Vec<E>,
}

impl<E: Element> Lamb<E> {
    /// Creates the optimizer with `beta1` 0.9, `beta2` 0.999, the paper's `eps` 1e-6, and no weight
    /// decay.
    ///
    /// # Panics
    /// If the rate is negative, or not finite when rounded to the element type.
    #[track_caller]
    pub fn new(rate: f64) -> Self {
        check_not_negative::<E>("learning rate", rate);
        Lamb {
            rate,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-6,
            weight_decay: 0.0,
            moments: Memories::default(),
            direction: Vec::new(),
        }
    }

    betas! {
        /// Sets the fractions of the mean and of the mean square that are kept from step to step.
    }

    positive! {
        /// Sets the number that is added to the denominator.
        eps = "eps";
    }

    not_negative! {
        /// Sets the weight decay, which is part of the direction.
        weight_decay = "weight decay";
    }
}

impl<E: Element> Optimizer<E> for Lamb<E> {
    #[inline(never)]
    fn step(&mut self, module: &mut dyn Module<E>, gradients: &Gradients<E>) {
        let Self { rate, beta1, beta2, eps, weight_decay, .. } = *self;
        for_each_parameter(module, gradients, |id, weights, gradient| {
            let ([m, v], step) = self.moments.recall(id, weights.len());
            let rule = optim::Moments {
                beta1,
                beta2,
                decay: weight_decay,
                shrink: 1.0,
                gradient: 0.0,
                mean: 1.0 / correction(beta1, step),
                root: 1.0 / correction(beta2, step).sqrt(),
                floor: eps,
            };
            self.direction.resize(weights.len(), E::ZERO);
            let direction = &mut self.direction[..];
            optim::lamb_direction(weights, gradient, m, v, direction, rule);
            let [size, length] = [&*weights, direction].map(|x| reduce::norm(x).to_f64());
            let trust = if size > 0.0 && length > 0.0 { size / length } else { 1.0 };
            elementwise::axpy(E::from_f64(-rate * trust), direction, weights);
        });
    }

    learning_rate!();

    momentum!(beta1);
}

parameter_state!(Lamb, "Lamb", |this| this.rate, this.moments, &["exp_avg", "exp_avg_sq"]);
