//! [`NAdam`]: Adam with Nesterov's momentum.

use wengert_autodiff::{Element, Gradients};
use wengert_kernels::optim;

use super::memory::{Memories, parameter_state};
use super::optimizer::{
    Optimizer, check_not_negative, check_share, correction, for_each_parameter,
};
use super::setters::{learning_rate, positive};
use crate::module::Module;

/// `NAdam`: Adam with Nesterov's momentum, whose step already contains the mean of the next step.
///
/// With the gradient `g`, plus `weight_decay * w` if weight decay is set, at a parameter's step
/// `t`:
///
/// ```text
/// mu_t = beta1 (1 - 0.5 * 0.96^(t * momentum_decay))        p_t = mu_1 mu_2 .. mu_t
/// m = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g^2
/// w -= rate ((1 - mu_t) / (1 - p_t) g + mu_{t+1} / (1 - p_{t+1}) m)
///      / (sqrt(v / (1 - beta2^t)) + eps)
/// ```
///
/// ```
/// let nadam = wengert_nn::NAdam::<f32>::new(2e-3);
/// ```
///
/// Source: T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR 2016 workshop.
#[derive(Clone, Debug)]
pub struct NAdam<E: Element = f32> {
    rate: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    weight_decay: f64,
    decoupled: bool,
    momentum_decay: f64,
    /// The products `p_0`, `p_1`, .. that were needed so far.
    products: Vec<f64>,
    moments: Memories<E>,
}

impl<E: Element> NAdam<E> {
    /// Creates the optimizer with `beta1` 0.9, `beta2` 0.999, `eps` 1e-8, a momentum decay of
    /// 0.004, and no weight decay.
    ///
    /// # Panics
    /// If the rate is negative, or not finite when rounded to the element type.
    #[track_caller]
    pub fn new(rate: f64) -> Self {
        check_not_negative::<E>("learning rate", rate);
        NAdam {
            rate,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.0,
            decoupled: false,
            momentum_decay: 4e-3,
            products: vec![1.0],
            moments: Memories::default(),
        }
    }

    /// Sets the fractions of the mean and of the mean square that are kept from step to step.
    ///
    /// # Panics
    /// If one is not in [0, 1).
    #[track_caller]
    pub fn betas(mut self, beta1: f64, beta2: f64) -> Self {
        check_share("beta1", beta1);
        check_share("beta2", beta2);
        (self.beta1, self.beta2, self.products) = (beta1, beta2, vec![1.0]);
        self
    }

    positive! {
        /// Sets the number that is added to the denominator.
        eps = "eps";
    }

    /// Sets the weight decay: this multiple of the weights is added to the gradient.
    ///
    /// # Panics
    /// If it is negative, or not finite when rounded to the element type.
    #[track_caller]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        check_not_negative::<E>("weight decay", weight_decay);
        (self.weight_decay, self.decoupled) = (weight_decay, false);
        self
    }

    /// Sets a weight decay that is applied to the weights instead of the gradient.
    ///
    /// # Panics
    /// If it is negative, or not finite when rounded to the element type.
    #[track_caller]
    pub fn decoupled(self, weight_decay: f64) -> Self {
        Self { decoupled: true, ..self.weight_decay(weight_decay) }
    }

    /// Sets how fast the momentum approaches `beta1`.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn momentum_decay(mut self, momentum_decay: f64) -> Self {
        check_not_negative::<f64>("momentum decay", momentum_decay);
        (self.momentum_decay, self.products) = (momentum_decay, vec![1.0]);
        self
    }
}

/// The fraction of the mean in step `t`.
fn momentum(beta1: f64, decay: f64, t: u64) -> f64 {
    beta1 * (1.0 - 0.5 * 0.96_f64.powf(t as f64 * decay))
}

/// The product of the fractions up to step `t`. Once it is the smallest number, it stays so.
fn product(products: &mut Vec<f64>, beta1: f64, decay: f64, t: u64) -> f64 {
    loop {
        let (known, last) = (products.len() as u64, products.last().copied().unwrap_or(1.0));
        if t < known {
            return products[t as usize];
        }
        let next = last * momentum(beta1, decay, known);
        if next == last {
            return last;
        }
        products.push(next);
    }
}

impl<E: Element> Optimizer<E> for NAdam<E> {
    #[inline(never)]
    fn step(&mut self, module: &mut dyn Module<E>, gradients: &Gradients<E>) {
        let Self { rate, beta1, beta2, eps, weight_decay, decoupled, momentum_decay, .. } = *self;
        for_each_parameter(module, gradients, |id, weights, gradient| {
            let ([m, v], t) = self.moments.recall(id, weights.len());
            let mut product = |t| product(&mut self.products, beta1, momentum_decay, t);
            let momentum = |t| momentum(beta1, momentum_decay, t);
            let rule = optim::Moments {
                beta1,
                beta2,
                decay: if decoupled { 0.0 } else { weight_decay },
                shrink: if decoupled { 1.0 - rate * weight_decay } else { 1.0 },
                gradient: rate * (1.0 - momentum(t)) / (1.0 - product(t)),
                mean: rate * momentum(t + 1) / (1.0 - product(t + 1)),
                root: 1.0 / correction(beta2, t).sqrt(),
                floor: eps,
            };
            optim::moments_step(weights, gradient, m, v, rule);
        });
    }

    learning_rate!();

    fn normalizes_steps(&self) -> Option<bool> {
        Some(true)
    }
}

parameter_state!(NAdam, "NAdam", |this| this.rate, this.moments, &["exp_avg", "exp_avg_sq"]);

#[cfg(test)]
mod tests {
    use super::{momentum, product};

    #[test]
    fn products_are_the_same_however_they_are_asked_for() {
        let all = |t: u64| (1..=t).fold(1.0, |p, t| p * momentum(0.9, 4e-3, t));
        let mut products = vec![1.0];
        for t in [5, 2, 0, 9, 30_000] {
            assert_eq!(product(&mut products, 0.9, 4e-3, t), all(t), "{t}");
        }
        assert!(products.len() < 10_000, "{}", products.len());
    }
}
