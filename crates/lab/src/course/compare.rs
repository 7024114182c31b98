//! A10: tanh compared with the logistic function.

use wengert::prelude::*;

use super::claim::{Claim, Needs};
use super::context::Context;
use super::evidence::{Check, Evidence, Need};
use crate::error::Failure;
use crate::figure::{Axis, Figure, Mark, Plane, Plot, Series};
use crate::fit::{Training, fit};
use crate::interval::Interval;
use crate::measure::judge;
use crate::network::Mlp;
use crate::text::figure;

pub(super) const CLAIM: Claim = Claim {
    id: "A10",
    title: "tanh is preferred to the logistic function",
    says: "Of the two activations that saturate, tanh is preferable.",
    method: "The 64-64-32-10 network is trained on the digits with either activation, everything else \
             being equal: Xavier initialization, learning rate 0.05, momentum 0.9, six seeds. The \
             number of epochs until 90 % of the test digits are classified correctly, and the test \
             loss, are compared seed by seed.",
    needs: Needs::OneThread,
    run: |context| experiment(&PreferenceSetup::default(), context),
};

/// The two activations.
pub(super) struct PreferenceSetup {
    pub(super) preferred: Activation,
    pub(super) other: Activation,
}

impl Default for PreferenceSetup {
    fn default() -> Self {
        Self { preferred: Activation::Tanh, other: Activation::Logistic }
    }
}

const SEEDS: usize = 6;
const TRAINING: Training = Training { learning_rate: 0.05, momentum: 0.9, batch: 16, epochs: 12 };

/// The test accuracies and the losses, epoch by epoch.
type Curves = [Vec<f64>; 2];

fn curves(activation: Activation, context: &Context, seed: u64) -> Result<Curves, Failure> {
    let digits = &context.digits;
    let mut model =
        Mlp::new(&digits.architecture, activation, Init::xavier_normal()).build(seed)?;
    let mut curves = [vec![], vec![]];
    fit(&mut model, &digits.train, TRAINING, seed, |model, _, tape| {
        let test = judge(model, &digits.test, tape);
        curves[0].push(test.accuracy);
        curves[1].push(test.loss);
    });
    Ok(curves)
}

/// The first epoch with an accuracy of 90 %, or one more than the number of epochs.
fn epochs([accuracies, _]: &Curves) -> f64 {
    let reached = accuracies.iter().position(|accuracy| *accuracy >= 0.9);
    reached.map_or(TRAINING.epochs as f64 + 1.0, |epoch| epoch as f64 + 1.0)
}

/// The mean loss over the epochs.
fn area([_, losses]: &Curves) -> f64 {
    losses.iter().sum::<f64>() / losses.len() as f64
}

pub(super) fn experiment(setup: &PreferenceSetup, context: &Context) -> Result<Evidence, Failure> {
    let all = |activation| -> Result<Vec<Curves>, Failure> {
        context.seeds(SEEDS).into_iter().map(|seed| curves(activation, context, seed)).collect()
    };
    let (preferred, other) = (all(setup.preferred)?, all(setup.other)?);
    let each =
        |curves: &[Curves], of: fn(&Curves) -> f64| -> Vec<f64> { curves.iter().map(of).collect() };
    let [fast, slow] = [each(&preferred, epochs), each(&other, epochs)];
    let slower = Interval::of_differences(&slow, &fast);
    let loss = Interval::of_differences(&each(&other, area), &each(&preferred, area));
    let last = |curves: &Curves| curves[0].last().copied().unwrap_or(f64::NAN);
    let gap = Interval::of_differences(&each(&preferred, last), &each(&other, last));
    let (name, other_name) = (setup.preferred, setup.other);
    let checks = vec![
        Check::essential(
            format!("epochs to 90 %: {other_name} minus {name}"),
            slower,
            Need::AtLeast(1.0),
        )
        .because("one epoch is the resolution of the measurement"),
        Check::essential(
            format!("mean test loss: {other_name} minus {name}"),
            loss,
            Need::AtLeast(0.0),
        )
        .because("the loss of the preferred one is lower: the interval must not contain 0"),
        Check::strict(
            format!("final test accuracy: {name} minus {other_name}"),
            gap,
            Need::AtLeast(-0.01),
        )
        .because("both may reach the same accuracy in the end; at most one point lower"),
    ];
    let summary = format!(
        "epochs to 90 %: {} with {name}, {} with {other_name}",
        figure(Interval::of(&fast).mean),
        figure(Interval::of(&slow).mean)
    );
    let series = [(1, setup.preferred, &preferred), (0, setup.other, &other)].map(
        |(colour, activation, curves)| {
            let mean = |epoch: usize| {
                curves.iter().map(|curves| curves[0][epoch]).sum::<f64>() / SEEDS as f64
            };
            let means = (0..TRAINING.epochs).map(mean);
            Series::numbered(activation.to_string(), colour, Mark::DotsOnLine, means)
        },
    );
    let figures = vec![Figure::one(
        "tanh",
        "Tanh and the logistic function on the same task",
        "Test accuracy after each epoch, mean of six seeds. Everything but the activation is equal: \
         tanh reaches 90 % in the first epochs, the logistic function needs several.",
        Plot::Plane(Plane {
            x: Axis::linear("epoch"),
            y: Axis::linear("test accuracy").range(0.0, 1.0),
            series: series.into(),
            zones: vec![],
        }),
    )];
    Ok(Evidence { summary, checks, figures, ..Evidence::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::evidence::Verdict;

    #[test]
    fn the_opposite_preference_is_refuted() {
        let context = Context::new(1, 1);
        let planted = PreferenceSetup { preferred: Activation::Logistic, other: Activation::Tanh };
        assert_eq!(experiment(&planted, &context).unwrap().verdict(), Verdict::DoesNotHold);
        let alike = PreferenceSetup { preferred: Activation::Tanh, other: Activation::Tanh };
        assert_eq!(experiment(&alike, &context).unwrap().verdict(), Verdict::DoesNotHold);
    }
}
