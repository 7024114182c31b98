//! The activations as tests see them: naive formulas in `f64`, limits, bounds of the error.

use crate::activation::Activation;
pub use crate::activation::reference::{Accuracy, BASIC, COMPOSED};

/// The value of an activation.
pub fn value(act: Activation, x: f64) -> f64 {
    act.value(x)
}

/// The derivative of an activation; at a kink the number that the module
/// [`activation`](crate::activation) states.
pub fn slope(act: Activation, x: f64) -> f64 {
    act.slope(x)
}

/// The limits of value and derivative at minus infinity, then at plus infinity; NaN for none.
pub fn limits(act: Activation) -> [[f64; 2]; 2] {
    act.graph().ends
}

/// The bound of an activation's error; `None` where the result is exact or one rounded product.
pub fn accuracy(act: Activation) -> Option<Accuracy> {
    act.accuracy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_those_of_the_values() {
        for act in Activation::ALL.into_iter().chain(Activation::IN_TESTS) {
            for i in -60..=60 {
                // No kink lies at an odd multiple of 1/16.
                let (x, h) = (f64::from(2 * i + 1) / 16.0, 1e-4);
                let difference = (value(act, x + h) - value(act, x - h)) / (2.0 * h);
                let error = (slope(act, x) - difference).abs();
                assert!(error < 1e-7, "{act} at {x}: {}, not {difference}", slope(act, x));
            }
        }
    }

    /// A row states its limits; the formulas of the same row reach them.
    #[test]
    fn formulas_reach_the_stated_limits() {
        for act in Activation::ALL.into_iter().chain(Activation::IN_TESTS) {
            for (x, end) in [f64::NEG_INFINITY, f64::INFINITY].into_iter().zip(limits(act)) {
                for (got, limit) in [value(act, x), slope(act, x)].into_iter().zip(end) {
                    let close = (got - limit).abs() <= 2.0 * f64::EPSILON * limit.abs();
                    let fits = if limit.is_nan() { got.is_nan() } else { got == limit || close };
                    assert!(fits, "{act} at {x}: {got}, but its row states {limit}");
                }
            }
        }
    }
}
