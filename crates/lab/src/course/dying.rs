//! A11, A12 and A14: rectifiers that die, and leaky ones that do not.

use wengert::nn::VisitorMut;
use wengert::prelude::*;

use super::claim::{Check, Evidence, Need};
use super::network::{Failure, Mlp, dead_share, derivatives, layers};
use super::{Claim, Context, Needs};
use crate::figure::{Axis, Figure, Mark, Plane, Plot, Series};
use crate::fit::{Training, fit};
use crate::interval::Interval;
use crate::measure::layers as parameters;
use crate::text::{figure, percent};

pub(super) const CLAIMS: [Claim; 3] = [
    Claim {
        id: "A11",
        title: "a dead rectifier stays dead",
        says: "A large negative bias, after one update that was too large, makes the pre-activation \
               negative for every input in 0..1; output and derivative are then zero, and neither \
               weights nor bias ever change again.",
        method: "In a 64-16-10 network the bias of one unit is set below minus the sum of its positive \
                 weights, and the network is trained on: the unit's parameters are compared bit by bit. \
                 And a single neuron is killed by one step at six times its rate, then trained on.",
        needs: Needs::OneThread,
        run: |context| death(&Setup::default(), context),
    },
    Claim {
        id: "A12",
        title: "high rates kill rectifiers",
        says: "With too high a learning rate a large share of the rectifiers, up to about half, may die.",
        method: "The 64-64-32-10 network on the digits from He, four epochs of plain descent at a row \
                 of rates: the share of hidden units whose derivative is zero for every training digit.",
        needs: Needs::OneThread,
        run: |context| rates(&Setup::default(), context),
    },
    Claim {
        id: "A14",
        title: "leaky rectifiers do not die",
        says: "A leaky rectifier cannot die: its derivative is nowhere zero.",
        method: "The experiments of A11 and A12 with leaky relu in place of relu.",
        needs: Needs::OneThread,
        run: |context| immortal(&Setup::leaky(), context),
    },
];

/// What is to die, or not to.
pub(super) struct Setup {
    pub(super) activation: Activation,
    /// How far below every possible sum of inputs the bias is put, in place of 0.
    pub(super) depth: Option<f64>,
    /// The highest rate.
    pub(super) rate: f64,
}

impl Default for Setup {
    fn default() -> Self {
        Self { activation: Activation::Relu, depth: Some(0.1), rate: HIGH }
    }
}

impl Setup {
    fn leaky() -> Self {
        Self { activation: LEAKY, ..Self::default() }
    }
}

const LEAKY: Activation = Activation::LeakyRelu { slope: 0.01 };
const SEEDS: usize = 5;
const HIGH: f64 = 1.0;
const RATES: [f64; 5] = [0.02, 0.05, 0.1, 0.2, 0.5];

pub(super) fn death(setup: &Setup, context: &Context) -> Result<Evidence, Failure> {
    let fates = fates(setup, context)?;
    let activation = setup.activation;
    let still: Vec<f64> = fates.iter().map(|fate| fate.changed).collect();
    let others: Vec<f64> = fates.iter().map(|fate| fate.others_changed).collect();
    let highest = fates.iter().map(|fate| fate.highest).fold(f64::NEG_INFINITY, f64::max);
    let neurons = neurons(activation, context)?;
    let killed =
        Interval::of(&neurons.iter().map(|n| f64::from(u8::from(n.killed))).collect::<Vec<_>>());
    let moved =
        Interval::of(&neurons.iter().map(|n| f64::from(u8::from(n.moved))).collect::<Vec<_>>());
    let checks = vec![
        Check::essential(
            "highest pre-activation of the unit over all training digits",
            Interval::exact(highest),
            Need::AtMost(0.0),
        )
        .because("a <= sum of the positive weights + b < 0 for every input in 0..1"),
        Check::essential(
            "parameters of the unit that differ in a bit after ten epochs",
            Interval::of(&still),
            Need::Between(0.0, 0.0),
        )
        .predicted(0.0)
        .because("f' = 0 is a factor of each gradient"),
        Check::essential(
            "share of the other units that changed",
            Interval::of(&others),
            Need::AtLeast(0.8),
        )
        .because("the network does train; a unit or two may have died of themselves"),
        Check::essential(
            "share of neurons dead after one large step",
            killed,
            Need::Between(1.0, 1.0),
        )
        .because("at six times the rate the step goes beyond the goal and below zero"),
        Check::essential(
            "share of those whose parameters changed in 2,500 further steps",
            moved,
            Need::Between(0.0, 0.0),
        )
        .predicted(0.0)
        .because("dead is dead"),
    ];
    let summary = format!(
        "{} of {} parameters of the dead unit changed; {} of the neurons recovered",
        figure(still.iter().sum::<f64>()),
        65 * SEEDS,
        percent(moved.mean)
    );
    let figures = vec![lifelines(context)?];
    Ok(Evidence { summary, checks, figures, ..Evidence::default() })
}

