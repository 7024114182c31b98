//! [`Labels`]: labels that do not fit the loss or the number of outputs.

use super::Rule;
use crate::diagnose::{Action, Cause, Facts, Finding, Level};

/// Finds labels outside the range of the loss, more classes than outputs, rows that do not sum to 1
/// under a loss of classes, and labels that are all the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct Labels;

const TASK: &str = "give the network one output for each class, and use `cross_entropy` on its \
                    logits with class labels";

impl Rule for Labels {
    fn name(&self) -> &'static str {
        "labels"
    }

    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        let targets = &facts.data.targets;
        let takes = facts.takes;
        let error = |cause| Finding::new("labels", cause, Level::Error);
        if !(takes.classes() || takes.events()) || targets.rows == 0 {
            return;
        }
        let width = facts.network.as_ref().map(|network| network.width);
        if let Some(classes) = targets.numbered_classes() {
            let what = "different labels, in one number for each example:";
            let wrong = |cause| error(cause).measured(what, classes as f64, "");
            findings.push(
                wrong(Cause::LabelMismatch)
                    .why(format!("the loss {} takes {}", facts.loss, takes.described()))
                    .remedy(Action::OutputAndLoss, TASK),
            );
            if width == Some(1) {
                let outputs = |cause| wrong(cause).measured("outputs:", 1.0, "");
                findings.push(
                    outputs(Cause::WrongOutputActivation)
                        .why("one output distinguishes two classes")
                        .remedy(Action::OutputAndLoss, TASK),
                );
                findings.push(
                    outputs(Cause::WrongLoss)
                        .why("the loss compares one probability with a label of several classes")
                        .remedy(Action::OutputAndLoss, TASK),
                );
            }
            return;
        }
        if targets.labels && takes.classes() {
            if let (Some(counts), Some(width)) = (&targets.counts, width)
                && counts.len() > width
            {
                findings.push(
                    error(Cause::LabelMismatch)
                        .measured("largest label:", (counts.len() - 1) as f64, "")
                        .measured("outputs:", width as f64, "")
                        .why("a label must be below the number of outputs")
                        .remedy(Action::OutputAndLoss, TASK),
                );
            }
        } else if targets.outside([0.0, 1.0]) > 0.0 {
            findings.push(
                error(Cause::LabelMismatch)
                    .measured("smallest target:", targets.range[0], "")
                    .measured("largest target:", targets.range[1], "")
                    .why(format!("the loss {} takes targets from 0 to 1", facts.loss))
                    .remedy(Action::Manual, "map the labels to 0 and 1"),
            );
            return;
        } else if takes.classes() && targets.width > 1 && targets.sum_to_one < 0.95 {
            findings.push(
                error(Cause::LabelMismatch)
                    .measured("share of rows that sum to 1:", targets.sum_to_one, "")
                    .why("a loss of classes takes a distribution over the classes for each example")
                    .remedy(Action::Manual, "code each class as a row with a single 1"),
            );
        }
        let one_class = targets.counts.as_ref().is_some_and(|counts| {
            targets.rows > 1 && counts.iter().filter(|count| **count > 0).count() == 1
        });
        let tiny = !targets.labels && targets.range[1] < 0.05 && targets.range[1] > 0.0;
        if one_class || tiny {
            findings.push(
                error(Cause::LabelMismatch)
                    .measured("smallest target:", targets.range[0], "")
                    .measured("largest target:", targets.range[1], "")
                    .why("all examples have nearly the same label, so that there is nothing to learn")
                    .remedy(
                        Action::Manual,
                        "look for a division or a rounding of the labels, as with 1/255 for images",
                    ),
            );
        }
    }
}
