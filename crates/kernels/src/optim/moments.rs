//! Rules on both moments of the gradient, beyond [`Adam`](super::Adam): `NAdam`, `RAdam` and LAMB.

use crate::Float;
use crate::simd::Lanes;

use super::update::Update;

/// The numbers of [`moments_step`](super::moments_step): one formula for optimizers that follow
/// both moments of the gradient.
///
/// With `d = g + decay w`:
///
/// ```text
/// m = beta1 m + (1 - beta1) d          v = beta2 v + (1 - beta2) d^2
/// w = shrink w - (gradient d + mean m) / (root sqrt(v) + floor)
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// The share of the mean that is kept.
    pub beta1: f64,
    /// The share of the mean square that is kept.
    pub beta2: f64,
    /// The factor of the weights added to the gradient.
    pub decay: f64,
    /// The factor of the weights themselves.
    pub shrink: f64,
    /// The factor of the gradient in the step.
    pub gradient: f64,
    /// The factor of the mean in the step.
    pub mean: f64,
    /// The factor of the root of the mean square in the denominator. If it is zero, the denominator
    /// is `floor`, also where the mean square is infinite.
    pub root: f64,
    /// What is added to the denominator.
    pub floor: f64,
}

#[derive(Clone, Copy)]
pub(super) struct MomentsStep<E> {
    beta1: E,
    rest1: E,
    beta2: E,
    rest2: E,
    decay: E,
    shrink: E,
    gradient: E,
    mean: E,
    root: E,
    floor: E,
}

impl<E: Float> MomentsStep<E> {
    pub(super) fn new(rule: Moments) -> Self {
        let Moments { beta1, beta2, decay, shrink, gradient, mean, root, floor } = rule;
        Self {
            beta1: E::from_f64(beta1),
            rest1: E::from_f64(1.0 - beta1),
            beta2: E::from_f64(beta2),
            rest2: E::from_f64(1.0 - beta2),
            decay: E::from_f64(decay),
            shrink: E::from_f64(shrink),
            gradient: E::from_f64(gradient),
            mean: E::from_f64(mean),
            root: E::from_f64(root),
            floor: E::from_f64(floor),
        }
    }

    /// The moments after this step, of `d`.
    #[inline(always)]
    fn moments<V: Lanes<Elem = E>>(self, d: V, m: V, v: V) -> (V, V) {
        let m = m.mul_add(m.lit(self.beta1), d * d.lit(self.rest1));
        // The share comes before the second factor: the square alone may be out of range.
        let v = v.mul_add(v.lit(self.beta2), d * d.lit(self.rest2) * d);
        (m, v)
    }

    /// The step along `d` and the mean.
    #[inline(always)]
    fn direction<V: Lanes<Elem = E>>(self, d: V, m: V, v: V) -> V {
        let floor = d.lit(self.floor);
        let scaled = self.root != E::ZERO;
        let denominator = if scaled { v.sqrt().mul_add(v.lit(self.root), floor) } else { floor };
        m.mul_add(m.lit(self.mean), d * d.lit(self.gradient)) / denominator
    }
}

impl<E: Float> Update<E, 3> for MomentsStep<E> {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, g: V, [w, m, v]: [V; 3]) -> [V; 3] {
        let d = w.mul_add(w.lit(self.decay), g);
        let (m, v) = self.moments(d, m, v);
        [w * w.lit(self.shrink) - self.direction(d, m, v), m, v]
    }
}

/// LAMB's first pass: `decay` does not enter the moments, but is added to the direction.
#[derive(Clone, Copy)]
pub(super) struct LambStep<E>(pub(super) MomentsStep<E>);

impl<E: Float> Update<E, 4> for LambStep<E> {
    #[inline(always)]
    fn eval<V: Lanes<Elem = E>>(self, g: V, [direction, m, v, w]: [V; 4]) -> [V; 4] {
        let _ = direction;
        let (m, v) = self.0.moments(g, m, v);
        let direction = w.mul_add(w.lit(self.0.decay), self.0.direction(g, m, v));
        [direction, m, v, w]
    }
}
