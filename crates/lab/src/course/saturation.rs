//! B3 and B4: what is large, weights or inputs, saturates the units before the first step.

use wengert::prelude::*;

use super::claim::{Check, Evidence, Need};
use super::network::{Failure, Mlp};
use super::saturation_scale::predicted_share;
use super::{Claim, Context, Needs};
use crate::figure::{Axis, Figure, Mark, Panel, Plane, Plot, Series};
use crate::fit::{Training, fit};
use crate::interval::Interval;
use crate::measure::{gradients, hidden_units, judge};
use crate::task::Examples;
use crate::text::{accuracy, figure, percent};

pub(super) const CLAIMS: [Claim; 2] = [
    Claim {
        id: "B3",
        title: "large initial weights saturate at once",
        says: "With inputs in 0..1 large weights drive the units into saturation before training: \
               initial weights must not be large.",
        method: "The 64-64-32-10 network on the digits, weights from N(0, s^2) with s = 1/8 and s = 5: \
                 the saturated share and the gradients before training, the test accuracy after twelve \
                 epochs.",
        needs: Needs::OneThread,
        run: |context| weights(&Large::weights(), context),
    },
    Claim {
        id: "B4",
        title: "inputs have to be normalised",
        says: "Inputs that are not scaled to 0..1 saturate the first layer as well.",
        method: "The same network from Xavier on the digits as 0..1 and as raw 0..255: saturated share \
                 of the first layer before training, test accuracy after twelve epochs.",
        needs: Needs::OneThread,
        run: |context| inputs(&Large::inputs(), context),
    },
];

/// What is small, and what is large.
pub(super) struct Large {
    pub(super) small: f64,
    pub(super) large: f64,
}

impl Large {
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

/// Of one run: saturated share of each hidden layer, gradient norm of each layer, both before
/// training, and the test accuracy epoch by epoch.
struct Run {
    saturated: Vec<f64>,
    gradients: Vec<f64>,
    accuracies: Vec<f64>,
}

impl Run {
    fn end(&self) -> f64 {
        self.accuracies.last().copied().unwrap_or(f64::NAN)
    }
}

fn run(
    activation: Activation,
    init: Init,
    [train, test]: [&Examples; 2],
    context: &Context,
    seed: u64,
) -> Result<Run, Failure> {
    let mut model = Mlp::new(&context.digits.architecture, activation, init).build(seed)?;
    let mut tape = Tape::new();
    let units = hidden_units(&model, train, &mut tape);
    let saturated = units.iter().map(|layer| layer.saturated.unwrap_or(f64::NAN)).collect();
    let gradients = gradients(&model, train, &mut tape).iter().map(|layer| layer.norm()).collect();
    let mut accuracies = Vec::new();
    fit(&mut model, train, TRAINING, seed, |model, _, tape| {
        accuracies.push(judge(model, test, tape).accuracy);
    });
    Ok(Run { saturated, gradients, accuracies })
}

/// The checks both claims share, on runs with what is small and with what is large.
fn compare(
    evidence: &mut Evidence,
    activation: Activation,
    [small, large]: [&[Run]; 2],
    [small_name, large_name]: [&str; 2],
    predicted: [f64; 2],
) -> String {
    let first =
        |runs: &[Run]| Interval::of(&runs.iter().map(|run| run.saturated[0]).collect::<Vec<_>>());
    let ends = |runs: &[Run]| runs.iter().map(Run::end).collect::<Vec<_>>();
    let what =
        |name| format!("{activation}, {name}: saturated share of the first layer at the start");
    evidence.checks.push(
        Check::essential(what(large_name), first(large), Need::AtLeast(0.7))
            .predicted(predicted[1])
            .because(
                "the normal distribution of the pre-activations says 81 % and more; seven in ten leave room \
             for the units drawn",
            ),
    );
    evidence.checks.push(
        Check::essential(what(small_name), first(small), Need::AtMost(0.05))
            .predicted(predicted[0])
            .because("the same distribution reaches the ends for almost none"),
    );
    let gap = Interval::of_differences(&ends(small), &ends(large));
    evidence.checks.push(
        Check::essential(
            format!("{activation}: test accuracy lost with {large_name}"),
            gap,
            Need::AtLeast(0.02),
        )
        .because("two points in a hundred are more than seeds differ by"),
    );
    format!(
        "{activation}: {} saturated, {} right (against {})",
        percent(first(large).mean),
        accuracy(Interval::of(&ends(large)).mean),
        accuracy(Interval::of(&ends(small)).mean)
    )
}

/// Accuracy over the epochs.
fn curves(activation: Activation, runs: [(&str, &[Run]); 2]) -> Panel {
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

pub(super) fn weights(setup: &Large, context: &Context) -> Result<Evidence, Failure> {
    let digits = &context.digits;
    let mut evidence = Evidence::default();
    let (mut panels, mut words) = (Vec::new(), Vec::new());
    for activation in ACTIVATIONS {
        let runs = |std: f64| -> Result<Vec<Run>, Failure> {
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
        let norm = |runs: &[Run]| {
            Interval::of(&runs.iter().map(|run| run.gradients[0]).collect::<Vec<_>>()).mean
        };
        evidence.remarks.push(format!(
            "{activation}: the norm of the first layer's gradient is {} at {} and {} at {}: large weights \
             pass on by their size what the derivatives take away, and yet the units learn worse.",
            figure(norm(&small)), names[0], figure(norm(&large)), names[1]
        ));
        panels.push(curves(activation, [(names[0], &small), (names[1], &large)]));
    }
    evidence.summary = words.join("; ");
    evidence.figures.push(Figure::new(
        "large",
        "Training from small and from large weights",
        "Test accuracy over the epochs, from weights of deviation 1/8 and of 5: what begins saturated \
         stays behind.",
        panels,
    ));
    Ok(evidence)
}

pub(super) fn inputs(setup: &Large, context: &Context) -> Result<Evidence, Failure> {
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
        let runs = |[train, test]: &[Examples; 2]| -> Result<Vec<Run>, Failure> {
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
        "Test accuracy over the epochs for pixels from 0 to 1 and from 0 to 255, from the same weights.",
        panels,
    ));
    Ok(evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::claim::Verdict;

    #[test]
    fn small_weights_where_large_ones_are_claimed_refute_it() {
        let context = Context::new(1, 1);
        let planted = Large { large: 0.15, ..Large::weights() };
        assert_eq!(weights(&planted, &context).unwrap().verdict(), Verdict::DoesNotHold);
    }

    #[test]
    fn normalised_inputs_where_raw_ones_are_claimed_refute_it() {
        let context = Context::new(1, 1);
        let planted = Large { large: 1.5, ..Large::inputs() };
        assert_eq!(inputs(&planted, &context).unwrap().verdict(), Verdict::DoesNotHold);
    }
}
