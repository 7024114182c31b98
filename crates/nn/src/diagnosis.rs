//! What a layer's units are up to: saturated, dead.

use wengert_autodiff::{Activation, Element, Tensor};

/// A unit counts as saturated where it is within this distance of an end of its range, in parts of
/// that range: a logistic unit below 0.01 or above 0.99, a tanh unit beyond 0.98 in magnitude. Its
/// derivative is there at most a twenty-fifth of the greatest.
pub const SATURATED: f64 = 0.01;

/// The share of a layer's outputs that are saturated: at an end of the activation's range, where
/// its derivative is nearly zero. `None` for activations without two such ends.
///
/// `outputs` are the layer's for any number of examples; NaN if there are none.
pub fn saturated_share<E: Element>(activation: Activation, outputs: &Tensor<E>) -> Option<f64> {
    let (low, high) = match activation {
        Activation::Logistic | Activation::HardSigmoid => (0.0, 1.0),
        Activation::Tanh | Activation::Softsign => (-1.0, 1.0),
        Activation::Relu6 => (0.0, 6.0),
        Activation::HardTanh { min, max } => (min, max),
        _ => return None,
    };
    let margin = SATURATED * (high - low);
    let values = outputs.to_vec();
    let saturated = values
        .iter()
        .filter(|value| !(low + margin..=high - margin).contains(&value.to_f64()))
        .count();
    Some(saturated as f64 / values.len() as f64)
}

/// The share of a layer's units that are dead: they have derivative zero for every example, so that
/// no gradient reaches their weights. `None` for activations whose outputs do not tell: those whose
/// derivative is zero nowhere, and `hard_swish`.
///
/// A relu unit is dead if its output is zero for every example.
///
/// # Shapes
/// `outputs` is `[examples, units]`; NaN if there are no examples or no units.
///
/// # Panics
/// If `outputs` has another rank.
#[track_caller]
pub fn dead_share<E: Element>(activation: Activation, outputs: &Tensor<E>) -> Option<f64> {
    let &[examples, units] = outputs.shape().dims() else {
        panic!("dead_share: expected outputs of shape [examples, units], got {}", outputs.shape())
    };
    // Where the derivative is not zero.
    let (above, below) = match activation {
        Activation::Relu | Activation::LeakyRelu { slope: 0.0 } => (0.0, f64::INFINITY),
        Activation::Relu6 => (0.0, 6.0),
        Activation::HardSigmoid => (0.0, 1.0),
        Activation::HardTanh { min, max } => (min, max),
        Activation::Softshrink { .. } => (0.0, 0.0),
        _ => return None,
    };
    if examples == 0 {
        return Some(f64::NAN);
    }
    let inside = |y: f64| if above < below { above < y && y < below } else { y != above };
    let mut alive = vec![false; units];
    if units > 0 {
        for row in outputs.to_vec().chunks_exact(units) {
            for (alive, value) in alive.iter_mut().zip(row) {
                *alive |= inside(value.to_f64());
            }
        }
    }
    Some(alive.iter().filter(|alive| !**alive).count() as f64 / units as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(rows: &[[f32; 3]]) -> Tensor<f32> {
        Tensor::from_slice(rows.as_flattened(), [rows.len(), 3]).unwrap()
    }

    #[test]
    fn units_at_the_ends_of_the_range_are_saturated() {
        let y = outputs(&[[0.005, 0.5, 0.995], [0.02, 0.98, f32::NAN]]);
        assert_eq!(saturated_share(Activation::Logistic, &y), Some(3.0 / 6.0));
        let y = outputs(&[[-0.99, 0.97, 1.0]]);
        assert_eq!(saturated_share(Activation::Tanh, &y), Some(2.0 / 3.0));
        assert_eq!(saturated_share(Activation::Relu, &y), None);
    }

    #[test]
    fn a_relu_unit_that_is_zero_for_every_example_is_dead() {
        let y = outputs(&[[0.0, 1.0, 0.0], [0.0, 0.0, 2.0]]);
        assert_eq!(dead_share(Activation::Relu, &y), Some(1.0 / 3.0));
        assert_eq!(dead_share(Activation::Tanh, &y), None);
        let y = outputs(&[[0.0, 6.0, 0.0], [6.0, 1.0, 0.0]]);
        assert_eq!(dead_share(Activation::Relu6, &y), Some(2.0 / 3.0));
        assert_eq!(dead_share(Activation::Softshrink { lambda: 0.5 }, &y), Some(1.0 / 3.0));
        assert!(dead_share(Activation::Relu, &outputs(&[])).unwrap().is_nan());
    }
}
