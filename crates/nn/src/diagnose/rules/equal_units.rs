//! [`EqualUnits`]: hidden units with the same weights.

use super::Rule;
use crate::diagnose::facts::Gradient;
use crate::diagnose::{Action, Cause, Facts, Finding, Level};

/// Finds hidden layers whose units all have the same weights. They have the same gradients, and
/// remain equal. A last layer of zeros is fine.
#[derive(Clone, Copy, Debug, Default)]
pub struct EqualUnits;

impl Rule for EqualUnits {
    fn name(&self) -> &'static str {
        "equal_units"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let Some(network) = &facts.network else { return };
        let weights: Vec<_> = network.weights.iter().filter(|w| w.kind.is_weight()).collect();
        let Some((_, hidden)) = weights.split_last() else { return };
        let equal: Vec<_> = hidden.iter().filter(|w| w.units_equal && !w.frozen).collect();
        let Some(first) = equal.first() else { return };
        let gradient = if let Gradient::Size(size) = first.gradient { size } else { 0.0 };
        findings.push(
            Finding::new(self.name(), Cause::SymmetricWeights, Level::Error)
                .at(first.path.clone())
                .measured("layers with equal units:", equal.len() as f64, "")
                .measured("units of the first:", first.units as f64, "")
                .measured("mean size of its gradient:", gradient, "")
                .why("units with equal weights have equal gradients: the layer remains one unit")
                .remedy(
                    Action::Initialize,
                    "draw the weights at random: `init::recommend(&model)?.apply(&mut model, rng)`",
                ),
        );
    }
}
