//! A7: large weights saturate units.

use wengert::nn::diagnosis::saturated_share;
use wengert::prelude::*;

use super::claim::{Claim, Needs};
use super::context::Context;
use super::evidence::{Check, Evidence, Need};
use crate::error::Failure;
use crate::figure::{Axis, Figure, Mark, Plane, Plot, Series};
use crate::interval::Interval;
use crate::measure::layer_values;
use crate::network::Mlp;
use crate::statistics::norm;
use crate::text::percent;

pub(super) const CLAIM: Claim = Claim {
    id: "A7",
    title: "large weights saturate units",
    says: "A unit's pre-activation is the sum of its weighted inputs: large weights make it large, and \
           the unit saturates. Initial weights are therefore small.",
    method: "In the first layer of a network on the digits, with weights from N(0, s^2), an output within \
             1 % of an end of the activation's range counts as saturated. The fraction of saturated \
             outputs is compared with the prediction from the normal distribution of the \
             pre-activations, N(0, s^2 |x|^2) for an image x.",
    needs: Needs::OneThread,
    run: |context| experiment(&ScaleSetup::default(), context),
};

/// The standard deviations of the weights.
pub(super) struct ScaleSetup {
    /// Small weights.
    pub(super) small: f64,
    /// Large ones.
    pub(super) large: f64,
}

impl Default for ScaleSetup {
    fn default() -> Self {
        // 1/sqrt(64) for the fan-in of 64, and forty times that.
        Self { small: 0.125, large: 5.0 }
    }
}

const SEEDS: usize = 5;
const BETWEEN: [f64; 7] = [0.05, 0.25, 0.5, 1.0, 2.0, 3.5, 10.0];

/// The pre-activation beyond which an output is within 1 % of an end of its range: ln 99 for the
/// logistic function, artanh 0.98 for tanh; NaN for other activations.
pub(super) fn threshold(activation: Activation) -> f64 {
    match activation {
        Activation::Logistic => 99.0_f64.ln(),
        Activation::Tanh => 0.98_f64.atanh(),
        _ => f64::NAN,
    }
}

/// The predicted fraction of saturated outputs, for pre-activations from N(0, s^2 |x|^2), over all
/// images.
pub(super) fn predicted_share(activation: Activation, std: f64, inputs: &Tensor<f32>) -> f64 {
    let features = inputs.shape()[1];
    let beyond = |x: &[f32]| {
        let deviation = std * norm(x);
        if deviation == 0.0 {
            return 0.0;
        }
        libm::erfc(threshold(activation) / (deviation * std::f64::consts::SQRT_2))
    };
    let values = inputs.to_vec();
    let rows = values.chunks_exact(features);
    let count = rows.len() as f64;
    rows.map(beyond).sum::<f64>() / count
}

/// The fraction of saturated outputs of the first layer before training.
pub(super) fn first_layer_share(
    activation: Activation,
    std: f64,
    inputs: &Tensor<f32>,
    seed: u64,
) -> Result<f64, Failure> {
    let sizes = [inputs.shape()[1], 64, 10];
    let init = Init::Normal { mean: 0.0, std };
    let model = Mlp::new(&sizes, activation, init).build(seed)?;
    let outputs = &layer_values(&model, inputs)?[0].output;
    Ok(saturated_share(activation, outputs).unwrap_or(f64::NAN))
}

pub(super) fn experiment(setup: &ScaleSetup, context: &Context) -> Result<Evidence, Failure> {
    let inputs = context.digits.train.inputs();
    let mut evidence = Evidence::default();
    let mut series = Vec::new();
    let mut words = Vec::new();
    for (colour, activation) in [Activation::Logistic, Activation::Tanh].into_iter().enumerate() {
        let mut scales = BETWEEN.to_vec();
        scales.extend([setup.small, setup.large]);
        scales.sort_by(f64::total_cmp);
        let (mut points, mut theory) = (Vec::new(), Vec::new());
        let mut worst = 0.0_f64;
        for std in scales {
            let shares: Result<Vec<f64>, Failure> = context
                .seeds(SEEDS)
                .into_iter()
                .map(|seed| first_layer_share(activation, std, inputs, seed))
                .collect();
            let measured = Interval::of(&shares?);
            let predicted = predicted_share(activation, std, inputs);
            worst = worst.max((measured.mean - predicted).abs());
            points.push([std, measured.mean]);
            theory.push([std, predicted]);
            let what = format!("{activation}: fraction of saturated outputs at s = {std}");
            if std == setup.small {
                evidence.checks.push(
                    Check::essential(what, measured, Need::AtMost(0.01))
                        .predicted(predicted)
                        .because("small weights saturate fewer than one output in a hundred"),
                );
            } else if std == setup.large {
                words.push(format!("{activation} {}", percent(measured.mean)));
                evidence.checks.push(
                    Check::essential(what, measured, Need::AtLeast(0.7))
                        .predicted(predicted)
                        .because(
                            "theory predicts 81 and 90 %; seven in ten allow for 64 random units",
                        ),
                );
            }
        }
        evidence.checks.push(
            Check::essential(
                format!("{activation}: largest difference of measurement and theory"),
                Interval::exact(worst),
                Need::AtMost(0.03),
            )
            .predicted(0.0)
            .because(
                "64 units and five seeds: a fraction of 320 has a standard deviation of 0.028",
            ),
        );
        series.push(Series::new(format!("{activation}, theory"), colour, Mark::Dashed, theory));
        series.push(Series::new(activation.to_string(), colour, Mark::Dots, points));
    }
    evidence.summary = format!(
        "saturated outputs at s = {}: {}, as predicted by the normal distribution",
        setup.large,
        words.join(", ")
    );
    evidence.figures.push(Figure::one(
        "scale",
        "Saturated outputs as a function of the size of the weights",
        "The fraction of outputs of the first layer within 1 % of an end of their range, on the digits, \
         for weights from N(0, s^2), with the prediction from the normal distribution of the \
         pre-activations (dashed).",
        Plot::Plane(Plane {
            x: Axis::logarithmic("standard deviation s of the weights"),
            y: Axis::linear("fraction of saturated outputs").range(0.0, 1.0),
            series,
            zones: vec![],
        }),
    ));
    Ok(evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::evidence::Verdict;

    #[test]
    fn small_weights_where_large_ones_are_claimed_refute_the_claim() {
        let context = Context::new(1, 1);
        assert_eq!(experiment(&ScaleSetup::default(), &context).unwrap().verdict(), Verdict::Holds);
        let planted = ScaleSetup { large: 0.2, ..ScaleSetup::default() };
        assert_eq!(experiment(&planted, &context).unwrap().verdict(), Verdict::DoesNotHold);
    }
}
