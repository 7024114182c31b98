//! B3 and B4: large weights and large inputs saturate the units before training.

use wengert::prelude::*;

use super::claim::{Claim, Needs};
use super::context::Context;
use super::evidence::{Check, Evidence, Need};
use super::saturation_scale::predicted_share;
use crate::error::Failure;
use crate::figure::{Axis, Figure, Mark, Panel, Plane, Plot, Series};
use crate::fit::{Training, fit};
use crate::interval::Interval;
use crate::measure::{gradients, hidden_units, judge};
use crate::network::Mlp;
use crate::task::Examples;
use crate::text::{accuracy, figure, percent};

pub(super) const CLAIMS: [Claim; 2] = [
    Claim {
        id: "B3",
        title: "large initial weights saturate at once",
        says: "With inputs in 0..1 large weights drive the units into saturation before training: \
               initial weights must not be large.",
        method: "The 64-64-32-10 network on the digits, with weights from N(0, s^2) for s = 1/8 and \
                 s = 5: the fraction of saturated outputs and the gradients before training, and the \
                 test accuracy after twelve epochs.",
        needs: Needs::OneThread,
        run: |context| weights(&LargeSetup::weights(), context),
    },
    Claim {
        id: "B4",
        title: "inputs must be normalised",
        says: "Inputs that are not scaled to 0..1 saturate the first layer as well.",
        method: "The same network from Xavier initialization, with pixels from 0 to 1 and from 0 to 255: \
                 the fraction of saturated outputs of the first layer before training, and the test \
                 accuracy after twelve epochs.",
        needs: Needs::OneThread,
        run: |context| inputs(&LargeSetup::inputs(), context),
    },
];

/// The small and the large size, of weights or inputs.
pub(super) struct LargeSetup {
    pub(super) small: f64,
    pub(super) large: f64,
}

impl LargeSetup {
    fn weights() -> Self {
        Self { small: 0.125, large: 5.0 }
    }

    fn inputs() -> Self {
        Self { small: 1.0, large: 255.0 }
    }
}

const ACTIVATIONS: [Activation; 2] = [Activation::Logistic, Activation::Tanh];
const SEEDS: usize = 5;
const TRAINING: Training = Training { learning_rate: 0.05, momentum: 0.9, batch: 16, epochs: 12 };

/// A trained network.
struct Trial {
    /// The fraction of saturated outputs of each hidden layer before training.
    saturated: Vec<f64>,
    /// The gradient norm of each layer before training.
    gradients: Vec<f64>,
    /// The test accuracy after each epoch.
    accuracies: Vec<f64>,
}

impl Trial {
    fn final_accuracy(&self) -> f64 {
        self.accuracies.last().copied().unwrap_or(f64::NAN)
    }
}

fn run(
    activation: Activation,
    init: Init,
    [train, test]: [&Examples; 2],
    context: &Context,
    seed: u64,
) -> Result<Trial, Failure> {
    let mut model = Mlp::new(&context.digits.architecture, activation, init).build(seed)?;
    let mut tape = Tape::new();
    let units = hidden_units(&model, train, &mut tape);
    let saturated = units.iter().map(|layer| layer.saturated.unwrap_or(f64::NAN)).collect();
    let gradients = gradients(&model, train, &mut tape).iter().map(|layer| layer.norm()).collect();
    let mut accuracies = Vec::new();
    fit(&mut model, train, TRAINING, seed, |model, _, tape| {
        accuracies.push(judge(model, test, tape).accuracy);
    });
    Ok(Trial { saturated, gradients, accuracies })
}

/// The checks of both claims, on networks with the small and the large size. Returns a summary.
fn compare(
    evidence: &mut Evidence,
    activation: Activation,
    [small, large]: [&[Trial]; 2],
    [small_name, large_name]: [&str; 2],
    predicted: [f64; 2],
) -> String {
    let first =
        |runs: &[Trial]| Interval::of(&runs.iter().map(|run| run.saturated[0]).collect::<Vec<_>>());
    let ends = |runs: &[Trial]| runs.iter().map(Trial::final_accuracy).collect::<Vec<_>>();
    let what = |name| {
        format!("{activation}, {name}: saturated outputs of the first layer before training")
    };
    evidence.checks.push(
        Check::essential(what(large_name), first(large), Need::AtLeast(0.7))
            .predicted(predicted[1])
            .because(
                "the normal distribution of the pre-activations predicts 81 % or more; seven in ten allow \
                 for the random units",
            ),
    );
    evidence.checks.push(
        Check::essential(what(small_name), first(small), Need::AtMost(0.05))
            .predicted(predicted[0])
            .because("the same distribution predicts almost none"),
    );
    let gap = Interval::of_differences(&ends(small), &ends(large));
    evidence.checks.push(
        Check::essential(
            format!("{activation}: test accuracy with {small_name} minus that with {large_name}"),
            gap,
            Need::AtLeast(0.02),
        )
        .because("two points exceed the differences between seeds"),
    );
    format!(
        "{activation}: {} of the outputs saturated, test accuracy {} (normal: {})",
        percent(first(large).mean),
        accuracy(Interval::of(&ends(large)).mean),
        accuracy(Interval::of(&ends(small)).mean)
    )
}

