//! Which findings are consequences of which causes.

use super::cause::{Cause, Level};
use super::finding::Finding;

/// The causes that explain a finding of a cause, the first ones first.
fn explanations(cause: Cause) -> &'static [Cause] {
    use Cause::{
        BadInitialization as Start, InvalidData as Data, LabelMismatch as Labels,
        LrTooHigh as High, LrTooLow as Low, MissingNonlinearity as Linear,
        SymmetricWeights as Equal, TooSmallCapacity as Small, UnscaledInput as Input,
        UnscaledTarget as Target, VanishingGradient as Vanishing, WrongOutputActivation as Output,
    };
    match cause {
        Cause::Exploding => &[Data, Input, Target, Start, High],
        Cause::SaturatedActivation => &[Data, Input, Start],
        Cause::DeadRelu => &[Data, Input, Equal, Start, Small],
        Cause::Oscillating => &[Data, Input, Target, High],
        Start => &[Data, Input, Equal],
        Vanishing => &[Data, Input, Output, Equal, Start],
        High => &[Data, Input],
        Low => &[Data, Equal, Vanishing],
        Cause::TooFewEpochs => &[Data, Equal],
        Cause::ClassImbalance => &[Data, Labels, Output, Equal, Vanishing],
        Cause::Overfit => &[Cause::DataOrder],
        Cause::NoSignal => &[Labels, Output, Linear],
        _ => &[],
    }
}

/// Sorts the findings, errors first and then by the order of the causes, marks those that another
/// one explains, and keeps one finding for each cause.
pub(super) fn ranked(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| (finding.cause, std::cmp::Reverse(finding.level)));
    let standing: Vec<Cause> = findings
        .iter()
        .filter(|finding| finding.level > Level::Info)
        .map(|finding| finding.cause)
        .collect();
    let mut kept: Vec<Finding> = Vec::new();
    for mut finding in findings {
        // The finding of a cause that is the most certain comes first.
        if finding.level > Level::Info
            && kept.iter().any(|other| other.cause == finding.cause && other.level > Level::Info)
        {
            continue;
        }
        let explained = explanations(finding.cause).iter().find(|cause| standing.contains(cause));
        finding.consequence_of = explained.copied();
        kept.push(finding);
    }
    // The explained findings and the remarks come last.
    kept.sort_by_key(|finding| {
        (!finding.stands(), std::cmp::Reverse(finding.level), finding.cause)
    });
    kept
}
