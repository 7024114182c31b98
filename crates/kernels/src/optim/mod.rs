//! Optimizer updates, each in one pass over its arrays.
//!
//! The formulas are PyTorch's (`torch.optim`), with weights `w`, gradient `g` and learning rate
//! `lr`. State starts at zero. The updates are elementwise, so they do not depend on how a model's
//! parameters are cut into slices.

pub(crate) mod kernels;
mod rules;
mod update;

use crate::Element;
use crate::slices::check_len;
#[doc(hidden)]
pub use kernels::OptimKernels;
pub use rules::{Adam, Momentum, RmsProp};

/// One step of stochastic gradient descent: `w -= lr (g + weight_decay w)`.
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn sgd_step<E: Element>(w: &mut [E], g: &[E], lr: E, weight_decay: E) {
    check_len("g", g.len(), w.len());
    E::sgd_kernel(w, g, lr, weight_decay);
}

/// One step of gradient descent with momentum.
///
/// With `d = g + weight_decay w` and `velocity = momentum velocity + (1 - dampening) d`:
/// `w -= lr velocity`, or with Nesterov's momentum `w -= lr (d + momentum velocity)`.
///
/// PyTorch does not dampen the very first step: pass `dampening` zero there to follow it.
///
/// ```
/// use wengert_kernels::optim::{Momentum, sgd_momentum_step};
/// let (mut w, mut velocity) = ([1.0], [0.0]);
/// let rule = Momentum { lr: 0.125, momentum: 0.5, ..Momentum::default() };
/// for _ in 0..2 {
///     sgd_momentum_step(&mut w, &[1.0], &mut velocity, rule);
/// }
/// assert_eq!((w, velocity), ([0.6875], [1.5]));
/// ```
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn sgd_momentum_step<E: Element>(w: &mut [E], g: &[E], velocity: &mut [E], rule: Momentum<E>) {
    check_len("g", g.len(), w.len());
    check_len("velocity", velocity.len(), w.len());
    E::momentum_kernel(w, g, velocity, rule);
}

/// One step of Adam or, with [`Adam::decoupled`], of AdamW.
///
/// Sources: D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization" (2015); I. Loshchilov,
/// F. Hutter, "Decoupled weight decay regularization" (2019).
///
/// # Panics
/// If the slices differ in length, or `rule.step` is zero.
#[track_caller]
pub fn adam_step<E: Element>(w: &mut [E], g: &[E], m: &mut [E], v: &mut [E], rule: Adam) {
    check_len("g", g.len(), w.len());
    check_len("m", m.len(), w.len());
    check_len("v", v.len(), w.len());
    rule.check();
    E::adam_kernel(w, g, m, v, rule);
}

/// One step of AMSGrad: [`adam_step`] with the largest second moment so far, `v_max`, in place of
/// the second moment.
///
/// Source: S. Reddi, S. Kale, S. Kumar, "On the convergence of Adam and beyond" (2018).
///
/// # Panics
/// If the slices differ in length, or `rule.step` is zero.
#[track_caller]
pub fn amsgrad_step<E: Element>(
    w: &mut [E],
    g: &[E],
    m: &mut [E],
    v: &mut [E],
    v_max: &mut [E],
    rule: Adam,
) {
    check_len("g", g.len(), w.len());
    check_len("m", m.len(), w.len());
    check_len("v", v.len(), w.len());
    check_len("v_max", v_max.len(), w.len());
    rule.check();
    E::amsgrad_kernel([w, m, v, v_max], g, rule);
}

/// One step of RMSprop.
///
/// Source: T. Tieleman, G. Hinton, "Neural networks for machine learning", lecture 6.5 (2012).
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn rmsprop_step<E: Element>(w: &mut [E], g: &[E], mean: &mut [E], rule: RmsProp<E>) {
    check_len("g", g.len(), w.len());
    check_len("mean", mean.len(), w.len());
    E::rmsprop_kernel(w, g, mean, rule);
}
