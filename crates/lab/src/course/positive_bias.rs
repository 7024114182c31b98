//! A13: positive initial biases of relu units.

use wengert::prelude::*;

use super::claim::{Claim, Needs};
use super::context::Context;
use super::evidence::{Check, Evidence, Need};
use crate::error::Failure;
use crate::fit::{Training, fit};
use crate::interval::Interval;
use crate::measure::{dead_fraction, hidden_units, judge};
use crate::network::Mlp;
use crate::text::accuracy;

pub(super) const CLAIM: Claim = Claim {
    id: "A13",
    title: "positive biases keep relu units alive",
    says: "Initialize the biases of relu units to a small positive value, so that fewer of them die.",
    method: "The 64-64-32-10 network is trained on the digits from He initialization, with hidden biases \
             of 0, 0.01 and 0.1 and learning rates of 0.05 and 0.2, for six epochs of gradient descent \
             without momentum. The fraction of dead hidden units and the test accuracy are compared \
             with those for biases of 0, seed by seed.",
    needs: Needs::OneThread,
    run: |context| experiment(&BiasSetup::default(), context),
};

/// The initial biases.
pub(super) struct BiasSetup {
    /// The bias for comparison.
    pub(super) plain: f64,
    /// The biases of the advice.
    pub(super) advised: Vec<f64>,
}

impl Default for BiasSetup {
    fn default() -> Self {
        Self { plain: 0.0, advised: vec![0.01, 0.1] }
    }
}

const SEEDS: usize = 8;
const RATES: [f64; 2] = [0.05, 0.2];

/// The smallest reduction of the fraction of dead units that is worth a rule.
const WORTHWHILE: f64 = 0.01;

/// Fractions of dead units and test accuracies, over learning rates and seeds.
fn outcome(bias: f64, context: &Context) -> Result<[Vec<f64>; 2], Failure> {
    let digits = &context.digits;
    let mut outcome = [vec![], vec![]];
    for learning_rate in RATES {
        let training = Training { learning_rate, momentum: 0.0, batch: 16, epochs: 6 };
        for seed in context.seeds(SEEDS) {
            let network = Mlp::new(&digits.architecture, Activation::Relu, Init::he_normal());
            let mut model = network.bias(bias).build(seed)?;
            fit(&mut model, &digits.train, training, seed, |_, _, _| {});
            let mut tape = Tape::new();
            let units = hidden_units(&model, &digits.train, &mut tape);
            outcome[0].push(dead_fraction(&units).unwrap_or(0.0));
            outcome[1].push(judge(&model, &digits.test, &mut tape).accuracy);
        }
    }
    Ok(outcome)
}

/// A fraction with its interval, in percent.
fn in_percent(share: &Interval) -> String {
    format!("{:.1} ± {:.1} %", 100.0 * share.mean, 100.0 * share.half())
}

pub(super) fn experiment(setup: &BiasSetup, context: &Context) -> Result<Evidence, Failure> {
    let plain = outcome(setup.plain, context)?;
    let mut evidence = Evidence::default();
    let mut words = vec![format!(
        "dead units: {} with b = {}",
        accuracy(Interval::of(&plain[0]).mean),
        setup.plain
    )];
    for &bias in &setup.advised {
        let advised = outcome(bias, context)?;
        let saved = Interval::of_differences(&plain[0], &advised[0]);
        let gained = Interval::of_differences(&advised[1], &plain[1]);
        words.push(format!("{} with {bias}", accuracy(Interval::of(&advised[0]).mean)));
        evidence.checks.push(
            Check::essential(
                format!("dead units: fraction with b = {} minus that with b = {bias}", setup.plain),
                saved,
                Need::AtLeast(WORTHWHILE),
            )
            .because("a rule is worthwhile if it saves at least one unit in a hundred"),
        );
        evidence.checks.push(
            Check::strict(
                format!("test accuracy: with b = {bias} minus that with b = {}", setup.plain),
                gained,
                Need::AtLeast(0.0),
            )
            .because("the advice should not reduce the accuracy: the interval must not contain negatives"),
        );
        evidence.remarks.push(format!(
            "b = {bias} saves {} of the units and changes the test accuracy by {}{}.",
            in_percent(&saved),
            in_percent(&gained),
            if saved.low < WORTHWHILE { ", which is of little use here" } else { "" }
        ));
    }
    let most =
        evidence.checks.iter().filter(|c| c.what.starts_with("dead")).map(|c| c.measured.mean);
    evidence.summary =
        format!("{}; at most {} saved", words.join(", "), accuracy(most.fold(f64::MIN, f64::max)));
    Ok(evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::evidence::Verdict;

    #[test]
    fn compared_with_negative_biases_the_advice_is_good() {
        let context = Context::new(1, 1);
        let planted = BiasSetup { plain: -2.0, advised: vec![0.1] };
        assert_ne!(experiment(&planted, &context).unwrap().verdict(), Verdict::DoesNotHold);
    }
}
