//! A11, A12 and A14: relu units that die, and leaky relu units that do not.

use wengert::nn::VisitorMut;
use wengert::prelude::*;

use super::claim::{Claim, Needs};
use super::context::Context;
use super::evidence::{Check, Evidence, Need};
use crate::activation::derivatives;
use crate::error::Failure;
use crate::figure::{Axis, Figure, Mark, Plane, Plot, Series};
use crate::fit::{Training, fit};
use crate::interval::Interval;
use crate::measure::{
    LayerParameters, dead_fraction, hidden_units, layer_parameters, layer_values,
};
use crate::network::Mlp;
use crate::text::{figure, percent};

pub(super) const CLAIMS: [Claim; 3] = [
    Claim {
        id: "A11",
        title: "a dead relu unit stays dead",
        says: "A large negative bias, the result of one update that was too large, makes the \
               pre-activation negative for every input in 0..1. Output and derivative are then zero \
               (the unit is dead), and neither its weights nor its bias ever change again.",
        method: "In a 64-16-10 network the bias of one unit is set below minus the sum of its positive \
                 weights; the unit's parameters before and after ten epochs of training are compared \
                 bit by bit. A second experiment makes one step of a single neuron with six times its \
                 learning rate and continues the training.",
        needs: Needs::OneThread,
        run: |context| death(&DyingSetup::default(), context),
    },
    Claim {
        id: "A12",
        title: "high learning rates kill relu units",
        says: "With too high a learning rate a large fraction of the relu units, up to about half, may \
               die.",
        method: "The 64-64-32-10 network is trained on the digits from He initialization, for four \
                 epochs of gradient descent without momentum at six learning rates. Measured is the \
                 fraction of dead hidden units: those whose derivative is zero for every training digit.",
        needs: Needs::OneThread,
        run: |context| rates(&DyingSetup::default(), context),
    },
    Claim {
        id: "A14",
        title: "leaky relu units do not die",
        says: "A leaky relu unit cannot die: its derivative is zero nowhere.",
        method: "The experiments of A11 and A12 with leaky relu in place of relu.",
        needs: Needs::OneThread,
        run: |context| immortal(&DyingSetup::leaky(), context),
    },
];

/// The units of the experiments.
pub(super) struct DyingSetup {
    pub(super) activation: Activation,
    /// If set, one bias is set this far below minus the largest possible sum of weighted inputs.
    pub(super) depth: Option<f64>,
    /// The highest learning rate.
    pub(super) rate: f64,
}

impl Default for DyingSetup {
    fn default() -> Self {
        Self { activation: Activation::Relu, depth: Some(0.1), rate: HIGH }
    }
}

impl DyingSetup {
    fn leaky() -> Self {
        Self { activation: LEAKY, ..Self::default() }
    }
}

const LEAKY: Activation = Activation::LeakyRelu { slope: 0.01 };
const SEEDS: usize = 5;
const HIGH: f64 = 1.0;
const RATES: [f64; 5] = [0.02, 0.05, 0.1, 0.2, 0.5];

pub(super) fn death(setup: &DyingSetup, context: &Context) -> Result<Evidence, Failure> {
    let fates = fates(setup, context)?;
    let activation = setup.activation;
    let still: Vec<f64> = fates.iter().map(|fate| fate.changed).collect();
    let others: Vec<f64> = fates.iter().map(|fate| fate.others_changed).collect();
    let highest = fates.iter().map(|fate| fate.highest).fold(f64::NEG_INFINITY, f64::max);
    let neurons = neurons(activation, context)?;
    let killed = Interval::of_flags(neurons.iter().map(|neuron| neuron.killed));
    let moved = Interval::of_flags(neurons.iter().map(|neuron| neuron.moved));
    let checks = vec![
        Check::essential(
            "largest pre-activation of the unit over all training digits",
            Interval::exact(highest),
            Need::AtMost(0.0),
        )
        .because("a <= (sum of the positive weights) + b < 0 for every input in 0..1"),
        Check::essential(
            "parameters of the unit that changed in ten epochs, in any bit",
            Interval::of(&still),
            Need::Between(0.0, 0.0),
        )
        .predicted(0.0)
        .because("f' = 0 is a factor of each gradient"),
        Check::essential(
            "fraction of the other units that changed",
            Interval::of(&others),
            Need::AtLeast(0.8),
        )
        .because("the network is training; one or two other units may be dead as well"),
        Check::essential(
            "fraction of neurons that are dead after one large step",
            killed,
            Need::Between(1.0, 1.0),
        )
        .because("at six times the learning rate the step overshoots below zero"),
        Check::essential(
            "fraction of them whose parameters changed in 2,500 further steps",
            moved,
            Need::Between(0.0, 0.0),
        )
        .predicted(0.0)
        .because("all gradients of a dead unit are zero"),
    ];
    let summary = format!(
        "{} of {} parameters of the dead units changed; {} of the dead neurons recovered",
        figure(still.iter().sum::<f64>()),
        65 * SEEDS,
        percent(moved.mean)
    );
    let figures = vec![lifelines(context)?];
    Ok(Evidence { summary, checks, figures, ..Evidence::default() })
}

