//! [`RmsProp`]: the gradient over the root of its mean square.

use wengert_autodiff::{Element, Gradients};
use wengert_kernels::optim;

use super::memory::{Memories, parameter_state};
use super::optimizer::{Optimizer, check_not_negative, check_share, for_each_parameter};
use crate::module::Module;

/// `RMSprop`: with the gradient `g`, plus `weight_decay * w` where asked for,
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
    /// With `alpha` 0.99, `eps` 1e-8, and no weight decay.
    ///
    /// # Panics
    /// If the rate is negative or not finite.
    #[track_caller]
    pub fn new(rate: f64) -> Self {
        check_not_negative("learning rate", rate);
        RmsProp { rate, alpha: 0.99, eps: 1e-8, weight_decay: 0.0, squares: Memories::default() }
    }

    /// With the share of the mean square that is kept from step to step.
    ///
    /// # Panics
    /// If it is not in [0, 1).
    #[track_caller]
    pub fn alpha(mut self, alpha: f64) -> Self {
        check_share("alpha", alpha);
        self.alpha = alpha;
        self
    }

    /// With what is added to the denominator.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn eps(mut self, eps: f64) -> Self {
        check_not_negative("eps", eps);
        self.eps = eps;
        self
    }

    /// With a multiple of the weights added to the gradient.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        check_not_negative("weight decay", weight_decay);
        self.weight_decay = weight_decay;
        self
    }
}

impl<E: Element> Optimizer<E> for RmsProp<E> {
    fn step(&mut self, module: &mut dyn Module<E>, gradients: &Gradients<E>) {
        let rule = optim::RmsProp {
            lr: E::from_f64(self.rate),
            alpha: E::from_f64(self.alpha),
            eps: E::from_f64(self.eps),
            weight_decay: E::from_f64(self.weight_decay),
        };
        for_each_parameter(module, gradients, |id, weights, gradient| {
            let ([mean], _) = self.squares.recall(id, weights.len());
            optim::rmsprop_step(weights, gradient, mean, rule);
        });
    }

    fn learning_rate(&self) -> f64 {
        self.rate
    }

    fn set_learning_rate(&mut self, rate: f64) {
        check_not_negative("learning rate", rate);
        self.rate = rate;
    }
}

parameter_state!(RmsProp, "RmsProp", |this| this.rate, this.squares, &["square_avg"]);
