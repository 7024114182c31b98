//! [`DeadUnits`]: units that are zero for every example.

use super::Rule;
use crate::diagnose::{Action, Cause, Facts, Finding, Level};

/// Warns of a layer most of whose units have a derivative of zero for every example.
#[derive(Clone, Copy, Debug)]
pub struct DeadUnits {
    /// The largest share of dead units; 0.7 by default. Half of the units are dead at the start
    /// where all inputs are positive.
    pub bound: f64,
}

impl Default for DeadUnits {
    fn default() -> Self {
        Self { bound: 0.7 }
    }
}

impl Rule for DeadUnits {
    fn name(&self) -> &'static str {
        "dead_units"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let Some(network) = &facts.network else { return };
        let dead = |layer: &&crate::diagnose::facts::LayerFacts| {
            layer.dead.is_some_and(|share| share > self.bound)
        };
        let Some(layer) = network.layers.iter().find(dead) else { return };
        findings.push(
            Finding::new(self.name(), Cause::DeadRelu, Level::Warning)
                .at(layer.path.clone())
                .measured("share of units that are dead:", layer.dead.unwrap_or(0.0), "")
                .measured("examples:", network.rows as f64, "")
                .bound(self.bound, "DeepDiagnosis, for the share of zeros")
                .why("the weights of a dead unit get no gradient, and nothing revives it")
                .remedy(
                    Action::Initialize,
                    "draw the weights by `init::recommend`, or use `Activation::LeakyRelu`",
                ),
        );
    }
}
