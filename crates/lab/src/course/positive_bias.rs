//! A13: whether biases above zero keep rectifiers alive.

use wengert::prelude::*;

use super::claim::{Check, Evidence, Need};
use super::network::{Failure, Mlp, dead_share};
use super::{Claim, Context, Needs};
use crate::fit::{Training, fit};
use crate::interval::Interval;
use crate::measure::judge;
use crate::text::accuracy;

pub(super) const CLAIM: Claim = Claim {
    id: "A13",
    title: "positive biases keep rectifiers alive",
    says: "Let the biases of rectifiers begin at a small positive value, that fewer of them die.",
    method: "The 64-64-32-10 network on the digits from He, at the rates 0.05 and 0.2, with hidden \
             biases that begin at 0, 0.01 and 0.1: dead share and test accuracy after six epochs of \
             plain descent, as differences to the biases of 0, seed by seed.",
    needs: Needs::OneThread,
    run: |context| experiment(&Setup::default(), context),
};

/// Where the biases begin.
pub(super) struct Setup {
    /// Without the advice.
    pub(super) plain: f64,
    /// With it.
    pub(super) advised: Vec<f64>,
}

impl Default for Setup {
    fn default() -> Self {
        Self { plain: 0.0, advised: vec![0.01, 0.1] }
    }
}

const SEEDS: usize = 8;
const RATES: [f64; 2] = [0.05, 0.2];

/// One unit in a hundred is the least that is worth a rule.
const WORTH: f64 = 0.01;

/// Dead shares and accuracies, over rates and seeds.
fn outcome(bias: f64, context: &Context) -> Result<[Vec<f64>; 2], Failure> {
    let digits = &context.digits;
    let mut outcome = [vec![], vec![]];
    for learning_rate in RATES {
        let training = Training { learning_rate, momentum: 0.0, batch: 16, epochs: 6 };
        for seed in context.seeds(SEEDS) {
            let network = Mlp::new(&digits.architecture, Activation::Relu, Init::he_normal());
            let mut model = network.bias(bias).build(seed)?;
            fit(&mut model, &digits.train, training, seed, |_, _, _| {});
            outcome[0].push(dead_share(Activation::Relu, &model, digits.train.inputs())?);
            outcome[1].push(judge(&model, &digits.test, &mut Tape::new()).accuracy);
        }
    }
    Ok(outcome)
}

/// A share with its interval, in percent.
fn points(share: &Interval) -> String {
    format!("{:.1} ± {:.1} %", 100.0 * share.mean, 100.0 * share.half())
}

pub(super) fn experiment(setup: &Setup, context: &Context) -> Result<Evidence, Failure> {
    let plain = outcome(setup.plain, context)?;
    let mut evidence = Evidence::default();
    let mut words =
        vec![format!("dead: {} with b = {}", accuracy(Interval::of(&plain[0]).mean), setup.plain)];
    for &bias in &setup.advised {
        let advised = outcome(bias, context)?;
        let saved = Interval::of_differences(&plain[0], &advised[0]);
        let gained = Interval::of_differences(&advised[1], &plain[1]);
        words.push(format!("{} with {bias}", accuracy(Interval::of(&advised[0]).mean)));
        evidence.checks.push(
            Check::essential(
                format!("dead share with b = {} less that with b = {bias}", setup.plain),
                saved,
                Need::AtLeast(WORTH),
            )
            .because("one unit in a hundred saved is the least that is worth a rule"),
        );
        evidence.checks.push(
            Check::strict(
                format!("test accuracy with b = {bias} less that with b = {}", setup.plain),
                gained,
                Need::AtLeast(0.0),
            )
            .because("what is advised should not cost accuracy; the interval must not hold less"),
        );
        evidence.remarks.push(format!(
            "b = {bias} saves {} of the units and changes the accuracy by {}{}.",
            points(&saved),
            points(&gained),
            if saved.low < WORTH { ": of little use here" } else { "" }
        ));
    }
    let most =
        evidence.checks.iter().filter(|c| c.what.starts_with("dead")).map(|c| c.measured.mean);
    evidence.summary =
        format!("{}; saved at most: {}", words.join(", "), accuracy(most.fold(f64::MIN, f64::max)));
    Ok(evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::claim::Verdict;

    #[test]
    fn against_biases_below_zero_the_advice_is_good() {
        let context = Context::new(1, 1);
        let planted = Setup { plain: -2.0, advised: vec![0.1] };
        assert_ne!(experiment(&planted, &context).unwrap().verdict(), Verdict::DoesNotHold);
    }
}
