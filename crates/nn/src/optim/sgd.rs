//! [`Sgd`]: stochastic gradient descent, with momentum.

use std::collections::HashMap;

use wengert_autodiff::{Element, Gradients, ParameterId, Tensor};
use wengert_kernels::optim;

use super::Optimizer;
use crate::module::{Module, VisitorMut};

/// Stochastic gradient descent.
///
/// With the gradient `g`, plus `weight_decay * w` where asked for, and the rate `r`:
///
/// - without momentum `w -= r g`;
/// - with momentum `v = momentum v + (1 - dampening) g` (the first `v` is `g`), then `w -= r v`, or
///   with Nesterov's form `w -= r (g + momentum v)`.
///
/// The velocity is that of PyTorch: it does not contain the rate, so a changed rate acts at once. Source:
/// I. Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML
/// 2013.
#[derive(Clone, Debug)]
pub struct Sgd<E: Element = f32> {
    rate: f64,
    momentum: f64,
    dampening: f64,
    weight_decay: f64,
    nesterov: bool,
    velocity: HashMap<ParameterId, Tensor<E>>,
}

impl<E: Element> Sgd<E> {
    /// Plain descent.
    ///
    /// # Panics
    /// If the rate is negative or not finite.
    #[track_caller]
    pub fn new(rate: f64) -> Self {
        check("learning rate", rate);
        Sgd {
            rate,
            momentum: 0.0,
            dampening: 0.0,
            weight_decay: 0.0,
            nesterov: false,
            velocity: HashMap::new(),
        }
    }

    /// With momentum.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn momentum(mut self, momentum: f64) -> Self {
        check("momentum", momentum);
        self.momentum = momentum;
        self
    }

    /// With Nesterov's momentum.
    pub fn nesterov(mut self) -> Self {
        self.nesterov = true;
        self
    }

    /// With the share of the gradient that does not enter the velocity.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn dampening(mut self, dampening: f64) -> Self {
        check("dampening", dampening);
        self.dampening = dampening;
        self
    }

    /// With a multiple of the weights added to the gradient.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        check("weight decay", weight_decay);
        self.weight_decay = weight_decay;
        self
    }
}

#[track_caller]
fn check(what: &str, number: f64) {
    assert!(
        number.is_finite() && number >= 0.0,
        "the {what} must be finite and not negative, got {number}"
    );
}

impl<E: Element> Optimizer<E> for Sgd<E> {
    fn step(&mut self, module: &mut dyn Module<E>, gradients: &Gradients<'_, E>) {
        let number = E::from_f64;
        module.visit_mut(&mut VisitorMut::new(&mut |_, parameter| {
            let Some(gradient) = gradients.release(parameter) else { return };
            let gradient = gradient.contiguous();
            let gradient = gradient.as_slice().unwrap_or_default();
            let id = parameter.id();
            let weights = parameter.value_mut().as_mut_slice();
            if self.momentum == 0.0 {
                optim::sgd_step(weights, gradient, number(self.rate), number(self.weight_decay));
                return;
            }
            let mut dampening = self.dampening;
            let velocity = self.velocity.entry(id).or_insert_with(|| {
                dampening = 0.0;
                Tensor::zeros([weights.len()])
            });
            let rule = optim::Momentum {
                lr: number(self.rate),
                momentum: number(self.momentum),
                dampening: number(dampening),
                weight_decay: number(self.weight_decay),
                nesterov: self.nesterov,
            };
            optim::sgd_momentum_step(weights, gradient, velocity.as_mut_slice(), rule);
        }));
    }

    fn learning_rate(&self) -> f64 {
        self.rate
    }

    fn set_learning_rate(&mut self, rate: f64) {
        check("learning rate", rate);
        self.rate = rate;
    }
}
