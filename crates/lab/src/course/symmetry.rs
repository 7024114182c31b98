//! B1 and B2: units with equal initial weights stay equal.

use wengert::prelude::*;

use super::claim::{Claim, Needs};
use super::context::Context;
use super::evidence::{Check, Evidence, Need};
use crate::error::Failure;
use crate::figure::{Axis, Figure, Mark, Panel, Plane, Plot, Series};
use crate::fit::{Training, fit};
use crate::interval::Interval;
use crate::measure::{gradients, hidden_units, judge, layer_parameters};
use crate::network::Mlp;
use crate::text::{accuracy, list};

const METHOD: &str = "The 64-64-32-10 network is trained on the digits for 20 epochs with logistic, tanh and relu \
                      units, five seeds each. Measured are the number of different units in each hidden layer \
                      (units that differ in at least one bit of a weight or bias) and the test accuracy. For \
                      comparison, a network with one unit per hidden layer is trained from Xavier initialization.";

pub(super) const CLAIMS: [Claim; 2] = [
    Claim {
        id: "B1",
        title: "zero weights do not break the symmetry",
        says: "With all weights zero the units of a layer compute the same output and get the same \
               gradient: they stay equal throughout training (the symmetry breaking problem).",
        method: METHOD,
        needs: Needs::OneThread,
        run: |context| experiment(&SymmetrySetup { inits: vec![Init::Zeros] }, context),
    },
    Claim {
        id: "B2",
        title: "equal weights do not break the symmetry",
        says: "The same holds for every single value that all weights share.",
        method: METHOD,
        needs: Needs::OneThread,
        run: |context| {
            let setup = SymmetrySetup { inits: vec![Init::Constant(0.5), Init::Constant(0.02)] };
            let mut evidence = experiment(&setup, context)?;
            evidence.figures.push(weights_of_units(context)?);
            Ok(evidence)
        },
    },
];

/// The initial weights.
pub(super) struct SymmetrySetup {
    pub(super) inits: Vec<Init>,
}

const ACTIVATIONS: [Activation; 3] = [Activation::Logistic, Activation::Tanh, Activation::Relu];

/// The largest accuracy that equal units may have. All logits are multiples of one number, which
/// distinguishes few of ten classes; a network with different units exceeds 0.9.
const ONE_UNIT: f64 = 0.6;

fn trained(
    sizes: &[usize],
    activation: Activation,
    init: &Init,
    context: &Context,
    seed: u64,
) -> Result<Sequential<f32>, Failure> {
    let mut model = Mlp::new(sizes, activation, init.clone()).build(seed)?;
    fit(&mut model, &context.digits.train, context.grid_training(), seed, |_, _, _| {});
    Ok(model)
}

/// The largest accuracy of a network with one unit per hidden layer, and of guessing. The largest,
/// as equal units do not learn at the rate of a single one.
fn single_unit(activation: Activation, context: &Context) -> Result<f64, Failure> {
    let mut best = context.digits.guessing();
    for seed in context.grid_seeds() {
        let model = trained(&[64, 1, 1, 10], activation, &Init::xavier_normal(), context, seed)?;
        best = best.max(judge(&model, &context.digits.test, &mut Tape::new()).accuracy);
    }
    Ok(best)
}

pub(super) fn experiment(setup: &SymmetrySetup, context: &Context) -> Result<Evidence, Failure> {
    let digits = &context.digits;
    let mut tape = Tape::new();
    let mut evidence = Evidence::default();
    let (mut best, mut different) = (0.0_f64, 0.0_f64);
    let mut without_gradient = Vec::new();
    for activation in ACTIVATIONS {
        let single = single_unit(activation, context)?;
        for init in &setup.inits {
            let (mut distinct, mut accuracies) = (Vec::new(), Vec::new());
            for seed in context.grid_seeds() {
                let model = trained(&digits.architecture, activation, init, context, seed)?;
                let units = hidden_units(&model, &digits.train, &mut tape);
                distinct.push(units.iter().map(|layer| layer.distinct).max().unwrap_or(0) as f64);
                accuracies.push(judge(&model, &digits.test, &mut tape).accuracy);
            }
            let (distinct, accuracy_of_equal) =
                (Interval::of(&distinct), Interval::of(&accuracies));
            best = best.max(accuracy_of_equal.mean);
            different = different.max(distinct.mean);
            let name = format!("{activation}, {}", name(init));
            evidence.checks.push(
                Check::essential(
                    format!("{name}: different units in a hidden layer after training"),
                    distinct,
                    Need::Between(1.0, 1.0),
                )
                .predicted(1.0)
                .because(
                    "equal incoming and outgoing weights have equal gradients, to the last bit",
                ),
            );
            evidence.checks.push(
                Check::essential(
                    format!("{name}: test accuracy"),
                    accuracy_of_equal,
                    Need::AtMost(ONE_UNIT),
                )
                .because(format!(
                    "equal units are worth one unit; with one unit per layer the network reaches {}",
                    accuracy(single)
                )),
            );
            if *init == Init::Zeros && activation != Activation::Logistic {
                evidence.checks.push(no_gradient(activation, context)?);
                without_gradient.push(activation.to_string());
            }
        }
    }
    if !without_gradient.is_empty() {
        evidence.remarks.push(format!(
            "With {} the problem is worse than symmetry: as f(0) = 0, all hidden outputs are zero, and \
             zero weights pass no gradient back. No weight has a gradient at all, and only the biases of \
             the last layer learn. With the logistic function, whose outputs are 1/2, the last layer's \
             weights learn first.",
            list(&without_gradient)
        ));
    }
    let units = if different == 1.0 {
        "all units of each hidden layer are equal after training".to_owned()
    } else {
        format!("{different} different units in a hidden layer after training")
    };
    evidence.summary = format!("{units}; test accuracy of at most {}", accuracy(best));
    Ok(evidence)
}

