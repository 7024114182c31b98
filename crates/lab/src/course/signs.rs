//! A8: if the inputs of a neuron are always positive, the gradients of its weights share a sign.

use wengert::prelude::*;

use super::claim::{Claim, Needs};
use super::context::Context;
use super::evidence::{Check, Evidence, Need};
use crate::activation::values;
use crate::error::Failure;
use crate::figure::{Axis, Figure, Mark, Panel, Plane, Plot, Series};
use crate::interval::Interval;
use crate::measure::layer_parameters;
use crate::network::Mlp;
use crate::statistics::{fraction, normal};
use crate::text::{figure, percent};

pub(super) const CLAIM: Claim = Claim {
    id: "A8",
    title: "positive outputs make gradient descent zig-zag",
    says: "The outputs of a logistic layer are all positive, so the gradients of all weights into a \
           neuron of the next layer have the same sign. Updates are confined to two orthants, and \
           gradient descent zig-zags; a zero-centred function (tanh) avoids this.",
    method: "In 200 random networks for each width n: the fraction of neurons whose n incoming weight \
             gradients for one example all have the same sign (zeros agree with either sign). Then a \
             neuron with two inputs h = f(a), a ~ N(0, 1), learns weights in the direction (1, -1), to \
             which no update of one sign points: the number of steps until 95 % of the way is done, and \
             the length of the path, at the learning rate 1 / (4 E|h|^2) for each activation.",
    needs: Needs::OneThread,
    run: |context| experiment(&SignsSetup::default(), context),
};

/// The two activations.
pub(super) struct SignsSetup {
    /// The one whose outputs are positive.
    pub(super) positive: Activation,
    /// The one whose outputs are centred.
    pub(super) centred: Activation,
}

impl Default for SignsSetup {
    fn default() -> Self {
        Self { positive: Activation::Logistic, centred: Activation::Tanh }
    }
}

/// The error if the loss does not depend on a weight.
const UNCONNECTED: &str = "the weight has no gradient";

const WIDTHS: [usize; 6] = [2, 3, 4, 5, 6, 8];
const NETWORKS: u64 = 200;
const SEEDS: usize = 8;
const PATHS: usize = 20;

pub(super) fn experiment(setup: &SignsSetup, context: &Context) -> Result<Evidence, Failure> {
    let mut evidence = Evidence::default();
    let mut series = Vec::new();
    for (colour, activation) in
        [Activation::Relu, setup.centred, setup.positive].into_iter().enumerate()
    {
        let mut points = Vec::new();
        for width in WIDTHS {
            let mut shares = Vec::new();
            for seed in context.seeds(SEEDS) {
                shares.push(agreement(activation, width, seed)?);
            }
            let measured = Interval::of(&shares);
            points.push([width as f64, measured.mean]);
            let what = format!(
                "{activation}, n = {width}: fraction of neurons with gradients of one sign"
            );
            if activation == setup.positive || activation == Activation::Relu {
                let check =
                    Check::essential(what, measured, Need::Between(1.0, 1.0)).predicted(1.0);
                evidence
                    .checks
                    .push(check.because("the gradients are (dL/da) h_i with every h_i >= 0"));
            } else {
                let predicted = 2.0_f64.powi(1 - width as i32);
                let off = 4.0 * (predicted / (NETWORKS as f64 * SEEDS as f64)).sqrt();
                let off = off.max(0.02) + measured.half();
                let need = Need::Between(predicted - off, predicted + off);
                evidence.checks.push(
                    Check::essential(what, measured, need)
                        .predicted(predicted)
                        .because("n random signs agree with probability 2^(1-n)"),
                );
            }
        }
        // The first and the last series have the same points: different marks show both.
        let mark = if colour == 2 { Mark::Dots } else { Mark::DotsOnLine };
        series.push(Series::new(activation.to_string(), colour, mark, points));
    }
    let chance = WIDTHS.map(|n| [n as f64, 2.0_f64.powi(1 - n as i32)]).to_vec();
    series.push(Series::new("2^(1-n)", 3, Mark::Dashed, chance));
    evidence.figures.push(Figure::one(
        "signs",
        "Neurons whose weight gradients all have one sign",
        "The fraction of neurons whose n incoming weights get gradients of one sign from an example: all \
         neurons after logistic units (dots) and relu units (line), and as many as by chance after tanh \
         units.",
        Plot::Plane(Plane {
            x: Axis::linear("inputs n of the neuron"),
            y: Axis::linear("fraction with one sign").range(0.0, 1.05),
            series,
            zones: vec![],
        }),
    ));
    paths(setup, context, &mut evidence)?;
    batches(setup, context, &mut evidence)?;
    Ok(evidence)
}

/// Whether no two numbers have opposite signs.
fn agree(gradient: &[f32]) -> bool {
    gradient.iter().all(|g| *g >= 0.0) || gradient.iter().all(|g| *g <= 0.0)
}

