//! [`Adam`]: moments of the gradient, with Adam's or AdamW's weight decay.

use wengert_autodiff::{Element, Gradients};
use wengert_kernels::optim;

use super::memory::{Memories, parameter_state};
use super::optimizer::{
    Optimizer, check_not_negative, check_positive, check_share, for_each_parameter,
};
use super::setters::momentum;
use crate::module::Module;

/// Adam, AdamW and AMSGrad: steps along the mean of the gradient, divided by its root mean square.
///
/// With the gradient `g`, plus `weight_decay * w` if weight decay is set, at a parameter's step
/// `t`:
///
/// ```text
/// m = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g^2
/// w -= rate / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
/// ```
///
/// [`decoupled`](Self::decoupled) (AdamW) subtracts `rate * weight_decay * w` from the weights
/// instead of adding to the gradient. [`amsgrad`](Self::amsgrad) divides by the largest `v` so far.
/// A step is one pass over the weights and the moments.
///
/// ```
/// use wengert_nn::Adam;
/// let adam = Adam::<f32>::new(1e-3);
/// let adamw = Adam::<f32>::new(1e-3).decoupled(0.01);
/// ```
///
/// Sources: D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015;
/// I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019; S. Reddi, S. Kale,
/// S. Kumar, "On the convergence of Adam and beyond", ICLR 2018.
#[doc(alias = "AdamW")]
#[derive(Clone, Debug)]
pub struct Adam<E: Element = f32> {
    /// All settings, and the learning rate.
    rule: optim::Adam,
    amsgrad: bool,
    moments: Memories<E>,
}

impl<E: Element> Adam<E> {
    /// Creates Adam with the paper's `beta1` 0.9, `beta2` 0.999 and `eps` 1e-8, and no weight
    /// decay.
    ///
    /// # Panics
    /// If the rate is negative, or not finite when rounded to the element type.
    #[track_caller]
    pub fn new(rate: f64) -> Self {
        check_not_negative::<E>("learning rate", rate);
        let rule = optim::Adam { lr: rate, ..optim::Adam::default() };
        Adam { rule, amsgrad: false, moments: Memories::default() }
    }

    /// Sets the fractions of the mean and of the mean square that are kept from step to step.
    ///
    /// # Panics
    /// If one is not in [0, 1).
    #[track_caller]
    pub fn betas(mut self, beta1: f64, beta2: f64) -> Self {
        check_share("beta1", beta1);
        check_share("beta2", beta2);
        self.rule = optim::Adam { beta1, beta2, ..self.rule };
        self
    }

    /// Sets the number that is added to the denominator.
    ///
    /// # Panics
    /// If it is not positive and finite when rounded to the element type.
    #[track_caller]
    pub fn eps(mut self, eps: f64) -> Self {
        check_positive::<E>("eps", eps);
        self.rule.eps = eps;
        self
    }

    /// Sets the weight decay: this multiple of the weights is added to the gradient.
    ///
    /// # Panics
    /// If it is negative, or not finite when rounded to the element type.
    #[track_caller]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        check_not_negative::<E>("weight decay", weight_decay);
        self.rule = optim::Adam { weight_decay, decoupled: false, ..self.rule };
        self
    }

    /// Sets a weight decay that is applied to the weights instead of the gradient: AdamW.
    ///
    /// # Panics
    /// If it is negative, or not finite when rounded to the element type.
    #[track_caller]
    pub fn decoupled(self, weight_decay: f64) -> Self {
        let mut adam = self.weight_decay(weight_decay);
        adam.rule.decoupled = true;
        adam
    }

    /// Divides by the largest mean square so far instead of the current mean square: AMSGrad.
    pub fn amsgrad(mut self) -> Self {
        self.amsgrad = true;
        self
    }
}

impl<E: Element> Optimizer<E> for Adam<E> {
    #[inline(never)]
    fn step(&mut self, module: &mut dyn Module<E>, gradients: &Gradients<E>) {
        for_each_parameter(module, gradients, |id, weights, gradient| {
            if self.amsgrad {
                let ([m, v, v_max], step) = self.moments.recall(id, weights.len());
                let rule = optim::Adam { step, ..self.rule };
                optim::amsgrad_step(weights, gradient, m, v, v_max, rule);
            } else {
                let ([m, v], step) = self.moments.recall(id, weights.len());
                optim::adam_step(weights, gradient, m, v, optim::Adam { step, ..self.rule });
            }
        });
    }

    fn normalizes_steps(&self) -> Option<bool> {
        Some(true)
    }

    fn learning_rate(&self) -> f64 {
        self.rule.lr
    }

    fn set_learning_rate(&mut self, rate: f64) {
        check_not_negative::<E>("learning rate", rate);
        self.rule.lr = rate;
    }

    momentum!(rule.beta1);
}

/// The names of the arrays that are kept for each parameter.
fn arrays(amsgrad: bool) -> &'static [&'static str] {
    if amsgrad { &["exp_avg", "exp_avg_sq", "max_exp_avg_sq"] } else { &["exp_avg", "exp_avg_sq"] }
}

parameter_state!(Adam, "Adam", |this| this.rule.lr, this.moments, arrays(this.amsgrad));
