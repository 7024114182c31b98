//! Losses, the softmax family, running sums and clipping lose nothing that the element type can
//! represent: results of f32 are those of f64 to within a stated bound, on inputs of any magnitude,
//! and at the edges of both types they are the exact ones.

mod edges;
mod magnitudes;

use wengert_autodiff::{Tape, Tensor};
use wengert_kernels::Element;

/// The smallest positive f32.
const TINY: f64 = 1.401_298_464_324_817e-45;

/// A leaf with a gradient of the given elements, clipped.
fn clipped<E: Element>(gradient: &[f64], most: f64) -> (f64, Vec<f64>) {
    let tape = Tape::<E>::new();
    let gradient = gradient.iter().map(|&g| E::from_f64(g)).collect::<Vec<_>>();
    let x = tape.variable(&Tensor::zeros([gradient.len()]));
    let shape = [gradient.len()];
    let slope = tape.constant(&Tensor::from_vec(gradient, shape).unwrap());
    let mut gradients = (x * slope).sum().backward();
    let norm = gradients.clip_norm(most);
    (norm, gradients.get(x).unwrap().to_vec().iter().map(|g| g.to_f64()).collect())
}