/// A unit with a large negative bias, after training.
struct Fate {
    /// The largest pre-activation before training.
    highest: f64,
    /// The number of its parameters that changed, in any bit.
    changed: f64,
    /// The fraction of the other units that changed.
    others_changed: f64,
}

fn fates(setup: &DyingSetup, context: &Context) -> Result<Vec<Fate>, Failure> {
    let training = Training { learning_rate: 0.05, momentum: 0.9, batch: 16, epochs: 10 };
    let digits = &context.digits;
    let mut fates = Vec::new();
    for seed in context.seeds(SEEDS) {
        let mut model = Mlp::new(&[64, 16, 10], setup.activation, Init::he_normal()).build(seed)?;
        if let Some(depth) = setup.depth {
            let positive: f32 = layer_parameters(&model)[0].weight.value().to_vec()[..64]
                .iter()
                .map(|w| w.max(0.0))
                .sum();
            model.visit_mut(&mut VisitorMut::new(&mut |path, parameter| {
                if path.to_string() == "0.bias" {
                    parameter.value_mut().as_mut_slice()[0] = -positive - depth as f32;
                }
            }));
        }
        let before = unit_bits(&model);
        let values = layer_values(&model, digits.train.inputs())?;
        let preactivations = values[0].preactivation.to_vec();
        let highest = preactivations.iter().step_by(16).copied().fold(f32::NEG_INFINITY, f32::max);
        fit(&mut model, &digits.train, training, seed, |_, _, _| {});
        let after = unit_bits(&model);
        let differ =
            |unit: usize| before[unit].iter().zip(&after[unit]).filter(|(a, b)| a != b).count();
        let others = (1..16).filter(|&unit| differ(unit) > 0).count();
        fates.push(Fate {
            highest: f64::from(highest),
            changed: differ(0) as f64,
            others_changed: others as f64 / 15.0,
        });
    }
    Ok(fates)
}

/// The bits of each unit's weights and bias in the first layer.
fn unit_bits(model: &Sequential<f32>) -> Vec<Vec<u32>> {
    let first = layer_parameters(model)[0];
    let (weights, biases) = (first.weight.value().to_vec(), first.bias.value().to_vec());
    let unit =
        |(row, bias): (&[f32], f32)| row.iter().chain([&bias]).map(|w| w.to_bits()).collect();
    weights.chunks_exact(64).zip(biases).map(unit).collect()
}

/// The training of a single neuron to output the brightness of a digit.
struct Neuron {
    /// The largest pre-activation over some digits, after each step.
    line: Vec<f64>,
    /// Whether the large step made all pre-activations negative.
    killed: bool,
    /// Whether a parameter changed after that.
    moved: bool,
    /// Whether the pre-activation is positive for some digit at the end.
    alive: bool,
}

const NEURON_STEPS: usize = 2500;

/// The neuron's learning rate, and the factor of the large step. As the square of an input (64
/// pixels and the bias) is about 13, a rate above 1/13 overshoots.
const RATE: f64 = 0.03;
const FACTOR: f64 = 6.0;

/// Trains a neuron whose initial outputs are too large; one step is [`FACTOR`] times as large as
/// the others.
fn neuron(activation: Activation, context: &Context, seed: u64) -> Result<Neuron, Failure> {
    const FATAL: usize = 10;
    let digits = &context.digits.train;
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut unit = Linear::<f32>::new(64, 1, activation, &Init::he_normal(), &mut rng)?;
    if let Some(bias) = unit.bias_mut() {
        bias.value_mut().as_mut_slice()[0] = 6.0;
    }
    let mut batches = Batches::new(digits.inputs(), digits.labels(), 16)?.shuffled(seed);
    let sample = digits.inputs().slice(0, 0..200);
    let mut sgd = Sgd::new(RATE / 100.0);
    let mut tape = Tape::new();
    let mut line = Vec::new();
    let (mut killed, mut after_large_step) = (false, Vec::new());
    let state = |unit: &Linear<f32>| {
        let bias = unit.bias().map_or_else(Vec::new, |bias| bias.value().to_vec());
        [unit.weight().value().to_vec(), bias].concat()
    };
    while line.len() < NEURON_STEPS {
        for batch in batches.epoch() {
            let step = line.len();
            if step == NEURON_STEPS {
                break;
            }
            // Small steps until the large one, so that the error is still large then.
            sgd.set_learning_rate(match step {
                FATAL => RATE * FACTOR,
                _ if step < FATAL => RATE / 100.0,
                _ => RATE,
            });
            let target = batch.inputs.sum_axes(&[1], true);
            let target = &target * &Tensor::scalar(1.0 / 16.0);
            let loss = unit.forward(tape.constant(&batch.inputs)).mse_loss(tape.constant(&target));
            sgd.step(&mut unit, &loss.backward());
            tape.clear();
            let preactivation = highest(&unit, &sample)?;
            line.push(preactivation);
            if step == FATAL {
                killed = preactivation < 0.0;
                after_large_step = state(&unit);
            }
        }
    }
    let alive = line[line.len() - 1] > 0.0;
    Ok(Neuron { killed, moved: state(&unit) != after_large_step, alive, line })
}