/// What became of a unit whose bias was put out of reach.
struct Fate {
    highest: f64,
    /// How many of its parameters are others, in any bit.
    changed: f64,
    others_changed: f64,
}

fn fates(setup: &Setup, context: &Context) -> Result<Vec<Fate>, Failure> {
    let training = Training { learning_rate: 0.05, momentum: 0.9, batch: 16, epochs: 10 };
    let digits = &context.digits;
    let mut fates = Vec::new();
    for seed in context.seeds(SEEDS) {
        let mut model = Mlp::new(&[64, 16, 10], setup.activation, Init::he_normal()).build(seed)?;
        if let Some(depth) = setup.depth {
            let positive: f32 = parameters(&model)[0].weight.value().to_vec()[..64]
                .iter()
                .map(|w| w.max(0.0))
                .sum();
            model.visit_mut(&mut VisitorMut::new(&mut |path, parameter| {
                if path.to_string() == "0.bias" {
                    parameter.value_mut().as_mut_slice()[0] = -positive - depth as f32;
                }
            }));
        }
        let before = units(&model);
        let seen = layers(&model, digits.train.inputs())?;
        let preactivations = seen[0].preactivation.to_vec();
        let highest = preactivations.iter().step_by(16).copied().fold(f32::NEG_INFINITY, f32::max);
        fit(&mut model, &digits.train, training, seed, |_, _, _| {});
        let after = units(&model);
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
fn units(model: &Sequential<f32>) -> Vec<Vec<u32>> {
    let first = parameters(model)[0];
    let (weights, biases) = (first.weight.value().to_vec(), first.bias.value().to_vec());
    let unit =
        |(row, bias): (&[f32], f32)| row.iter().chain([&bias]).map(|w| w.to_bits()).collect();
    weights.chunks_exact(64).zip(biases).map(unit).collect()
}

/// The life of a single neuron that is to say how bright a digit is.
struct Neuron {
    /// The largest pre-activation over some digits, step by step.
    line: Vec<f64>,
    /// Whether the large step put all pre-activations below zero.
    killed: bool,
    /// Whether anything moved after that.
    moved: bool,
    /// Whether it was above zero for some digit in the end.
    alive: bool,
}

const NEURON_STEPS: usize = 2500;

/// The neuron's rate, and by what one step is larger. With about 13 for the square of an input (64
/// pixels and the bias) a rate above 1/13 overshoots.
const RATE: f64 = 0.03;
const FACTOR: f64 = 6.0;

/// It begins too bright, and learns; one step is [`FACTOR`] times as large as it should be.
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
    let (mut killed, mut at_death) = (false, Vec::new());
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
            // Gentle until the fatal step, that its error is still large.
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
                at_death = state(&unit);
            }
        }
    }
    let alive = line[line.len() - 1] > 0.0;
    Ok(Neuron { killed, moved: state(&unit) != at_death, alive, line })
}

/// The largest pre-activation over some inputs.
fn highest(unit: &Linear<f32>, inputs: &Tensor<f32>) -> Result<f64, Failure> {
    let tape = Tape::new();
    let mut most = f32::NEG_INFINITY;
    tape.no_grad(|| {
        let mut see = |_: &str, layer: wengert::nn::Observation<'_, f32>| {
            most = layer.preactivation.value().to_vec().into_iter().fold(most, f32::max);
        };
        let x = tape.constant(inputs);
        unit.observe(x, &mut wengert::nn::Observer::new(&mut see)).map(|_| ())
    })?;
    Ok(f64::from(most))
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
        "Death, and life after it",
        "The highest pre-activation of a neuron over 200 digits. The eleventh step is six times too large \
         and puts it below zero for every digit. The rectifier stays where it is for good; the leaky \
         one climbs back along its slope of 0.01 and works again.",
        Plot::Plane(Plane {
            x: Axis::logarithmic("step"),
            y: Axis::linear("highest pre-activation"),
            series,
            zones: vec![],
        }),
    ))
}

/// The dead share after training at a rate, for each seed, and how many of the runs ended with
/// numbers that are not finite.
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
        shares.push(dead_share(activation, &model, digits.train.inputs())?);
        let finite = |layer: &crate::measure::LayerParameters<'_>| {
            layer.weight.value().to_vec().iter().all(|weight| weight.is_finite())
        };
        diverged += usize::from(!parameters(&model).iter().all(finite));
    }
    Ok((shares, diverged))
}

