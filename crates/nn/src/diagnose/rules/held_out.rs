//! [`HeldOut`]: held-out examples of another distribution, or none.

use super::Rule;
use crate::diagnose::{Action, Cause, Facts, Finding, Level};

/// Finds a class that is much more frequent among the held-out examples than in training, and
/// remarks on a run without held-out examples.
#[derive(Clone, Copy, Debug)]
pub struct HeldOut {
    /// The largest ratio of a class's shares; 5 by default.
    pub bound: f64,
}

impl Default for HeldOut {
    fn default() -> Self {
        Self { bound: 5.0 }
    }
}

impl Rule for HeldOut {
    fn name(&self) -> &'static str {
        "held_out"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let Some((_, held_out)) = &facts.data.held_out else { return };
        let (Some(train), Some(test)) = (&facts.data.targets.counts, &held_out.counts) else {
            return;
        };
        let share = |counts: &[usize], class: usize| {
            let all: usize = counts.iter().sum();
            counts.get(class).copied().unwrap_or(0) as f64 / all.max(1) as f64
        };
        for class in 0..test.len().max(train.len()) {
            let (here, there) = (share(train, class), share(test, class));
            // A class of a few examples may be missing by chance.
            if test.get(class).is_none_or(|&count| count < 5) || there <= self.bound * here {
                continue;
            }
            findings.push(
                Finding::new(self.name(), Cause::DataOrder, Level::Error)
                    .measured(format!("share of class {class} in training:"), here, "")
                    .measured("among the held-out examples:", there, "")
                    .bound(self.bound, "ratio of the shares; Defect4ML lists unshuffled splits")
                    .why("the network is tested on examples of a kind that it was not shown")
                    .remedy(
                        Action::ShuffleSplit,
                        "shuffle the examples before they are divided, or divide class by class",
                    ),
            );
            return;
        }
    }
}
