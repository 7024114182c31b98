//! Values and gradients of the losses, compared with those of a program in numpy.

use wengert::prelude::*;

use super::{loss, loss_of};
use crate::cases::{Act, LayerSpec, LossName, LossSpec, NetworkSpec, RowReduction, build_network};

/// Loss, outputs, targets, then the mean over the rows and its gradient; the sum is twice that.
type Row = (LossName, [f32; 6], [f32; 6], f32, [f32; 6]);

const CLASSES: [f32; 6] = [0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
const NUMBERS: [f32; 6] = [0.5, -1.0, 0.25, 3.0, 2.0, -0.75];
const LOGITS: [f32; 6] = [-1.5, 0.25, 2.0, 3.0, -0.5, 0.0];
const SHARES: [f32; 6] = [0.2, 0.7, 0.1, 0.5, 0.9, 0.4];

const ROWS: [Row; 8] = [
    (
        LossName::Mse,
        LOGITS,
        NUMBERS,
        2.5729165,
        [-0.6666667, 0.41666666, 0.5833333, 0.0, -0.8333333, 0.25],
    ),
    (
        LossName::Mae,
        LOGITS,
        NUMBERS,
        1.375,
        [-0.16666667, 0.16666667, 0.16666667, 0.0, -0.16666667, 0.16666667],
    ),
    // The probabilities 0 and 1 are limited.
    (
        LossName::Bce,
        [0.2, 0.7, 0.1, 0.0, 1.0, 0.4],
        CLASSES,
        2.9239757,
        [0.20833331, -0.23809524, 0.1851852, 0.0, 0.0, -0.41666666],
    ),
    // The rows sum to 4 and 1.25; the probability of the second row's class is 0.
    (
        LossName::Cce,
        [0.5, 1.5, 2.0, 1.0, 0.25, 0.0],
        CLASSES,
        8.549462,
        [0.125, -0.20833334, 0.125, 0.0, 0.0, 0.0],
    ),
    (
        LossName::CceLogits,
        LOGITS,
        CLASSES,
        2.5062861,
        [0.01254074, -0.42783302, 0.41529226, 0.46296963, 0.013980472, -0.4769501],
    ),
    (
        LossName::BceLogits,
        LOGITS,
        CLASSES,
        1.1866821,
        [0.030404255, -0.07297058, 0.1467995, 0.15876235, 0.062923446, -0.083333336],
    ),
    (
        LossName::BceUnclipped,
        SHARES,
        CLASSES,
        2.298601,
        [0.62499994, -0.71428573, 0.5555556, 1.0, 4.999999, -1.25],
    ),
    (
        LossName::Poisson,
        SHARES,
        [1.0, 0.0, 3.0, 0.0, 2.0, 1.0],
        2.0740335,
        [-0.6666662, 0.16666667, -4.8333287, 0.16666667, -0.20370369, -0.24999993],
    ),
];

fn close(got: f32, expected: f32, what: &str) {
    let error = (got - expected).abs();
    assert!(error <= 1e-5 * expected.abs().max(0.1), "{what}: {got} instead of {expected}");
}

#[test]
fn values_and_gradients_are_those_of_numpy() {
    for (name, output, target, value, gradient) in ROWS {
        for (reduction, factor) in [(None, 1.0), (Some(RowReduction::Sum), 2.0)] {
            let tape = Tape::new();
            let x = tape.variable(&Tensor::from_slice(&output, [2, 3]).unwrap());
            let y = Tensor::from_slice(&target, [2, 3]).unwrap();
            let got = loss_of(&LossSpec { name, reduction }, x, &y).unwrap();
            close(got.item(), factor * value, &format!("{name:?}"));
            let gradients = got.backward();
            let all = gradients.get(x).unwrap().to_vec();
            for (i, (got, expected)) in all.iter().zip(gradient).enumerate() {
                close(*got, factor * expected, &format!("{name:?}, gradient {i}"));
            }
        }
    }
}

/// Without limits, the gradient at a probability of 0 or 1 is not finite, even for the right one.
#[test]
fn binary_cross_entropy_without_limits_has_no_gradient_at_the_ends() {
    let tape = Tape::new();
    let x = tape.variable(&Tensor::from_slice(&[1.0, 0.5], [2, 1]).unwrap());
    let y = Tensor::from_slice(&[1.0, 0.0], [2, 1]).unwrap();
    let spec = LossSpec { name: LossName::BceUnclipped, reduction: None };
    let loss = loss_of(&spec, x, &y).unwrap();
    assert!(loss.item().is_nan());
    assert!(!loss.backward().get(x).unwrap().to_vec()[0].is_finite());
}

/// The gradient passes a softmax even where its probability is rounded to 1.
#[test]
fn cross_entropy_after_a_softmax_is_computed_from_its_inputs() {
    let spec = NetworkSpec { layers: vec![LayerSpec::activation(Act::Softmax)] };
    let network = build_network(&spec, 3, 1).unwrap();
    assert!(network.ends_in_softmax());
    let tape = Tape::new();
    let logits = [-1.5, 0.25, 2.0, 30.0, -0.5, 0.0];
    let x = tape.variable(&Tensor::from_slice(&logits, [2, 3]).unwrap());
    let y = Tensor::from_slice(&CLASSES, [2, 3]).unwrap();
    let spec = LossSpec { name: LossName::Cce, reduction: None };
    let gradients = loss(&spec, &network, x, &y).unwrap().backward();
    let expected = [0.01254074, -0.42783302, 0.41529226, 0.5, 0.0, -0.5];
    for (got, expected) in gradients.get(x).unwrap().to_vec().into_iter().zip(expected) {
        close(got, expected, "gradient");
    }
    // The second row's probability is limited to 1e-7.
    let (_, value) = super::training_loss(&spec, &network, x, &y).unwrap();
    close(value as f32, 9.02686, "value");
}
