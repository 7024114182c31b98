//! Optimizer updates, each in one pass over its arrays.
//!
//! The formulas are PyTorch's (`torch.optim`), with weights `w`, gradient `g` and learning rate
//! `lr`. State starts at zero. The updates are elementwise, so they do not depend on how a model's
//! parameters are cut into slices.

mod adaptive;
pub(crate) mod kernels;
mod moments;
mod rules;
mod update;

use crate::Element;
use crate::slices::check_len;
pub use adaptive::{Adadelta, Adagrad, Adamax, Lion};
#[doc(hidden)]
pub use kernels::OptimKernels;
pub use moments::Moments;
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
/// Sources: D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization" (2015); I.
/// Loshchilov, F. Hutter, "Decoupled weight decay regularization" (2019).
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

/// One step of an optimizer on both moments of the gradient, such as `NAdam` or `RAdam`: see
/// [`Moments`].
///
/// Sources: T. Dozat, "Incorporating Nesterov momentum into Adam" (2016); L. Liu et al., "On the
/// variance of the adaptive learning rate and beyond" (2020).
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn moments_step<E: Element>(w: &mut [E], g: &[E], m: &mut [E], v: &mut [E], rule: Moments) {
    check_len("g", g.len(), w.len());
    check_len("m", m.len(), w.len());
    check_len("v", v.len(), w.len());
    E::moments_kernel([w, m, v], g, rule);
}

/// The first pass of a step of LAMB: updates the moments of the gradient and writes the direction,
/// `(gradient g + mean m) / (root sqrt(v) + floor) + decay w`, of [`Moments`], whose `decay` does
/// not enter the moments here and whose `shrink` is not used.
///
/// The weights are not changed; the second pass, [`axpy`](crate::elementwise::axpy), subtracts a
/// multiple of the direction, which depends on the norms of both.
///
/// Source: Y. You et al., "Large batch optimization for deep learning: training BERT in 76 minutes"
/// (2020).
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn lamb_direction<E: Element>(
    w: &mut [E],
    g: &[E],
    m: &mut [E],
    v: &mut [E],
    direction: &mut [E],
    rule: Moments,
) {
    check_len("g", g.len(), w.len());
    check_len("m", m.len(), w.len());
    check_len("v", v.len(), w.len());
    check_len("direction", direction.len(), w.len());
    E::lamb_kernel([direction, m, v, w], g, rule);
}

/// One step of Adamax: see [`Adamax`].
///
/// Source: D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization" (2015), section 7.1.
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn adamax_step<E: Element>(
    w: &mut [E],
    g: &[E],
    m: &mut [E],
    largest: &mut [E],
    rule: Adamax<E>,
) {
    check_len("g", g.len(), w.len());
    check_len("m", m.len(), w.len());
    check_len("largest", largest.len(), w.len());
    E::adamax_kernel([w, m, largest], g, rule);
}

/// One step of Adagrad: see [`Adagrad`].
///
/// Source: J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online learning and
/// stochastic optimization" (2011).
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn adagrad_step<E: Element>(w: &mut [E], g: &[E], sum: &mut [E], rule: Adagrad<E>) {
    check_len("g", g.len(), w.len());
    check_len("sum", sum.len(), w.len());
    E::adagrad_kernel([w, sum], g, rule);
}

/// One step of Adadelta: see [`Adadelta`].
///
/// Source: M. D. Zeiler, "ADADELTA: an adaptive learning rate method" (2012).
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn adadelta_step<E: Element>(
    w: &mut [E],
    g: &[E],
    squares: &mut [E],
    steps: &mut [E],
    rule: Adadelta<E>,
) {
    check_len("g", g.len(), w.len());
    check_len("squares", squares.len(), w.len());
    check_len("steps", steps.len(), w.len());
    E::adadelta_kernel([w, squares, steps], g, rule);
}

/// One step of Lion: see [`Lion`]. The sign of zero is zero.
///
/// Source: X. Chen et al., "Symbolic discovery of optimization algorithms" (2023).
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn lion_step<E: Element>(w: &mut [E], g: &[E], m: &mut [E], rule: Lion<E>) {
    check_len("g", g.len(), w.len());
    check_len("m", m.len(), w.len());
    E::lion_kernel([w, m], g, rule);
}

/// Moves an average of weights towards the weights: `average += share (w - average)`.
///
/// ```
/// let mut average = [1.0, 2.0];
/// wengert_kernels::optim::average_step(&mut average, &[3.0, 2.0], 0.25);
/// assert_eq!(average, [1.5, 2.0]);
/// ```
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn average_step<E: Element>(average: &mut [E], w: &[E], share: E) {
    check_len("w", w.len(), average.len());
    E::average_kernel(average, w, share);
}
