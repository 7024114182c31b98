//! [`Adagrad`]: the gradient divided by the root of the sum of its squares.

use wengert_autodiff::{Element, Gradients, Tensor};
use wengert_kernels::optim;

use super::memory::{Memories, parameter_state};
use super::optimizer::{Optimizer, check_not_negative, for_each_parameter};
use super::setters::{learning_rate, not_negative, positive};
use crate::module::Module;

/// Adagrad: with the gradient `g`, plus `weight_decay * w` if weight decay is set, at a parameter's
/// step `t` `sum = sum + g^2`, then `w -= rate / (1 + (t - 1) rate_decay) * g / (sqrt(sum) + eps)`.
///
/// ```
/// let adagrad = wengert_nn::Adagrad::<f32>::new(1e-2).initial_sum(0.1);
/// ```
///
/// Source: J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online learning and
/// stochastic optimization", JMLR 12, 2011.
#[derive(Clone, Debug)]
pub struct Adagrad<E: Element = f32> {
    rate: f64,
    rate_decay: f64,
    initial_sum: f64,
    eps: f64,
    weight_decay: f64,
    sums: Memories<E>,
}

impl<E: Element> Adagrad<E> {
    /// Creates the optimizer with sums that begin at zero, `eps` 1e-10, and no decay of the
    /// learning rate or the weights.
    ///
    /// # Panics
    /// If the rate is negative, or not finite when rounded to the element type.
    #[track_caller]
    pub fn new(rate: f64) -> Self {
        check_not_negative::<E>("learning rate", rate);
        let sums = Memories::default();
        Adagrad { rate, rate_decay: 0.0, initial_sum: 0.0, eps: 1e-10, weight_decay: 0.0, sums }
    }

    not_negative! {
        /// Sets the decay of the learning rate, which falls as `1 / (1 + (t - 1) rate_decay)`.
        #[doc(alias = "lr_decay")]
        rate_decay = "rate decay";
        /// Sets the number at which the sums begin.
        #[doc(alias = "initial_accumulator_value")]
        initial_sum = "initial sum";
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

impl<E: Element> Optimizer<E> for Adagrad<E> {
    #[inline(never)]
    fn step(&mut self, module: &mut dyn Module<E>, gradients: &Gradients<E>) {
        let Self { rate, rate_decay, initial_sum, eps, weight_decay, .. } = *self;
        for_each_parameter(module, gradients, |id, weights, gradient| {
            let start = || Tensor::full([weights.len()], E::from_f64(initial_sum));
            let ([sum], step) = self.sums.recall_from(id, start);
            let rule = optim::Adagrad {
                lr: E::from_f64(rate / (1.0 + (step - 1) as f64 * rate_decay)),
                eps: E::from_f64(eps),
                weight_decay: E::from_f64(weight_decay),
            };
            optim::adagrad_step(weights, gradient, sum, rule);
        });
    }

    learning_rate!();

    fn normalizes_steps(&self) -> Option<bool> {
        Some(true)
    }
}

parameter_state!(Adagrad, "Adagrad", |this| this.rate, this.sums, &["sum"]);
