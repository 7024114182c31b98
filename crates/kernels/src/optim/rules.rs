//! The update rules, on vectors.

use crate::Float;
use crate::simd::Lanes;

use super::update::Update;

#[derive(Clone, Copy)]
pub(super) struct SgdStep<E> {
    pub(super) lr: E,
    pub(super) weight_decay: E,
}

impl<E: Float> Update<E, 1> for SgdStep<E> {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, g: V, [w]: [V; 1]) -> [V; 1] {
        let d = w.mul_add(w.lit(self.weight_decay), g);
        [d.neg_mul_add(d.lit(self.lr), w)]
    }
}

/// The numbers of [`sgd_momentum_step`](super::sgd_momentum_step); all zero by default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Momentum<E> {
    /// The learning rate.
    pub lr: E,
    /// The share of the velocity that is kept.
    pub momentum: E,
    /// The share of the gradient that is left out of the velocity.
    pub dampening: E,
    /// The factor of the weights added to the gradient.
    pub weight_decay: E,
    /// Whether the step looks ahead along the velocity.
    pub nesterov: bool,
}

#[derive(Clone, Copy)]
pub(super) struct MomentumStep<E>(pub(super) Momentum<E>);

impl<E: Float> Update<E, 2> for MomentumStep<E> {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, g: V, [w, velocity]: [V; 2]) -> [V; 2] {
        let Momentum { lr, momentum, dampening, weight_decay, nesterov } = self.0;
        let momentum = g.lit(momentum);
        let d = w.mul_add(w.lit(weight_decay), g);
        let velocity = velocity.mul_add(momentum, d * d.lit(E::ONE - dampening));
        let step = if nesterov { velocity.mul_add(momentum, d) } else { velocity };
        [step.neg_mul_add(step.lit(lr), w), velocity]
    }
}

/// The numbers of [`adam_step`](super::adam_step).
///
/// With `d = g`, or `g + weight_decay w` unless decoupled, at step `t = 1, 2, ..`:
///
/// ```text
/// m = beta1 m + (1 - beta1) d          v = beta2 v + (1 - beta2) d^2
/// w = (1 - lr weight_decay) w          if decoupled
/// w -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// The learning rate.
    pub lr: f64,
    /// The share of the mean that is kept.
    pub beta1: f64,
    /// The share of the mean square that is kept.
    pub beta2: f64,
    /// What is added to the denominator.
    pub eps: f64,
    /// The weight decay.
    pub weight_decay: f64,
    /// Whether the decay acts on the weights directly (AdamW) or through the gradient (Adam).
    pub decoupled: bool,
    /// The number of this step, counted from one.
    pub step: u64,
}

impl Default for Adam {
    /// PyTorch's defaults, at the first step.
    fn default() -> Self {
        Self {
            lr: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.0,
            decoupled: false,
            step: 1,
        }
    }
}

impl Adam {
    #[track_caller]
    pub(super) fn check(&self) {
        assert!(
            self.step > 0,
            "Adam's step was given as 0, but steps count from 1: the bias correction divides by \
             1 - beta^step"
        );
    }
}

#[derive(Clone, Copy)]
pub(super) struct AdamStep<E> {
    beta1: E,
    rest1: E,
    beta2: E,
    rest2: E,
    eps: E,
    decay: E,
    shrink: E,
    size: E,
    correction: E,
}

impl<E: Float> AdamStep<E> {
    pub(super) fn new(rule: Adam) -> Self {
        let Adam { lr, beta1, beta2, eps, weight_decay, decoupled, step } = rule;
        // 1 - beta^step.
        let rest = |beta: f64| -(step as f64 * beta.ln()).exp_m1();
        let (decay, shrink) =
            if decoupled { (0.0, 1.0 - lr * weight_decay) } else { (weight_decay, 1.0) };
        Self {
            beta1: E::from_f64(beta1),
            rest1: E::from_f64(1.0 - beta1),
            beta2: E::from_f64(beta2),
            rest2: E::from_f64(1.0 - beta2),
            eps: E::from_f64(eps),
            decay: E::from_f64(decay),
            shrink: E::from_f64(shrink),
            size: E::from_f64(lr / rest(beta1)),
            correction: E::from_f64(1.0 / rest(beta2).sqrt()),
        }
    }

    #[inline(always)]
    fn moments<V: Lanes<Elem = E>>(self, g: V, w: V, m: V, v: V) -> (V, V) {
        let d = w.mul_add(w.lit(self.decay), g);
        let m = m.mul_add(m.lit(self.beta1), d * d.lit(self.rest1));
        let v = v.mul_add(v.lit(self.beta2), d * d.lit(self.rest2) * d);
        (m, v)
    }

    #[inline(always)]
    fn weights<V: Lanes<Elem = E>>(self, w: V, m: V, v: V) -> V {
        let denominator = v.sqrt().mul_add(v.lit(self.correction), v.lit(self.eps));
        w * w.lit(self.shrink) - m * m.lit(self.size) / denominator
    }
}

impl<E: Float> Update<E, 3> for AdamStep<E> {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, g: V, [w, m, v]: [V; 3]) -> [V; 3] {
        let (m, v) = self.moments(g, w, m, v);
        [self.weights(w, m, v), m, v]
    }
}

impl<E: Float> Update<E, 4> for AdamStep<E> {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, g: V, [w, m, v, v_max]: [V; 4]) -> [V; 4] {
        let (m, v) = self.moments(g, w, m, v);
        let v_max = v_max.max(v);
        [self.weights(w, m, v_max), m, v, v_max]
    }
}

/// The numbers of [`rmsprop_step`](super::rmsprop_step).
///
/// With `d = g + weight_decay w`: `mean = alpha mean + (1 - alpha) d^2` and
/// `w -= lr d / (sqrt(mean) + eps)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp<E> {
    /// The learning rate.
    pub lr: E,
    /// The share of the mean square that is kept. In `f64`, so that `1 - alpha` is not 0 near 1.
    pub alpha: f64,
    /// What is added to the denominator.
    pub eps: E,
    /// The factor of the weights added to the gradient.
    pub weight_decay: E,
}

#[derive(Clone, Copy)]
pub(super) struct RmsPropStep<E>(pub(super) RmsProp<E>);

impl<E: Float> Update<E, 2> for RmsPropStep<E> {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, g: V, [w, mean]: [V; 2]) -> [V; 2] {
        let RmsProp { lr, alpha, eps, weight_decay } = self.0;
        let d = w.mul_add(w.lit(weight_decay), g);
        let (kept, rest) = (mean.lit(E::from_f64(alpha)), d.lit(E::from_f64(1.0 - alpha)));
        let mean = mean.mul_add(kept, d * rest * d);
        [w - d * d.lit(lr) / (mean.sqrt() + mean.lit(eps)), mean]
    }
}
