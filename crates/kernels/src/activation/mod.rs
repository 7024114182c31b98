//! Activation functions: the values, and gradients fused with the upstream gradient.
//!
//! What an activation is stands in one row of the table in `functions/mod.rs`, from which
//! [`Activation`] follows. What does not belong here: elementary functions that are no activation
//! (see [`crate::math`]), and reductions such as softmax.
//!
//! # Kinks
//!
//! Where a function has no derivative one is chosen: zero for relu at 0, relu6 at 0 and 6,
//! `hard_tanh` and softshrink at their ends, `hard_sigmoid` at -3 and 3; the slope for leaky relu
//! at 0; for `hard_swish` zero at -3 and one at 3; for elu and selu that of the lower branch.

mod function;
mod functions;
pub(crate) mod kernels;
mod kind;
pub(crate) mod reference;
mod table;

use crate::Element;
pub use function::Derivative;
pub(crate) use function::{Identity, Times};
pub use functions::Activation;
pub(crate) use functions::{LeakyRelu, Relu};
pub(crate) use kernels::{Backward, Forward, checked};
pub use kind::{ActivationError, Saved, Sloping};

/// `out[i] = act(x[i])`.
///
/// # Panics
/// If the slices differ in length, or a number of the activation is outside its domain.
#[track_caller]
pub fn forward<E: Element>(act: Activation, x: &[E], out: &mut [E]) {
    E::activation_kernel(act, x, out);
}

/// `out[i] = gy[i] * act'`, the derivative being computed from what [`Activation::saves`] names.
/// Where `gy[i]` is 0 the result is, though the derivative be NaN.
///
/// # Panics
/// If the slices differ in length, or a number of the activation is outside its domain.
#[track_caller]
pub fn backward<E: Element>(act: Activation, gy: &[E], saved: &[E], out: &mut [E]) {
    E::activation_grad_kernel(act, Some(gy), saved, out);
}

/// `gy[i] = gy[i] * act'`: [`backward`] in place.
///
/// # Panics
/// If the slices differ in length, or a number of the activation is outside its domain.
#[track_caller]
pub fn backward_in_place<E: Element>(act: Activation, gy: &mut [E], saved: &[E]) {
    E::activation_grad_kernel(act, None, saved, gy);
}
