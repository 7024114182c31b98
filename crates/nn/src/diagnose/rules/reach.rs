//! [`Reach`]: the number of steps times their length against the distance to go.

use super::Rule;
use crate::diagnose::facts::{Gradient, Range};
use crate::diagnose::{Action, Cause, Facts, Finding, Level, Takes};

/// Warns of a run that is too short for its learning rate: all its steps together, at the length of
/// the first ones, can neither change a weight by the given share nor halve the loss.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    /// The smallest change of the weights relative to their size; 0.3 by default.
    pub change: f64,
    /// The smallest predicted decrease of the loss relative to its distance; 0.5 by default.
    pub decrease: f64,
}

impl Default for Reach {
    fn default() -> Self {
        Self { change: 0.3, decrease: 0.5 }
    }
}

impl Rule for Reach {
    fn name(&self) -> &'static str {
        "reach"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let (Some(network), Some(trial)) = (&facts.network, &facts.trial) else { return };
        let moving =
            network.weights.iter().any(|w| matches!(w.gradient, Gradient::Size(size) if size > 0.0));
        let steps = facts.steps() as f64;
        let [Some(first), Some(last)] = [trial.losses.first(), trial.losses.last()] else { return };
        if !(moving && last.is_finite() && *first > 0.0) || last > first {
            return;
        }
        let tried = (trial.losses.len() - 1) as f64;
        // The trial steps already contain part of the momentum's sum.
        let begun = begun(facts, trial.losses.len() - 1);
        let lengthened = facts.momentum_factor() / begun;
        let change = trial.changes.iter().map(|(_, change)| *change).fold(0.0, f64::max);
        let change = change / tried * steps * lengthened;
        let decrease = (first - last) / tried * steps * lengthened / first;
        let outputs = outputs_reach(facts);
        let short = outputs.is_some_and(|share| share < 1.0)
            || (change < self.change && !trial.changes.is_empty())
            || decrease < self.decrease;
        if !short {
            return;
        }
        let found = |cause| {
            let finding = Finding::new("reach", cause, Level::Warning)
                .measured("learning rate:", facts.rate, "")
                .measured("steps of the run:", steps, "")
                .measured("change of the weights that they allow:", change, "of their size")
                .measured("decrease of the loss that they allow:", decrease, "of its value")
                .bound(self.change, "change of the weights: a third of their size")
                .why("the steps of the whole run together are shorter than the way to go");
            match outputs {
                Some(share) => {
                    finding.measured("way of the outputs that they allow:", share, "of the distance")
                }
                None => finding,
            }
        };
        let usual = if facts.normalizes_steps == Some(true) { 1e-3 } else { 1e-2 };
        let brief = facts.budget.epochs <= 20 || steps < 200.0;
        let slow = facts.rate * facts.momentum_factor() < 0.5 * usual;
        let missing = (self.change / change).max(self.decrease / decrease).clamp(2.0, 1e6);
        if slow || !brief {
            let factor = 10.0_f64.powf(missing.log10().ceil()).min(1000.0);
            findings.push(found(Cause::LrTooLow).remedy(
                Action::ScaleRate(factor),
                format!("use the learning rate {}", factor * facts.rate),
            ));
        }
        if brief {
            let factor = missing.ceil().clamp(10.0, 100.0);
            findings.push(found(Cause::TooFewEpochs).remedy(
                Action::ScaleEpochs(factor),
                format!("train for {} epochs", facts.budget.epochs as f64 * factor),
            ));
        }
    }
}

/// How far the outputs can move relative to the distance of the targets, for an optimizer whose
/// steps have a known length.
fn outputs_reach(facts: &Facts) -> Option<f64> {
    let network = facts.network.as_ref()?;
    let linear = network.range == Range::Of([f64::NEG_INFINITY, f64::INFINITY]);
    if facts.normalizes_steps != Some(true) || facts.takes != Takes::Numbers || !linear {
        return None;
    }
    let weighted: Vec<_> = network.layers.iter().filter(|l| l.weight.is_some()).collect();
    let inputs = match weighted.as_slice() {
        [.., hidden, _] => hidden.output_sum,
        _ => facts.data.columns.iter().map(|column| column.rms).sum(),
    };
    let far = facts.data.targets.range.map(f64::abs).into_iter().fold(0.0, f64::max);
    let distance = 0.9 * far.max(facts.data.targets.rms) - network.output_rms;
    // Each layer below moves as well, by about as much as the last one.
    let reach = facts.rate * facts.steps() as f64 * (inputs + 1.0) * weighted.len() as f64;
    (distance > 0.0).then(|| reach / distance)
}

/// The mean over the first steps of the sum of powers of the momentum that they contain.
fn begun(facts: &Facts, steps: usize) -> f64 {
    if facts.momentum_factor() == 1.0 {
        return 1.0;
    }
    let m = facts.momentum;
    let sums = (1..=steps).map(|k| (0..k).map(|j| m.powi(j as i32)).sum::<f64>());
    sums.sum::<f64>() / steps.max(1) as f64
}