/// The check that no weight of a network with zero weights has a gradient.
fn no_gradient(activation: Activation, context: &Context) -> Result<Check, Failure> {
    let digits = &context.digits;
    let model = Mlp::new(&digits.architecture, activation, Init::Zeros).build(context.seed)?;
    let gradients = gradients(&model, &digits.train, &mut Tape::new());
    let largest = gradients.iter().map(|layer| layer.weight).fold(0.0, f64::max);
    let what = format!("{activation}, zero: largest norm of a weight's gradient before training");
    Ok(Check::essential(what, Interval::exact(largest), Need::Between(0.0, 0.0))
        .predicted(0.0)
        .because("all hidden outputs f(0) and all weights, the factors of the gradients, are zero"))
}

fn name(init: &Init) -> String {
    match init {
        Init::Zeros => "zero".to_owned(),
        Init::Constant(value) => format!("constant {value}"),
        other => format!("{other:?}"),
    }
}

/// The weights of the same input into eight units, during training.
fn weights_of_units(context: &Context) -> Result<Figure, Failure> {
    const UNITS: usize = 8;
    const EPOCHS: usize = 10;
    // A pixel in the middle, which is bright in many digits.
    const PIXEL: usize = 28;
    let training = Training { epochs: EPOCHS, ..context.grid_training() };
    let mut panels = Vec::new();
    for (title, init) in
        [("all initial weights 0.02", Init::Constant(0.02)), ("Xavier", Init::xavier_normal())]
    {
        let mut model = Mlp::new(&[64, UNITS, 10], Activation::Tanh, init).build(context.seed)?;
        let weights = |model: &Sequential<f32>| -> Vec<f64> {
            let all = layer_parameters(model)[0].weight.value().to_vec();
            (0..UNITS).map(|unit| f64::from(all[unit * 64 + PIXEL])).collect()
        };
        let mut history = vec![weights(&model)];
        fit(&mut model, &context.digits.train, training, context.seed, |model, _, _| {
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
        "units",
        "Equal units stay equal",
        "The weight from the same pixel into each of eight tanh units during training. If all weights \
         have the same initial value, the eight lines coincide; with random initial weights the units \
         become different.",
        panels,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::evidence::Verdict;
    use crate::grid::train::train;
    use crate::grid::{Initialization, Pair, Settings};

    fn context(grid_epochs: usize) -> Context {
        Context { grid_epochs, ..Context::new(1, 1) }
    }

    #[test]
    fn random_weights_refute_the_claim() {
        let context = context(10);
        let planted = SymmetrySetup { inits: vec![Init::xavier_normal()] };
        let evidence = experiment(&planted, &context).unwrap();
        assert_eq!(evidence.verdict(), Verdict::DoesNotHold);
        assert!(evidence.checks.iter().all(|check| !check.passed), "{:#?}", evidence.checks);
        let claimed = SymmetrySetup { inits: vec![Init::Constant(0.3)] };
        assert_eq!(experiment(&claimed, &context).unwrap().verdict(), Verdict::Holds);
    }

    #[test]
    fn the_networks_are_those_of_the_grid() {
        let context = context(2);
        let settings = Settings { training: context.grid_training(), seeds: context.grid_seeds() };
        let digits = &context.digits;
        for (init, initialization) in
            [(Init::Zeros, Initialization::Zero), (Init::Constant(0.5), Initialization::Constant)]
        {
            for activation in ACTIVATIONS {
                let model = trained(&digits.architecture, activation, &init, &context, 2).unwrap();
                let here = judge(&model, &digits.test, &mut Tape::new()).accuracy;
                let pair = Pair { activation, initialization };
                let there = train(digits, &settings, pair, 2, &|| {}).after().accuracy;
                assert_eq!(here, there, "{pair:?}");
            }
        }
    }
}