/// The fraction of random networks with one neuron after `width` units whose weight gradients have
/// the same sign.
fn agreement(activation: Activation, width: usize, seed: u64) -> Result<f64, Failure> {
    let mut tape = Tape::new();
    let mut flags = Vec::new();
    for network in 0..NETWORKS {
        let seed = seed.wrapping_mul(100_000).wrapping_add(network);
        let model = Mlp::new(&[8, width, 1], activation, Init::lecun_normal()).build(seed)?;
        let input = normal([1, 8], seed ^ 1)?;
        let target = normal([1, 1], seed ^ 2)?;
        let loss = model.forward(tape.constant(&input)).mse_loss(tape.constant(&target));
        let gradients = loss.backward();
        let weight = layer_parameters(&model)[1].weight;
        flags.push(agree(&gradients.parameter(weight).ok_or(UNCONNECTED)?.to_vec()));
        drop(gradients);
        tape.clear();
    }
    Ok(fraction(flags))
}

/// Two weights on their way to (1, -1).
struct WeightPath {
    points: Vec<[f64; 2]>,
    /// The number of steps until a twentieth of the way is left.
    steps: f64,
    /// The fraction of steps in which one weight grows and the other shrinks.
    mixed: f64,
}

impl WeightPath {
    /// The length of the path, relative to the straight line.
    fn detour(&self) -> f64 {
        let length = |pair: &[[f64; 2]]| (pair[1][0] - pair[0][0]).hypot(pair[1][1] - pair[0][1]);
        let total: f64 = self.points.windows(2).map(length).sum();
        total / length(&[[0.0; 2], self.points[self.points.len() - 1]])
    }
}

const GOAL: [f64; 2] = [1.0, -1.0];
const STEPS: usize = 3000;

/// `E[f^2]` and `E[f]` for z ~ N(0, 1).
fn moments(activation: Activation) -> Result<[f64; 2], Failure> {
    let gain = gain(&activation)?;
    Ok([gain.second_moment(), gain.mean])
}

/// Gradient descent with one example per step.
fn descend(activation: Activation, seed: u64) -> Result<WeightPath, Failure> {
    let [square, _] = moments(activation)?;
    let rate = 1.0 / (8.0 * square);
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut neuron =
        Linear::<f32>::new(2, 1, Activation::Identity, &Init::Zeros, &mut rng)?.without_bias();
    let hidden = values(activation, &normal([STEPS * 2], seed)?.to_vec());
    // The gradient of the squared error is twice the error times h.
    let mut sgd = Sgd::new(rate / 2.0);
    let mut tape = Tape::new();
    let mut points = vec![[0.0; 2]];
    let mut mixed = Vec::new();
    for h in hidden.chunks_exact(2) {
        let target = GOAL[0] * f64::from(h[0]) + GOAL[1] * f64::from(h[1]);
        let x = tape.constant(&Tensor::from_slice(h, [1, 2])?);
        let y = tape.constant(&Tensor::from_slice(&[target as f32], [1, 1])?);
        let loss = neuron.forward(x).mse_loss(y);
        sgd.step(&mut neuron, &loss.backward());
        tape.clear();
        let weight = neuron.weight().value().to_vec();
        let point = [f64::from(weight[0]), f64::from(weight[1])];
        let before = points[points.len() - 1];
        mixed.push((point[0] - before[0]) * (point[1] - before[1]) < 0.0);
        points.push(point);
        if (point[0] - GOAL[0]).hypot(point[1] - GOAL[1]) <= 0.05 * 2.0_f64.sqrt() {
            break;
        }
    }
    Ok(WeightPath { steps: points.len() as f64 - 1.0, mixed: fraction(mixed), points })
}

