//! [`Sgd`]: stochastic gradient descent, optionally with momentum.

use wengert_autodiff::{Element, Gradients};
use wengert_kernels::optim;

use super::memory::{Memories, parameter_state};
use super::optimizer::{Optimizer, check_not_negative, for_each_parameter};
use super::setters::{learning_rate, momentum, not_negative, share};
use crate::module::Module;

/// Stochastic gradient descent.
///
/// With the gradient `g`, plus `weight_decay * w` if weight decay is set, and the learning rate
/// `r`:
///
/// - without momentum `w -= r g`;
/// - with momentum `v = momentum v + (1 - dampening) g` (the first `v` is `g`), then `w -= r v`, or
///   with Nesterov's form `w -= r (g + momentum v)`.
///
/// The velocity is that of PyTorch: it does not contain the rate, so a changed rate acts at once.
/// Source: I. Sutskever et al., "On the importance of initialization and momentum in deep
/// learning", ICML 2013.
#[derive(Clone, Debug)]
pub struct Sgd<E: Element = f32> {
    rate: f64,
    momentum: f64,
    dampening: f64,
    weight_decay: f64,
    nesterov: bool,
    velocity: Memories<E>,
}

impl<E: Element> Sgd<E> {
    /// Creates the optimizer without momentum and weight decay.
    ///
    /// # Panics
    /// If the rate is negative, or not finite when rounded to the element type.
    #[track_caller]
    pub fn new(rate: f64) -> Self {
        check_not_negative::<E>("learning rate", rate);
        Sgd {
            rate,
            momentum: 0.0,
            dampening: 0.0,
            weight_decay: 0.0,
            nesterov: false,
            velocity: Memories::default(),
        }
    }

    share! {
        /// Sets the momentum: the fraction of the velocity that is kept from step to step.
        momentum = "momentum";
    }

    /// Uses Nesterov's form of the momentum; set [`momentum`](Self::momentum) first.
    ///
    /// # Panics
    /// If there is no momentum.
    #[track_caller]
    pub fn nesterov(mut self) -> Self {
        assert!(
            self.momentum > 0.0,
            "nesterov: the momentum is 0, but must be positive; call `momentum` first"
        );
        self.nesterov = true;
        self
    }

    not_negative! {
        /// Sets the dampening: the fraction of the gradient that does not enter the velocity.
        dampening = "dampening";
        /// Sets the weight decay: this multiple of the weights is added to the gradient.
        weight_decay = "weight decay";
    }
}

impl<E: Element> Optimizer<E> for Sgd<E> {
    #[inline(never)]
    fn step(&mut self, module: &mut dyn Module<E>, gradients: &Gradients<E>) {
        let number = E::from_f64;
        let (rate, weight_decay) = (number(self.rate), number(self.weight_decay));
        for_each_parameter(module, gradients, |id, weights, gradient| {
            if self.momentum == 0.0 {
                optim::sgd_step(weights, gradient, rate, weight_decay);
                return;
            }
            let ([velocity], step) = self.velocity.recall(id, weights.len());
            let rule = optim::Momentum {
                lr: rate,
                momentum: number(self.momentum),
                dampening: number(if step == 1 { 0.0 } else { self.dampening }),
                weight_decay,
                nesterov: self.nesterov,
            };
            optim::sgd_momentum_step(weights, gradient, velocity, rule);
        });
    }

    learning_rate!();

    fn normalizes_steps(&self) -> Option<bool> {
        Some(false)
    }

    momentum!(momentum);
}

parameter_state!(Sgd, "Sgd", |this| this.rate, this.velocity, &["momentum_buffer"]);