/// The largest pre-activation over some inputs.
fn highest(unit: &Linear<f32>, inputs: &Tensor<f32>) -> Result<f64, Failure> {
    let preactivations = layer_values(unit, inputs)?.remove(0).preactivation.to_vec();
    Ok(f64::from(preactivations.into_iter().fold(f32::NEG_INFINITY, f32::max)))
}

fn neurons(activation: Activation, context: &Context) -> Result<Vec<Neuron>, Failure> {
    context.seeds(SEEDS).into_iter().map(|seed| neuron(activation, context, seed)).collect()
}

fn lifelines(context: &Context) -> Result<Figure, Failure> {
    let mut series = Vec::new();
    for (colour, activation) in [(0, Activation::Relu), (2, LEAKY)] {
        let life = neuron(activation, context, context.seed)?;
        let points = life.line.iter().enumerate().map(|(step, &a)| [step as f64 + 1.0, a]);
        let points = points.filter(|[step, _]| *step < 60.0 || step % 10.0 == 0.0).collect();
        series.push(Series::new(activation.to_string(), colour, Mark::Line, points));
    }
    Ok(Figure::one(
        "death",
        "A relu unit and a leaky relu unit after a step that is too large",
        "The largest pre-activation of a neuron over 200 digits. The eleventh step is six times too large \
         and makes it negative for every digit. The relu unit never changes again; the leaky relu unit \
         still has a gradient, by its slope of 0.01, and recovers.",
        Plot::Plane(Plane {
            x: Axis::logarithmic("step"),
            y: Axis::linear("largest pre-activation"),
            series,
            zones: vec![],
        }),
    ))
}

/// The fraction of dead units after training at a learning rate, for each seed, and the number of
/// runs that end with weights that are not finite.
fn dead_at(
    activation: Activation,
    rate: f64,
    context: &Context,
) -> Result<(Vec<f64>, usize), Failure> {
    let training = Training { learning_rate: rate, momentum: 0.0, batch: 16, epochs: 4 };
    let digits = &context.digits;
    let (mut shares, mut diverged) = (Vec::new(), 0);
    for seed in context.seeds(SEEDS) {
        let mut model =
            Mlp::new(&digits.architecture, activation, Init::he_normal()).build(seed)?;
        fit(&mut model, &digits.train, training, seed, |_, _, _| {});
        let units = hidden_units(&model, &digits.train, &mut Tape::new());
        // An activation whose units cannot die has no fraction.
        shares.push(dead_fraction(&units).unwrap_or(0.0));
        let finite = |layer: &LayerParameters<'_>| {
            layer.weight.value().to_vec().iter().all(|weight| weight.is_finite())
        };
        diverged += usize::from(!layer_parameters(&model).iter().all(finite));
    }
    Ok((shares, diverged))
}

pub(super) fn rates(setup: &DyingSetup, context: &Context) -> Result<Evidence, Failure> {
    let activation = setup.activation;
    let mut points = Vec::new();
    for rate in RATES.into_iter().chain([setup.rate]) {
        let (shares, _) = dead_at(activation, rate, context)?;
        points.push((rate, Interval::of(&shares)));
    }
    let (gentle, (highest, dead)) = (points[0].1, points[points.len() - 1]);
    let checks = vec![
        Check::essential(
            format!("fraction of dead units at learning rate {}", RATES[0]),
            gentle,
            Need::AtMost(0.1),
        )
        .because("at a low learning rate at most one unit in ten may die"),
        Check::essential(
            format!("fraction of dead units at learning rate {highest}"),
            dead,
            Need::AtLeast(0.3),
        )
        .because("a large fraction: three units in ten or more"),
    ];
    let most = points.iter().map(|(_, share)| share.mean).fold(0.0, f64::max);
    let summary = format!(
        "dead units: {} at learning rate {}, {} at learning rate {highest}",
        percent(gentle.mean),
        RATES[0],
        percent(dead.mean)
    );
    let remarks = vec![format!(
        "Half is not an upper limit: at these learning rates up to {} of the units died (mean of {SEEDS} \
         seeds).",
        percent(most)
    )];
    let mut series = vec![Series::new(
        activation.to_string(),
        0,
        Mark::DotsOnLine,
        points.iter().map(|(rate, share)| [*rate, share.mean]).collect(),
    )];
    let mut leaky = Vec::new();
    for rate in RATES.into_iter().chain([setup.rate]) {
        leaky.push([rate, Interval::of(&dead_at(LEAKY, rate, context)?.0).mean]);
    }
    series.push(Series::new(LEAKY.to_string(), 2, Mark::DotsOnLine, leaky));
    let figures = vec![Figure::one(
        "rates",
        "Dead units as a function of the learning rate",
        "The fraction of hidden units whose derivative is zero for every training digit, after four \
         epochs of gradient descent without momentum. Few relu units die at low learning rates and most \
         at the highest; no leaky relu unit dies.",
        Plot::Plane(Plane {
            x: Axis::logarithmic("learning rate"),
            y: Axis::linear("fraction of dead units").range(0.0, 1.0),
            series,
            zones: vec![],
        }),
    )];
    Ok(Evidence { summary, checks, remarks, figures })
}

