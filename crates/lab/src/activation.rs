//! Values and derivatives of the activation kernels.

use wengert::Activation;
use wengert::kernels::activation::{self, Saved};

/// The values of an activation at some points.
pub fn values(act: Activation, points: &[f32]) -> Vec<f32> {
    let mut outputs = vec![0.0; points.len()];
    activation::forward(act, points, &mut outputs);
    outputs
}

/// The derivatives of an activation at some points, as the backward pass computes them.
pub fn derivatives(act: Activation, points: &[f32]) -> Vec<f32> {
    let outputs = values(act, points);
    let saved = if act.saves() == Saved::Input { points } else { &outputs };
    let mut derivatives = vec![0.0; points.len()];
    activation::backward(act, &vec![1.0; points.len()], saved, &mut derivatives);
    derivatives
}
