//! The state of a layer's units: saturated, dead, or no longer finite.

use wengert_autodiff::{Activation, Element, Tensor};

/// An output counts as saturated within this distance of an end of the activation's range, relative
/// to the length of the range: a logistic unit below 0.01 or above 0.99, a tanh unit beyond 0.98 in
/// magnitude. The derivative there is at most 1/25 of its maximum.
pub const SATURATED: f64 = 0.01;

/// The state of a layer's units over some examples.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct UnitHealth {
    /// The fraction of outputs that are saturated; see [`saturated_share`].
    pub saturated: Option<f64>,
    /// The fraction of units that are dead; see [`dead_share`].
    pub dead: Option<f64>,
    /// The fraction of outputs that are NaN or infinite. They are not saturated, and a unit with
    /// such an output is not dead.
    pub not_finite: f64,
}

/// Counts the state of a layer's units over any number of batches.
///
/// ```
/// use wengert_autodiff::{Activation, Tensor};
/// use wengert_nn::diagnosis::UnitTally;
/// let mut tally = UnitTally::new(Activation::Relu, 3);
/// tally.add(&Tensor::from_slice(&[0.0_f32, 1.0, 0.0], [1, 3])?);
/// tally.add(&Tensor::from_slice(&[0.0, 0.0, f32::NAN], [1, 3])?);
/// let health = tally.health();
/// assert_eq!(health.dead, Some(1.0 / 3.0));
/// assert_eq!(health.not_finite, 1.0 / 6.0);
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct UnitTally {
    activation: Activation,
    outputs: usize,
    saturated: usize,
    not_finite: usize,
    units: Vec<Unit>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Unit {
    /// Whether its derivative was nonzero for an example.
    alive: bool,
    /// Whether its output was NaN or infinite for an example.
    not_finite: bool,
}

impl UnitTally {
    /// An empty tally for a layer of `units` units.
    pub fn new(activation: Activation, units: usize) -> Self {
        let units = vec![Unit::default(); units];
        Self { activation, outputs: 0, saturated: 0, not_finite: 0, units }
    }

    /// Counts the outputs of a batch.
    ///
    /// # Shapes
    /// `outputs` is `[examples, units]`.
    ///
    /// # Panics
    /// If `outputs` has another shape.
    #[track_caller]
    pub fn add<E: Element>(&mut self, outputs: &Tensor<E>) {
        let units = self.units.len();
        let fits = matches!(*outputs.shape().dims(), [_, width] if width == units);
        assert!(
            fits,
            "unit health: expected outputs of shape [examples, {units}], got {}",
            outputs.shape()
        );
        if units == 0 {
            return;
        }
        self.outputs += outputs.len();
        let saturated = Saturation::of(self.activation);
        let alive = self.activation.sloping();
        for row in outputs.to_vec().chunks_exact(units) {
            for (unit, value) in self.units.iter_mut().zip(row) {
                let value = value.to_f64();
                if !value.is_finite() {
                    self.not_finite += 1;
                    unit.not_finite = true;
                    continue;
                }
                self.saturated += usize::from(saturated.is_some_and(|ends| ends.contains(value)));
                unit.alive |= alive.is_some_and(|range| range.contains(value));
            }
        }
    }

    /// For each unit whether it is dead; `None` for activations whose outputs do not determine it,
    /// see [`dead_share`].
    pub fn dead_units(&self) -> Option<Vec<bool>> {
        self.activation.sloping()?;
        Some(self.units.iter().map(|unit| !unit.alive && !unit.not_finite).collect())
    }

    /// The state of the units over all examples counted so far; NaN for no examples or no units.
    pub fn health(&self) -> UnitHealth {
        let of_outputs = |count: usize| count as f64 / self.outputs as f64;
        let of_units = |dead: Vec<bool>| {
            let count = dead.iter().filter(|dead| **dead).count();
            if self.outputs == 0 { f64::NAN } else { count as f64 / dead.len() as f64 }
        };
        UnitHealth {
            saturated: Saturation::of(self.activation).map(|_| of_outputs(self.saturated)),
            dead: self.dead_units().map(of_units),
            not_finite: of_outputs(self.not_finite),
        }
    }
}

/// The saturated outputs of an activation whose range has two ends.
#[derive(Clone, Copy)]
struct Saturation {
    below: f64,
    above: f64,
}

impl Saturation {
    /// The outputs near an end of an activation with two ends.
    fn of(activation: Activation) -> Option<Self> {
        let [low, high] = activation.range()?;
        let margin = SATURATED * (high - low);
        Some(Saturation { below: low + margin, above: high - margin })
    }

    fn contains(self, output: f64) -> bool {
        output < self.below || output > self.above
    }
}

/// The fraction of a layer's outputs that are saturated: close to an end of the activation's range,
/// where its derivative is nearly zero (see [`SATURATED`]). `None` for activations whose range does
/// not have two ends. An output that is NaN or infinite is not saturated. The result is NaN for no
/// outputs.
///
/// # Shapes
/// Any.
pub fn saturated_share<E: Element>(activation: Activation, outputs: &Tensor<E>) -> Option<f64> {
    one_unit(activation, outputs).saturated
}

/// The fraction of a layer's outputs that are NaN or infinite; NaN for no outputs.
///
/// # Shapes
/// Any.
pub fn not_finite_share<E: Element>(outputs: &Tensor<E>) -> f64 {
    one_unit(Activation::Identity, outputs).not_finite
}

/// The state of all outputs together as one unit, for fractions that do not depend on units.
fn one_unit<E: Element>(activation: Activation, outputs: &Tensor<E>) -> UnitHealth {
    let mut tally = UnitTally::new(activation, 1);
    tally.add(&outputs.reshape([outputs.len(), 1]));
    tally.health()
}

/// The fraction of a layer's units that are dead: their derivative is zero for every example, so
/// that their weights get no gradient. `None` for activations whose outputs do not determine this:
/// those whose derivative is zero nowhere, and `hard_swish`.
///
/// A relu unit is dead if its output is zero for every example. A unit with an output that is NaN
/// or infinite is not dead; [`not_finite_share`] counts such outputs.
///
/// # Shapes
/// `outputs` is `[examples, units]`; the fractions are NaN for no examples or no units.
///
/// # Panics
/// If `outputs` has another rank.
#[track_caller]
pub fn dead_share<E: Element>(activation: Activation, outputs: &Tensor<E>) -> Option<f64> {
    unit_health(activation, outputs).dead
}

/// The state of a layer's units over some examples.
///
/// # Shapes
/// `outputs` is `[examples, units]`; the fractions are NaN for no examples or no units.
///
/// # Panics
/// If `outputs` has another rank.
#[track_caller]
pub fn unit_health<E: Element>(activation: Activation, outputs: &Tensor<E>) -> UnitHealth {
    let &[_, units] = outputs.shape().dims() else {
        panic!("unit health: expected outputs of shape [examples, units], got {}", outputs.shape())
    };
    let mut tally = UnitTally::new(activation, units);
    tally.add(outputs);
    tally.health()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(rows: &[[f32; 3]]) -> Tensor<f32> {
        Tensor::from_slice(rows.as_flattened(), [rows.len(), 3]).unwrap()
    }

    #[test]
    fn units_at_the_ends_of_the_range_are_saturated() {
        let y = outputs(&[[0.005, 0.5, 0.995], [0.02, 0.98, 0.0]]);
        assert_eq!(saturated_share(Activation::Logistic, &y), Some(3.0 / 6.0));
        let y = outputs(&[[-0.99, 0.97, 1.0]]);
        assert_eq!(saturated_share(Activation::Tanh, &y), Some(2.0 / 3.0));
        assert_eq!(saturated_share(Activation::Relu, &y), None);
        let images = y.reshape([1, 3, 1, 1]);
        assert_eq!(saturated_share(Activation::Tanh, &images), Some(2.0 / 3.0));
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
        assert!(dead_share(Activation::Relu, &Tensor::<f32>::ones([2, 0])).unwrap().is_nan());
        assert!(saturated_share(Activation::Tanh, &outputs(&[])).unwrap().is_nan());
    }

    #[test]
    fn outputs_that_are_not_finite_are_neither_dead_nor_saturated() {
        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let y = outputs(&[[odd, 0.0, odd], [odd, 0.0, 0.0]]);
            for activation in Activation::ALL {
                let health = unit_health(activation, &y);
                assert_eq!(health.not_finite, 0.5, "{activation} {odd}");
                let sloping = activation.sloping();
                let dead = sloping.map(|range| f64::from(u8::from(!range.contains(0.0))) / 3.0);
                assert_eq!(health.dead, dead, "{activation} {odd}");
                let saturated = Saturation::of(activation);
                let saturated = saturated.map(|ends| f64::from(u8::from(ends.contains(0.0))) * 0.5);
                assert_eq!(health.saturated, saturated, "{activation} {odd}");
                assert_eq!(dead_share(activation, &y), dead);
                assert_eq!(saturated_share(activation, &y), saturated);
            }
            assert_eq!(not_finite_share(&y), 0.5);
        }
        assert_eq!(not_finite_share(&outputs(&[[0.0, 1.0, -1e38]])), 0.0);
    }

    #[test]
    fn batches_count_as_one() {
        let rows = [[0.0, 1.0, f32::NAN], [-0.5, 0.0, 0.0], [0.0, 0.0, 0.0]];
        let shrink = Activation::Softshrink { lambda: 0.5 };
        for activation in [shrink, Activation::Relu, Activation::HardTanh { min: -1.0, max: 1.0 }] {
            let mut tally = UnitTally::new(activation, 3);
            for row in &rows {
                tally.add(&outputs(&[*row]));
            }
            assert_eq!(tally.health(), unit_health(activation, &outputs(&rows)), "{activation}");
        }
        let mut tally = UnitTally::new(shrink, 3);
        for row in &rows {
            tally.add(&outputs(&[*row]));
        }
        // The first unit is alive by a negative output alone.
        assert_eq!(tally.dead_units(), Some(vec![false; 3]));
    }
}