pub(super) fn immortal(setup: &DyingSetup, context: &Context) -> Result<Evidence, Failure> {
    let activation = setup.activation;
    let sweep = crate::sweep::points(crate::sweep::STRIDE);
    let least =
        derivatives(activation, &sweep).into_iter().fold(f32::INFINITY, |l, d| l.min(d.abs()));
    let fates = fates(setup, context)?;
    let neurons = neurons(activation, context)?;
    let mut dead = Vec::new();
    let mut lost = 0;
    for rate in RATES.into_iter().chain([setup.rate]) {
        let (shares, diverged) = dead_at(activation, rate, context)?;
        dead.extend(shares);
        lost += diverged;
    }
    let dead = Interval::of(&dead);
    let recovered = Interval::of_flags(neurons.iter().map(|n| n.killed && n.alive));
    let moved = Interval::of_flags(fates.iter().map(|fate| fate.changed > 0.0));
    let checks = vec![
        Check::essential(
            "smallest |f'| over all numbers",
            Interval::exact(f64::from(least)),
            Need::AtLeast(0.0099),
        )
        .predicted(0.01)
        .because("the slope for x < 0, rounded to f32"),
        Check::essential(
            "fraction of dead units over all learning rates of A12",
            dead,
            Need::Between(0.0, 0.0),
        )
        .predicted(0.0)
        .because("no derivative is zero"),
        Check::essential(
            "fraction of units with the large negative bias of A11 that still learn",
            moved,
            Need::Between(1.0, 1.0),
        )
        .because("a hundredth of the gradient remains"),
        Check::essential(
            "fraction of neurons that recover from a large step",
            recovered,
            Need::Between(1.0, 1.0),
        )
        .because(
            "the gradient of the error increases the pre-activation until it is positive again",
        ),
    ];
    let summary = format!(
        "dead units: {} at every learning rate; {} of the neurons recover",
        percent(dead.mean),
        percent(recovered.mean)
    );
    let mut remarks = Vec::new();
    if lost > 0 {
        remarks.push(format!(
            "Units that cannot die can still diverge: {lost} of the {} networks ended with weights that \
             are not finite.",
            (RATES.len() + 1) * SEEDS
        ));
    }
    Ok(Evidence { summary, checks, remarks, ..Evidence::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::evidence::Verdict;

    #[test]
    fn a_leaky_or_healthy_unit_in_place_of_a_dead_one_refutes_the_claim() {
        let context = Context::new(1, 1);
        assert_eq!(death(&DyingSetup::default(), &context).unwrap().verdict(), Verdict::Holds);
        assert_eq!(death(&DyingSetup::leaky(), &context).unwrap().verdict(), Verdict::DoesNotHold);
        let healthy = DyingSetup { depth: None, ..DyingSetup::default() };
        assert_eq!(death(&healthy, &context).unwrap().verdict(), Verdict::DoesNotHold);
    }

    #[test]
    fn low_rates_or_leaky_units_refute_the_claim_on_rates() {
        let context = Context::new(1, 1);
        assert_eq!(rates(&DyingSetup::leaky(), &context).unwrap().verdict(), Verdict::DoesNotHold);
        let gentle = DyingSetup { rate: 0.02, ..DyingSetup::default() };
        assert_eq!(rates(&gentle, &context).unwrap().verdict(), Verdict::DoesNotHold);
    }

    #[test]
    fn relu_in_place_of_leaky_relu_refutes_the_claim() {
        let context = Context::new(1, 1);
        assert_eq!(
            immortal(&DyingSetup::default(), &context).unwrap().verdict(),
            Verdict::DoesNotHold
        );
    }
}
