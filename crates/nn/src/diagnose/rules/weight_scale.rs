//! [`WeightScale`]: initial weights that are too large or too small.

use wengert_autodiff::Kind;

use super::Rule;
use crate::diagnose::{Action, Cause, Facts, Finding, Level};

/// Compares the standard deviation of each weight, times the root of its fan-in, with 1 to 1.4, the
/// scale that keeps the size of signals.
#[derive(Clone, Copy, Debug)]
pub struct WeightScale {
    /// The largest scale; 5 by default.
    pub bound: f64,
    /// The scale below which a remark is made; 0.05 by default.
    pub least: f64,
}

impl Default for WeightScale {
    fn default() -> Self {
        Self { bound: 5.0, least: 0.05 }
    }
}

impl Rule for WeightScale {
    fn name(&self) -> &'static str {
        "weight_scale"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let Some(network) = &facts.network else { return };
        let scales = network.weights.iter().filter_map(|weight| match weight.kind {
            Kind::Weight { fan_in, .. } if weight.len > 1 => {
                Some((weight, weight.std * (fan_in as f64).sqrt()))
            }
            _ => None,
        });
        let remedy = "draw the weights by the fan-in: `init::recommend(&model)?.apply(..)`";
        let large = scales.clone().filter(|(_, scale)| *scale > self.bound);
        if let Some((weight, scale)) = large.max_by(|a, b| a.1.total_cmp(&b.1)) {
            findings.push(
                Finding::new(self.name(), Cause::BadInitialization, Level::Warning)
                    .at(weight.path.clone())
                    .measured("standard deviation of the weights:", weight.std, "")
                    .measured("times the root of the fan-in:", scale, "")
                    .bound(self.bound, "1 to 1.4 keeps the size of signals (Glorot, He)")
                    .why("each such layer multiplies the size of its signals by this factor")
                    .remedy(Action::Initialize, remedy),
            );
        }
        let small = scales.filter(|(w, scale)| *scale < self.least && *scale > 0.0 && !w.units_equal);
        if let Some((weight, scale)) = small.min_by(|a, b| a.1.total_cmp(&b.1)) {
            findings.push(
                Finding::new(self.name(), Cause::BadInitialization, Level::Info)
                    .at(weight.path.clone())
                    .measured("standard deviation of the weights:", weight.std, "")
                    .measured("times the root of the fan-in:", scale, "")
                    .bound(self.least, "1 to 1.4 keeps the size of signals (Glorot, He)")
                    .why("signals and gradients shrink by this factor in the layer")
                    .remedy(Action::Initialize, remedy),
            );
        }
    }
}
