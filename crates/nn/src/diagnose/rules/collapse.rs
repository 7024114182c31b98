//! [`Collapse`]: a last hidden layer that is the same for every example.

use super::Rule;
use crate::diagnose::{Action, Cause, Facts, Finding, Level};

/// Warns of a last hidden layer whose outputs hardly depend on the example.
#[derive(Clone, Copy, Debug)]
pub struct Collapse {
    /// The largest mean cosine between examples; 0.999 by default.
    pub bound: f64,
    /// The bound beyond 12 layers; 0.98 by default.
    pub deep: f64,
}

impl Default for Collapse {
    fn default() -> Self {
        Self { bound: 0.999, deep: 0.98 }
    }
}

impl Rule for Collapse {
    fn name(&self) -> &'static str {
        "collapse"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let Some(network) = &facts.network else { return };
        let weighted: Vec<_> = network.layers.iter().filter(|l| l.weight.is_some()).collect();
        let depth = weighted.len();
        if depth < 3 {
            return;
        }
        let hidden = weighted[depth - 2];
        let bound = if depth > 12 { self.deep } else { self.bound };
        let Some(similarity) = hidden.similarity.filter(|s| *s > bound) else { return };
        findings.push(
            Finding::new(self.name(), Cause::VanishingGradient, Level::Warning)
                .at(hidden.path.clone())
                .measured("mean cosine between the outputs of different examples:", similarity, "")
                .measured("layers:", depth as f64, "")
                .bound(bound, "cosine at which the examples cannot be told apart")
                .why(
                    "the layers map all examples to the same point, so that the last layer cannot \
                     tell them apart and the gradients of different examples cancel",
                )
                .remedy(
                    Action::HiddenActivation(wengert_autodiff::Activation::Relu),
                    "use fewer layers, relu with the weights of `init::recommend`, or batch \
                     normalization",
                ),
        );
    }
}