fn paths(setup: &SignsSetup, context: &Context, evidence: &mut Evidence) -> Result<(), Failure> {
    let descents = |activation| -> Result<Vec<WeightPath>, Failure> {
        context.seeds(PATHS).into_iter().map(|seed| descend(activation, seed)).collect()
    };
    let (positive, centred) = (descents(setup.positive)?, descents(setup.centred)?);
    let of = |paths: &[WeightPath], what: fn(&WeightPath) -> f64| -> Vec<f64> {
        paths.iter().map(what).collect()
    };
    let mean = |values: &[f64]| Interval::of(values);

    let mixed = mean(&of(&positive, |path| path.mixed));
    evidence.checks.push(
        Check::essential(
            format!(
                "{}: fraction of steps in which one weight grows and the other shrinks",
                setup.positive
            ),
            mixed,
            Need::Between(0.0, 0.0),
        )
        .predicted(0.0)
        .because("both gradients have the sign of the error"),
    );
    // In the direction (1, -1) the error shrinks by rate * (E[f^2] - E[f]^2) per step.
    let speed = |activation| -> Result<f64, Failure> {
        let [square, mean] = moments(activation)?;
        Ok((square - mean * mean) / (8.0 * square))
    };
    let predicted = speed(setup.centred)? / speed(setup.positive)?;
    let ratios: Vec<f64> = of(&positive, |path| path.steps)
        .into_iter()
        .zip(of(&centred, |path| path.steps))
        .map(|(slow, fast)| slow / fast)
        .collect();
    let steps = mean(&ratios);
    evidence.checks.push(
        Check::essential(
            format!("steps of {} / steps of {}", setup.positive, setup.centred),
            steps,
            Need::AtLeast(2.0),
        )
        .predicted(predicted)
        .because(
            "theory: the ratio of (E[f^2] - E[f]^2) / E[f^2], the part of the second moment in the \
             direction (1, -1); at least twice as many steps",
        ),
    );
    let detour = mean(&of(&positive, WeightPath::detour));
    let straight = mean(&of(&centred, WeightPath::detour));
    evidence.checks.push(
        Check::essential(
            format!("length of the path of {} / that of {}", setup.positive, setup.centred),
            Interval::of(
                &of(&positive, WeightPath::detour)
                    .iter()
                    .zip(of(&centred, WeightPath::detour))
                    .map(|(long, short)| long / short)
                    .collect::<Vec<_>>(),
            ),
            Need::AtLeast(1.2),
        )
        .because("a zig-zag is longer than a path without constraints"),
    );
    evidence.summary = format!(
        "after {0} units the gradients always have one sign; {0} needs {1} times the steps of {2}; its \
         path is {3} times as long as the straight line ({2}: {4})",
        setup.positive,
        figure(steps.mean),
        setup.centred,
        figure(detour.mean),
        figure(straight.mean)
    );
    let panel = |path: &WeightPath, colour, activation: Activation| Panel {
        title: format!("{activation}: {} steps", path.steps),
        plot: Plot::Plane(Plane {
            x: Axis::linear("first weight").range(-0.6, 1.6),
            y: Axis::linear("second weight").range(-1.4, 0.8),
            series: vec![
                Series::new("path of the weights", colour, Mark::DotsOnLine, path.points.clone()),
                Series::new("goal", 2, Mark::Dots, vec![GOAL]),
            ],
            zones: vec![],
        }),
    };
    evidence.figures.push(Figure::new(
        "zigzag",
        "The paths of two weights to the same goal",
        format!(
            "Gradient descent from the origin to (1, -1), one example per step. With {} inputs both \
             weights grow or both shrink in every step, so that the path is a zig-zag; with {} inputs it \
             is direct.",
            setup.positive, setup.centred
        ),
        vec![panel(&positive[0], 0, setup.positive), panel(&centred[0], 1, setup.centred)],
    ));
    Ok(())
}

/// The signs of gradients that are summed over a mini-batch.
fn batches(setup: &SignsSetup, context: &Context, evidence: &mut Evidence) -> Result<(), Failure> {
    const BATCH: isize = 16;
    let digits = &context.digits;
    let mut shares = Vec::new();
    for seed in context.seeds(5) {
        let model =
            Mlp::new(&digits.architecture, setup.positive, Init::xavier_normal()).build(seed)?;
        let tape = Tape::new();
        let first = BATCH * (seed % 64) as isize;
        let inputs = digits.train.inputs().slice(0, first..first + BATCH);
        let labels = digits.train.labels()[first as usize..(first + BATCH) as usize].to_vec();
        let gradients = model.forward(tape.constant(&inputs)).cross_entropy(labels).backward();
        let weight = layer_parameters(&model)[1].weight;
        let gradient = gradients.parameter(weight).ok_or(UNCONNECTED)?.to_vec();
        let units = weight.value().shape()[1];
        shares.push(fraction(gradient.chunks_exact(units).map(agree)));
    }
    let measured = Interval::of(&shares);
    evidence.checks.push(
        Check::strict(
            format!("fraction of neurons with gradients of one sign for a batch of {BATCH} digits"),
            measured,
            Need::AtLeast(0.99),
        )
        .because("the claim, applied to the updates of mini-batch gradient descent"),
    );
    evidence.remarks.push(format!(
        "The rule holds for a single example. Summed over a batch of {BATCH} digits, the gradients of only \
         {} of the neurons have one sign. The cause of the slow descent remains in every batch: the mean \
         of the outputs makes the matrix of their second moments ill-conditioned.",
        percent(measured.mean)
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::evidence::Verdict;

    #[test]
    fn a_centred_function_in_place_of_a_positive_one_refutes_the_claim() {
        let context = Context::new(1, 1);
        let claimed = experiment(&SignsSetup::default(), &context).unwrap();
        assert_eq!(claimed.verdict(), Verdict::HoldsWithCaveat, "{:#?}", claimed.checks);
        let planted = SignsSetup { positive: Activation::Tanh, centred: Activation::Tanh };
        assert_eq!(experiment(&planted, &context).unwrap().verdict(), Verdict::DoesNotHold);
    }

    #[test]
    fn zeros_agree_with_either_sign() {
        assert!(agree(&[0.0, 1.0]) && agree(&[-1.0, 0.0]) && agree(&[0.0; 3]));
        assert!(!agree(&[-1.0, 1.0]));
    }
}