/// The accuracy over the epochs.
fn curves(activation: Activation, runs: [(&str, &[Trial]); 2]) -> Panel {
    let series = runs.into_iter().enumerate().map(|(colour, (name, runs))| {
        let mean = |epoch: usize| {
            runs.iter().map(|run| run.accuracies[epoch]).sum::<f64>() / runs.len() as f64
        };
        Series::numbered(name, colour, Mark::DotsOnLine, (0..TRAINING.epochs).map(mean))
    });
    Panel {
        title: activation.to_string(),
        plot: Plot::Plane(Plane {
            x: Axis::linear("epoch"),
            y: Axis::linear("test accuracy").range(0.0, 1.0),
            series: series.collect(),
            zones: vec![],
        }),
    }
}

pub(super) fn weights(setup: &LargeSetup, context: &Context) -> Result<Evidence, Failure> {
    let digits = &context.digits;
    let mut evidence = Evidence::default();
    let (mut panels, mut words) = (Vec::new(), Vec::new());
    for activation in ACTIVATIONS {
        let runs = |std: f64| -> Result<Vec<Trial>, Failure> {
            let init = Init::Normal { mean: 0.0, std };
            let both = [&digits.train, &digits.test];
            context
                .seeds(SEEDS)
                .into_iter()
                .map(|s| run(activation, init.clone(), both, context, s))
                .collect()
        };
        let (small, large) = (runs(setup.small)?, runs(setup.large)?);
        let names = [setup.small, setup.large].map(|std| format!("s = {std}"));
        let names = [names[0].as_str(), names[1].as_str()];
        let predicted = [setup.small, setup.large]
            .map(|std| predicted_share(activation, std, digits.train.inputs()));
        words.push(compare(&mut evidence, activation, [&small, &large], names, predicted));
        let norm = |runs: &[Trial]| {
            Interval::of(&runs.iter().map(|run| run.gradients[0]).collect::<Vec<_>>()).mean
        };
        evidence.remarks.push(format!(
            "{activation}: the norm of the first layer's gradient is {} for {} and {} for {}: the large \
             weights compensate the small derivatives, but the saturated units learn worse.",
            figure(norm(&small)), names[0], figure(norm(&large)), names[1]
        ));
        panels.push(curves(activation, [(names[0], &small), (names[1], &large)]));
    }
    evidence.summary = words.join("; ");
    evidence.figures.push(Figure::new(
        "large",
        "Training from small and from large weights",
        "Test accuracy over the epochs, for initial weights with standard deviations of 1/8 and 5: \
         networks that are saturated at the start learn more slowly and less.",
        panels,
    ));
    Ok(evidence)
}

pub(super) fn inputs(setup: &LargeSetup, context: &Context) -> Result<Evidence, Failure> {
    let digits = &context.digits;
    let scaled = |examples: &Examples, factor: f64| {
        let inputs = examples.inputs() * &Tensor::scalar(factor as f32);
        Examples::of(inputs, examples.labels().to_vec())
    };
    let mut evidence = Evidence::default();
    let (mut panels, mut words) = (Vec::new(), Vec::new());
    let of = |factor: f64| [&digits.train, &digits.test].map(|examples| scaled(examples, factor));
    let both = [of(setup.small), of(setup.large)];
    let names = [setup.small, setup.large].map(|most| format!("inputs from 0 to {most}"));
    let names = [names[0].as_str(), names[1].as_str()];
    // Xavier for 64 inputs and 64 outputs.
    let std = (2.0_f64 / 128.0).sqrt();
    for activation in ACTIVATIONS {
        let runs = |[train, test]: &[Examples; 2]| -> Result<Vec<Trial>, Failure> {
            let init = Init::xavier_normal();
            let both = [train, test];
            context
                .seeds(SEEDS)
                .into_iter()
                .map(|s| run(activation, init.clone(), both, context, s))
                .collect()
        };
        let (small, large) = (runs(&both[0])?, runs(&both[1])?);
        let predicted =
            [&both[0], &both[1]].map(|[train, _]| predicted_share(activation, std, train.inputs()));
        words.push(compare(&mut evidence, activation, [&small, &large], names, predicted));
        panels.push(curves(activation, [(names[0], &small), (names[1], &large)]));
    }
    evidence.summary = words.join("; ");
    evidence.figures.push(Figure::new(
        "raw",
        "Training on normalised and on raw pixels",
        "Test accuracy over the epochs for pixels from 0 to 1 and from 0 to 255, with the same initial \
         weights.",
        panels,
    ));
    Ok(evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::evidence::Verdict;

    #[test]
    fn small_weights_where_large_ones_are_claimed_refute_it() {
        let context = Context::new(1, 1);
        let planted = LargeSetup { large: 0.15, ..LargeSetup::weights() };
        assert_eq!(weights(&planted, &context).unwrap().verdict(), Verdict::DoesNotHold);
    }

    #[test]
    fn normalised_inputs_where_raw_ones_are_claimed_refute_it() {
        let context = Context::new(1, 1);
        let planted = LargeSetup { large: 1.5, ..LargeSetup::inputs() };
        assert_eq!(inputs(&planted, &context).unwrap().verdict(), Verdict::DoesNotHold);
    }
}
