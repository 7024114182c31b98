//! [`RAdam`]: Adam that corrects the variance of its first steps.

use wengert_autodiff::{Element, Gradients};
use wengert_kernels::optim;

use super::memory::{Memories, parameter_state};
use super::optimizer::{Optimizer, check_not_negative, correction, for_each_parameter};
use super::setters::{betas, learning_rate, momentum, positive};
use crate::module::Module;

/// `RAdam`: Adam that does not divide by the root mean square of the gradient in the first steps,
/// and makes the following steps shorter, while the mean square is estimated from few gradients.
///
/// With the gradient `g`, plus `weight_decay * w` if weight decay is set, at a parameter's step
/// `t`:
///
/// ```text
/// m = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g^2
/// rho_inf = 2 / (1 - beta2) - 1        rho = rho_inf - 2 t beta2^t / (1 - beta2^t)
/// r = sqrt((rho - 4) (rho - 2) rho_inf / ((rho_inf - 4) (rho_inf - 2) rho))
/// w -= rate m / (1 - beta1^t)                                               if rho <= 5
/// w -= rate r sqrt(1 - beta2^t) m / ((1 - beta1^t) (sqrt(v) + eps))         otherwise
/// ```
///
/// ```
/// let radam = wengert_nn::RAdam::<f32>::new(1e-3);
/// ```
///
/// Source: L. Liu et al., "On the variance of the adaptive learning rate and beyond", ICLR 2020.
#[derive(Clone, Debug)]
pub struct RAdam<E: Element = f32> {
    rate: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    weight_decay: f64,
    decoupled: bool,
    moments: Memories<E>,
}

impl<E: Element> RAdam<E> {
    /// Creates the optimizer with `beta1` 0.9, `beta2` 0.999, `eps` 1e-8, and no weight decay.
    ///
    /// # Panics
    /// If the rate is negative, or not finite when rounded to the element type.
    #[track_caller]
    pub fn new(rate: f64) -> Self {
        check_not_negative::<E>("learning rate", rate);
        RAdam {
            rate,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.0,
            decoupled: false,
            moments: Memories::default(),
        }
    }

    betas! {
        /// Sets the fractions of the mean and of the mean square that are kept from step to step.
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
}

/// The numbers `rho_inf` and `rho` of step `t`.
fn lengths(beta2: f64, t: u64) -> [f64; 2] {
    let (rest, sum, t) = (1.0 - beta2, correction(beta2, t), t as f64);
    let limit = 2.0 / rest - 1.0;
    let product = t * rest;
    if product > 1e-3 {
        return [limit, limit - 2.0 * t * (1.0 - sum) / sum];
    }
    // The difference cancels: rho is about t, and rho_inf 2 / rest. With the binomial series
    // t rest - sum = t (t - 1) / 2 rest^2 series, rho is 2 t - 1 - t (t - 1) rest series / sum.
    let tail = 1.0 - (t - 3.0) * rest / 4.0 * (1.0 - (t - 4.0) * rest / 5.0);
    let series = 1.0 - (t - 2.0) * rest / 3.0 * tail;
    [limit, 2.0 * t - 1.0 - (t - 1.0) * product * series / sum]
}

impl<E: Element> Optimizer<E> for RAdam<E> {
    #[inline(never)]
    fn step(&mut self, module: &mut dyn Module<E>, gradients: &Gradients<E>) {
        let Self { rate, beta1, beta2, eps, weight_decay, decoupled, .. } = *self;
        for_each_parameter(module, gradients, |id, weights, gradient| {
            let ([m, v], step) = self.moments.recall(id, weights.len());
            let (rest1, rest2) = (correction(beta1, step), correction(beta2, step));
            let [limit, length] = lengths(beta2, step);
            let (mean, root, floor) = if length > 5.0 {
                let shares = (length - 4.0) * (length - 2.0) * limit;
                let rectified = (shares / ((limit - 4.0) * (limit - 2.0) * length)).sqrt();
                (rate * rectified * rest2.sqrt() / rest1, 1.0, eps)
            } else {
                (rate / rest1, 0.0, 1.0)
            };
            let rule = optim::Moments {
                beta1,
                beta2,
                decay: if decoupled { 0.0 } else { weight_decay },
                shrink: if decoupled { 1.0 - rate * weight_decay } else { 1.0 },
                gradient: 0.0,
                mean,
                root,
                floor,
            };
            optim::moments_step(weights, gradient, m, v, rule);
        });
    }

    learning_rate!();

    fn normalizes_steps(&self) -> Option<bool> {
        Some(true)
    }

    momentum!(beta1);
}

parameter_state!(RAdam, "RAdam", |this| this.rate, this.moments, &["exp_avg", "exp_avg_sq"]);

#[cfg(test)]
mod tests {
    use super::lengths;

    #[test]
    fn lengths_do_not_cancel() {
        let near = |found: f64, expected: f64, bound: f64| {
            assert!((found / expected - 1.0).abs() < bound, "{found} for {expected}");
        };
        // The formula itself, where it does not cancel, on both sides of the bound of the series.
        for (beta2, t) in [(0.9, 1), (0.9, 40), (0.999, 1), (0.999, 2), (0.999, 900), (0.0, 3)] {
            let (limit, power) = (2.0 / (1.0 - beta2) - 1.0, f64::powf(beta2, t as f64));
            let expected = limit - 2.0 * t as f64 * power / (1.0 - power);
            near(lengths(beta2, t)[1], expected, 1e-8);
        }
        for (beta2, t) in [(1.0 - 1e-6, 1000), (1.0 - 1e-9, 1_000_000)] {
            near(lengths(beta2, t)[1], lengths(beta2, t + 1)[1], 2.0 / t as f64);
        }
        // At a beta2 near 1, rho is the number of steps.
        for beta2 in [1.0 - 1e-9, 1.0 - 1e-12, 1.0_f64.next_down()] {
            for t in 1..50 {
                near(lengths(beta2, t)[1], t as f64, 1e-6);
            }
        }
    }
}
