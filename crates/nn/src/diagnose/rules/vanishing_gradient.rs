//! [`VanishingGradient`]: a gradient that shrinks toward the first layer.

use super::Rule;
use crate::diagnose::facts::Gradient;
use crate::diagnose::{Action, Cause, Facts, Finding, Level};

/// Warns of a first weight whose gradient is far smaller than that of the last one.
#[derive(Clone, Copy, Debug)]
pub struct VanishingGradient {
    /// The smallest ratio of the first to the last gradient; 1/1000 by default.
    pub ratio: f64,
    /// The smallest gradient relative to the loss; 1e-4 by default.
    pub least: f64,
}

impl Default for VanishingGradient {
    fn default() -> Self {
        Self { ratio: 1e-3, least: 1e-4 }
    }
}

impl Rule for VanishingGradient {
    fn name(&self) -> &'static str {
        "vanishing_gradient"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let Some(network) = &facts.network else { return };
        let sizes: Vec<_> = network
            .weights
            .iter()
            .filter(|weight| weight.kind.is_weight())
            .filter_map(|weight| match weight.gradient {
                Gradient::Size(size) => Some((weight, size)),
                _ => None,
            })
            .collect();
        let (Some((weight, first)), Some((_, last))) = (sizes.first(), sizes.last()) else { return };
        let vanishes = *first > 0.0
            && *first < self.ratio * last
            && *first < self.least * network.loss.abs().max(1e-30);
        if sizes.len() < 3 || !vanishes {
            return;
        }
        findings.push(
            Finding::new(self.name(), Cause::VanishingGradient, Level::Warning)
                .at(weight.path.clone())
                .measured("mean size of its gradient:", *first, "")
                .measured("of the last weight's gradient:", *last, "")
                .measured("weights:", sizes.len() as f64, "")
                .bound(self.ratio, "ratio of first to last; AutoTrainer, beta 1")
                .why("the first layers hardly move while the last one already follows the noise")
                .remedy(
                    Action::HiddenActivation(wengert_autodiff::Activation::Relu),
                    "use relu with the weights of `init::recommend`, batch normalization, or \
                     residual blocks",
                ),
        );
    }
}
