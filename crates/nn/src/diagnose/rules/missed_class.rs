//! [`MissedClass`]: a class that is never predicted.

use super::Rule;
use crate::diagnose::{Action, Cause, Facts, Finding, Level};

/// Warns of a rare class that the trained network hardly ever predicts.
#[derive(Clone, Copy, Debug)]
pub struct MissedClass {
    /// The smallest recall; 0.2 by default.
    pub recall: f64,
    /// The largest share of the most frequent class's count; 0.3 by default.
    pub rare: f64,
}

impl Default for MissedClass {
    fn default() -> Self {
        Self { recall: 0.2, rare: 0.3 }
    }
}

impl Rule for MissedClass {
    fn name(&self) -> &'static str {
        "missed_class"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let Some(course) = &facts.course else { return };
        let Some(counts) = &facts.data.targets.counts else { return };
        let most = counts.iter().copied().max().unwrap_or(0) as f64;
        for (class, (&count, &recall)) in counts.iter().zip(&course.recalls).enumerate() {
            if count == 0 || count as f64 > self.rare * most || recall >= self.recall {
                continue;
            }
            findings.push(
                Finding::new(self.name(), Cause::ClassImbalance, Level::Warning)
                    .measured(format!("examples of class {class}:"), count as f64, "")
                    .measured("of the most frequent class:", most, "")
                    .measured("share of them that is predicted right:", recall, "")
                    .bound(self.recall, "SageMaker Debugger, confusion")
                    .why("the loss is small if the rare class is never predicted")
                    .remedy(Action::Manual, "weight the classes in the loss"),
            );
            return;
        }
    }
}
