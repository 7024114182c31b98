//! Rules that scale each weight's step by its gradients' history: Adamax, Adagrad, Adadelta and
//! Lion; and the moving average of weights.

use crate::Float;
use crate::simd::Lanes;

use super::update::Update;

/// The numbers of [`adamax_step`](super::adamax_step).
///
/// With `d = g + weight_decay w`: `m = beta1 m + (1 - beta1) d`,
/// `largest = max(beta2 largest, |d| + eps)` and `w -= lr m / largest`. Adamax passes its rate over
/// `1 - beta1^t` for `lr`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adamax<E> {
    /// The learning rate, corrected for the mean's start at zero.
    pub lr: E,
    /// The share of the mean that is kept. In `f64`, so that `1 - beta1` is not 0 near 1.
    pub beta1: f64,
    /// The factor by which the largest gradient fades.
    pub beta2: E,
    /// What is added to the gradient's size.
    pub eps: E,
    /// The factor of the weights added to the gradient.
    pub weight_decay: E,
}

#[derive(Clone, Copy)]
pub(super) struct AdamaxStep<E>(pub(super) Adamax<E>);

impl<E: Float> Update<E, 3> for AdamaxStep<E> {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, g: V, [w, m, largest]: [V; 3]) -> [V; 3] {
        let Adamax { lr, beta1, beta2, eps, weight_decay } = self.0;
        let (kept, rest) = (E::from_f64(beta1), E::from_f64(1.0 - beta1));
        let d = w.mul_add(w.lit(weight_decay), g);
        let m = m.mul_add(m.lit(kept), d * d.lit(rest));
        let largest = (largest * largest.lit(beta2)).max(d.abs() + d.lit(eps));
        [w - m * m.lit(lr) / largest, m, largest]
    }
}

/// The numbers of [`adagrad_step`](super::adagrad_step).
///
/// With `d = g + weight_decay w`: `sum = sum + d^2` and `w -= lr d / (sqrt(sum) + eps)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adagrad<E> {
    /// The learning rate.
    pub lr: E,
    /// What is added to the denominator.
    pub eps: E,
    /// The factor of the weights added to the gradient.
    pub weight_decay: E,
}

#[derive(Clone, Copy)]
pub(super) struct AdagradStep<E>(pub(super) Adagrad<E>);

impl<E: Float> Update<E, 2> for AdagradStep<E> {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, g: V, [w, sum]: [V; 2]) -> [V; 2] {
        let Adagrad { lr, eps, weight_decay } = self.0;
        let d = w.mul_add(w.lit(weight_decay), g);
        let sum = d.mul_add(d, sum);
        [w - d * d.lit(lr) / (sum.sqrt() + sum.lit(eps)), sum]
    }
}

/// The numbers of [`adadelta_step`](super::adadelta_step).
///
/// With `d = g + weight_decay w`:
///
/// ```text
/// squares = rho squares + (1 - rho) d^2
/// step    = sqrt(steps + eps) / sqrt(squares + eps) d
/// steps   = rho steps + (1 - rho) step^2
/// w      -= lr step
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adadelta<E> {
    /// The learning rate.
    pub lr: E,
    /// The share of the mean squares that is kept. In `f64`, so that `1 - rho` is not 0 near 1.
    pub rho: f64,
    /// What is added under the roots.
    pub eps: E,
    /// The factor of the weights added to the gradient.
    pub weight_decay: E,
}

#[derive(Clone, Copy)]
pub(super) struct AdadeltaStep<E>(pub(super) Adadelta<E>);

impl<E: Float> Update<E, 3> for AdadeltaStep<E> {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, g: V, [w, squares, steps]: [V; 3]) -> [V; 3] {
        let Adadelta { lr, rho, eps, weight_decay } = self.0;
        let (rho, rest) = (g.lit(E::from_f64(rho)), g.lit(E::from_f64(1.0 - rho)));
        let eps = g.lit(eps);
        let d = w.mul_add(w.lit(weight_decay), g);
        let squares = squares.mul_add(rho, d * rest * d);
        let step = (steps + eps).sqrt() / (squares + eps).sqrt() * d;
        let steps = steps.mul_add(rho, step * rest * step);
        [step.neg_mul_add(step.lit(lr), w), squares, steps]
    }
}

/// The numbers of [`lion_step`](super::lion_step).
///
/// ```text
/// w -= lr (sign(beta1 m + (1 - beta1) g) + weight_decay w)
/// m  = beta2 m + (1 - beta2) g
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lion<E> {
    /// The learning rate.
    pub lr: E,
    /// The share of the mean in the direction. In `f64`, so that `1 - beta1` is not 0 near 1.
    pub beta1: f64,
    /// The share of the mean that is kept, as `beta1`.
    pub beta2: f64,
    /// The weight decay, which acts on the weights directly.
    pub weight_decay: E,
}

#[derive(Clone, Copy)]
pub(super) struct LionStep<E>(pub(super) Lion<E>);

impl<E: Float> Update<E, 2> for LionStep<E> {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, g: V, [w, m]: [V; 2]) -> [V; 2] {
        let Lion { lr, beta1, beta2, weight_decay } = self.0;
        let mix = |m: V, beta: f64| {
            m.mul_add(m.lit(E::from_f64(beta)), g * g.lit(E::from_f64(1.0 - beta)))
        };
        let mixed = mix(m, beta1);
        // Zero and NaN are their own signs.
        let one = mixed.lit(E::ONE).copysign(mixed);
        let sign = V::select(mixed.abs().eq(mixed.lit(E::ZERO)), mixed, one);
        let sign = V::select(mixed.unordered(mixed), mixed, sign);
        let m = mix(m, beta2);
        let shrunk = w * w.lit(E::ONE - lr * weight_decay);
        [sign.neg_mul_add(sign.lit(lr), shrunk), m]
    }
}

/// `average += share (w - average)`; the weights stand in the place of the gradient.
#[derive(Clone, Copy)]
pub(super) struct AverageStep<E> {
    pub(super) share: E,
}

impl<E: Float> Update<E, 1> for AverageStep<E> {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, w: V, [average]: [V; 1]) -> [V; 1] {
        [(w - average).mul_add(w.lit(self.share), average)]
    }
}
