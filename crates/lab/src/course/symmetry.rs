//! B1 and B2: units that begin equal stay equal.

use wengert::prelude::*;

use super::claim::{Check, Evidence, Need};
use super::network::{Failure, Mlp};
use super::{Claim, Context, Needs};
use crate::figure::{Axis, Figure, Mark, Panel, Plane, Plot, Series};
use crate::fit::{Training, fit};
use crate::interval::Interval;
use crate::measure::{hidden_units, judge, layers as parameters};
use crate::text::accuracy;

const METHOD: &str = "The 64-64-32-10 network on the digits, ten epochs, with logistic, tanh and relu units: the \
                      number of units of each hidden layer that differ in a bit of a weight or bias, and the test \
                      accuracy beside that of the same network with one unit a layer from Xavier.";

pub(super) const CLAIMS: [Claim; 2] = [
    Claim {
        id: "B1",
        title: "weights of zero: symmetry is not broken",
        says: "With all weights zero the units of a layer compute the same and get the same gradient: \
               they stay equal throughout training.",
        method: METHOD,
        needs: Needs::OneThread,
        run: |context| experiment(&Setup { inits: vec![Init::Zeros] }, context),
    },
    Claim {
        id: "B2",
        title: "nor is it with equal weights",
        says: "The same holds for any one value that all weights share.",
        method: METHOD,
        needs: Needs::OneThread,
        run: |context| {
            let setup = Setup { inits: vec![Init::Constant(0.5), Init::Constant(0.02)] };
            let mut evidence = experiment(&setup, context)?;
            evidence.figures.push(strands(context)?);
            Ok(evidence)
        },
    },
];

/// How the weights begin.
pub(super) struct Setup {
    pub(super) inits: Vec<Init>,
}

const ACTIVATIONS: [Activation; 3] = [Activation::Logistic, Activation::Tanh, Activation::Relu];
const SEEDS: usize = 3;
const TRAINING: Training = Training { learning_rate: 0.05, momentum: 0.9, batch: 16, epochs: 10 };

/// The logits are multiples of one number, whatever the width: few of ten classes can be told by it.
/// Broken symmetry gets beyond nine in ten; equal units are held to six.
const ONE_UNIT: f64 = 0.6;

fn trained(
    sizes: &[usize],
    activation: Activation,
    init: &Init,
    context: &Context,
    seed: u64,
) -> Result<Sequential<f32>, Failure> {
    let mut model = Mlp::new(sizes, activation, init.clone()).build(seed)?;
    fit(&mut model, &context.digits.train, TRAINING, seed, |_, _, _| {});
    Ok(model)
}

pub(super) fn experiment(setup: &Setup, context: &Context) -> Result<Evidence, Failure> {
    let digits = &context.digits;
    let mut tape = Tape::new();
    let mut evidence = Evidence::default();
    let mut best = 0.0_f64;
    let mut worst = 0.0_f64;
    for activation in ACTIVATIONS {
        let mut single = Vec::new();
        for seed in context.seeds(SEEDS) {
            let model =
                trained(&[64, 1, 1, 10], activation, &Init::xavier_normal(), context, seed)?;
            single.push(judge(&model, &digits.test, &mut tape).accuracy);
        }
        // The best of them, as equal units learn at another pace than one does.
        let single = single.into_iter().fold(digits.guessing(), f64::max);
        for init in &setup.inits {
            let (mut distinct, mut accuracies) = (Vec::new(), Vec::new());
            for seed in context.seeds(SEEDS) {
                let model = trained(&digits.architecture, activation, init, context, seed)?;
                let units = hidden_units(&model, &digits.train, &mut tape);
                distinct.push(units.iter().map(|layer| layer.distinct).max().unwrap_or(0) as f64);
                accuracies.push(judge(&model, &digits.test, &mut tape).accuracy);
            }
            let (distinct, accuracy) = (Interval::of(&distinct), Interval::of(&accuracies));
            best = best.max(accuracy.mean);
            worst = worst.max(distinct.mean);
            let name = format!("{activation}, {}", name(init));
            evidence.checks.push(
                Check::essential(
                    format!("{name}: units of a layer that differ"),
                    distinct,
                    Need::Between(1.0, 1.0),
                )
                .predicted(1.0)
                .because("equal weights in and out give equal gradients, to the bit"),
            );
            evidence.checks.push(
                Check::essential(
                    format!("{name}: test accuracy"),
                    accuracy,
                    Need::AtMost(ONE_UNIT),
                )
                .predicted(single)
                .because(
                    "equal units are worth one unit, whose single number tells few classes apart",
                ),
            );
        }
    }
    evidence.summary = format!(
        "{worst} distinct unit{} a layer after training; {} at best",
        if worst == 1.0 { "" } else { "s" },
        accuracy(best)
    );
    Ok(evidence)
}

fn name(init: &Init) -> String {
    match init {
        Init::Zeros => "zero".to_owned(),
        Init::Constant(value) => format!("constant {value}"),
        other => format!("{other:?}"),
    }
}

/// A weight of each of eight units, while training.
fn strands(context: &Context) -> Result<Figure, Failure> {
    const UNITS: usize = 8;
    // A pixel in the middle, which many digits use.
    const PIXEL: usize = 28;
    let mut panels = Vec::new();
    for (title, init) in
        [("all weights begin at 0.02", Init::Constant(0.02)), ("Xavier", Init::xavier_normal())]
    {
        let mut model = Mlp::new(&[64, UNITS, 10], Activation::Tanh, init).build(context.seed)?;
        let weights = |model: &Sequential<f32>| -> Vec<f64> {
            let all = parameters(model)[0].weight.value().to_vec();
            (0..UNITS).map(|unit| f64::from(all[unit * 64 + PIXEL])).collect()
        };
        let mut history = vec![weights(&model)];
        fit(&mut model, &context.digits.train, TRAINING, context.seed, |model, _, _| {
            history.push(weights(model));
        });
        let series = (0..UNITS).map(|unit| {
            let points = history.iter().enumerate().map(|(i, w)| [i as f64, w[unit]]).collect();
            Series::new("", unit, Mark::DotsOnLine, points)
        });
        panels.push(Panel {
            title: title.to_owned(),
            plot: Plot::Plane(Plane {
                x: Axis::linear("epoch"),
                y: Axis::linear("a weight of each of 8 units"),
                series: series.collect(),
                zones: vec![],
            }),
        });
    }
    Ok(Figure::new(
        "strands",
        "Equal units stay equal",
        "The weight from the same pixel into each of eight tanh units during training. Where all weights \
         begin at one value, the eight lines are one; drawn at random, the units part and learn \
         different things.",
        panels,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::claim::Verdict;

    #[test]
    fn random_weights_refute_the_claim() {
        let context = Context::new(1, 1);
        let planted = Setup { inits: vec![Init::xavier_normal()] };
        let evidence = experiment(&planted, &context).unwrap();
        assert_eq!(evidence.verdict(), Verdict::DoesNotHold);
        assert!(evidence.checks.iter().all(|check| !check.passed), "{:#?}", evidence.checks);
        let claimed = Setup { inits: vec![Init::Constant(0.3)] };
        assert_eq!(experiment(&claimed, &context).unwrap().verdict(), Verdict::Holds);
    }
}