pub(super) fn rates(setup: &Setup, context: &Context) -> Result<Evidence, Failure> {
    let activation = setup.activation;
    let mut points = Vec::new();
    for rate in RATES.into_iter().chain([setup.rate]) {
        let (shares, _) = dead_at(activation, rate, context)?;
        points.push((rate, Interval::of(&shares)));
    }
    let (gentle, (highest, dead)) = (points[0].1, points[points.len() - 1]);
    let checks = vec![
        Check::essential(format!("dead share at rate {}", RATES[0]), gentle, Need::AtMost(0.1))
            .because("a gentle rate is not to kill more than one in ten"),
        Check::essential(format!("dead share at rate {highest}"), dead, Need::AtLeast(0.3))
            .because("a large share: three in ten or more, in all seeds taken together"),
    ];
    let most = points.iter().map(|(_, share)| share.mean).fold(0.0, f64::max);
    let summary = format!(
        "dead: {} at rate {}, {} at {highest}",
        percent(gentle.mean),
        RATES[0],
        percent(dead.mean)
    );
    let remarks = vec![format!(
        "Half is no limit: at the rates tried here {} died at most, in the mean of {SEEDS} seeds.",
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
        "Dead units against the learning rate",
        "The share of hidden units with derivative zero for every training digit, after four epochs of \
         plain descent. Few rectifiers die at gentle rates, and most at the highest; no leaky one does.",
        Plot::Plane(Plane {
            x: Axis::logarithmic("learning rate"),
            y: Axis::linear("dead share").range(0.0, 1.0),
            series,
            zones: vec![],
        }),
    )];
    Ok(Evidence { summary, checks, remarks, figures })
}

pub(super) fn immortal(setup: &Setup, context: &Context) -> Result<Evidence, Failure> {
    let activation = setup.activation;
    let sweep = crate::sweep::points(crate::sweep::STRIDE);
    let least =
        derivatives(activation, &sweep).into_iter().fold(f32::INFINITY, |l, d| l.min(d.abs()));
    let fates = fates(setup, context)?;
    let neurons = neurons(activation, context)?;
    let share = |flags: Vec<bool>| {
        Interval::of(&flags.into_iter().map(|f| f64::from(u8::from(f))).collect::<Vec<_>>())
    };
    let mut dead = Vec::new();
    let mut lost = 0;
    for rate in RATES.into_iter().chain([setup.rate]) {
        let (shares, diverged) = dead_at(activation, rate, context)?;
        dead.extend(shares);
        lost += diverged;
    }
    let dead = Interval::of(&dead);
    let recovered = share(neurons.iter().map(|n| n.killed && n.alive).collect());
    let moved = share(fates.iter().map(|fate| fate.changed > 0.0).collect());
    let checks = vec![
        Check::essential(
            "least |f'| over the axis",
            Interval::exact(f64::from(least)),
            Need::AtLeast(0.0099),
        )
        .predicted(0.01)
        .because("the slope"),
        Check::essential("dead share over all rates of A12", dead, Need::Between(0.0, 0.0))
            .predicted(0.0)
            .because("no derivative is zero"),
        Check::essential(
            "share of units with the fatal bias of A11 that learn on",
            moved,
            Need::Between(1.0, 1.0),
        )
        .because("a hundredth of the gradient is a gradient"),
        Check::essential(
            "share of neurons killed by a large step that come back",
            recovered,
            Need::Between(1.0, 1.0),
        )
        .because("the error pulls until the pre-activation is positive again"),
    ];
    let summary = format!(
        "dead: {} at every rate; {} of the killed come back",
        percent(dead.mean),
        percent(recovered.mean)
    );
    let mut remarks = Vec::new();
    if lost > 0 {
        remarks.push(format!(
            "What cannot die can still run away: {lost} of the {} networks ended with weights that are not \
             finite.",
            (RATES.len() + 1) * SEEDS
        ));
    }
    Ok(Evidence { summary, checks, remarks, ..Evidence::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::claim::Verdict;

    #[test]
    fn a_leaky_unit_or_a_healthy_one_where_a_dead_one_is_claimed_refutes_it() {
        let context = Context::new(1, 1);
        assert_eq!(death(&Setup::default(), &context).unwrap().verdict(), Verdict::Holds);
        assert_eq!(death(&Setup::leaky(), &context).unwrap().verdict(), Verdict::DoesNotHold);
        let healthy = Setup { depth: None, ..Setup::default() };
        assert_eq!(death(&healthy, &context).unwrap().verdict(), Verdict::DoesNotHold);
    }

    #[test]
    fn gentle_rates_or_leaky_units_where_death_is_claimed_refute_it() {
        let context = Context::new(1, 1);
        assert_eq!(rates(&Setup::leaky(), &context).unwrap().verdict(), Verdict::DoesNotHold);
        let gentle = Setup { rate: 0.02, ..Setup::default() };
        assert_eq!(rates(&gentle, &context).unwrap().verdict(), Verdict::DoesNotHold);
    }

    #[test]
    fn a_rectifier_where_a_leaky_one_is_claimed_refutes_it() {
        let context = Context::new(1, 1);
        assert_eq!(immortal(&Setup::default(), &context).unwrap().verdict(), Verdict::DoesNotHold);
    }
}
