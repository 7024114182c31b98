//! B6 and B7: Xavier for tanh and the logistic function, He for relu and leaky relu.

use wengert::init::{StackLayer, measure, predict};
use wengert::prelude::*;

use super::claim::{Claim, Needs};
use super::context::Context;
use super::evidence::{Check, Evidence, Need};
use crate::error::Failure;
use crate::figure::{Axis, Figure, Mark, Panel, Plane, Plot, Ridges, Series, histogram};
use crate::interval::Interval;
use crate::measure::layer_values;
use crate::network::Mlp;
use crate::statistics::{fraction, normal};
use crate::text::{figure, percent};

const METHOD: &str = "Networks of 30 layers of 256 units with a standard normal input and a standard normal \
                      gradient at the outputs: the mean square of activations and gradients in each \
                      layer, and the factor by which it changes from layer to layer. Theory is the \
                      engine's mean-field prediction for this depth and width: the mean over networks \
                      with random weights.";

pub(super) const CLAIMS: [Claim; 2] = [
    Claim {
        id: "B6",
        title: "Xavier initialization for tanh and the logistic function",
        says: "Weights randn(num_in, num_out) / sqrt(num_in), Xavier initialization, suit tanh and the \
               logistic function; the notes say that the numbers of randn lie in 0..1.",
        method: METHOD,
        needs: Needs::OneThread,
        run: |context| xavier(&SchemeSetup::xavier(), context),
    },
    Claim {
        id: "B7",
        title: "He initialization for relu and leaky relu",
        says: "Weights randn(num_in, num_out) / sqrt(num_in / 2), He initialization, suit relu and leaky \
               relu, as about half of the units output zero.",
        method: METHOD,
        needs: Needs::OneThread,
        run: |context| he(&SchemeSetup::he(), context),
    },
];

/// A scheme, the activations for which it is claimed, and a scheme for comparison.
pub(super) struct SchemeSetup {
    pub(super) init: Init,
    pub(super) activations: Vec<Activation>,
    pub(super) contrast: Init,
}

impl SchemeSetup {
    pub(super) fn xavier() -> Self {
        Self {
            init: Init::course_xavier(),
            activations: vec![Activation::Tanh, Activation::Logistic],
            contrast: Init::xavier_normal(),
        }
    }

    pub(super) fn he() -> Self {
        Self {
            init: Init::course_he(),
            activations: vec![Activation::Relu, Activation::LeakyRelu { slope: 0.01 }],
            contrast: Init::course_xavier(),
        }
    }
}

const DEPTH: usize = 30;
const WIDTH: usize = 256;
const SEEDS: usize = 6;

/// The range of factors that count as of order 1: 0.8 per layer is a thousandth after 30 layers. By
/// mean-field theory the mean square for tanh shrinks like 1/(2 l), on average by 0.88 per layer.
const KEPT: [f64; 2] = [0.8, 1.25];

/// The mean squares of activations and of gradients, layer by layer.
type Profile = [Vec<f64>; 2];

fn profile(activation: Activation, init: &Init, seed: u64) -> Result<Profile, Failure> {
    let model = Mlp::new(&[WIDTH; DEPTH + 2], activation, init.clone()).build(seed)?;
    let (input, cotangent) = (normal([8, WIDTH], seed ^ 1)?, normal([8, WIDTH], seed ^ 2)?);
    let seen = measure(&model, &input, &cotangent)?;
    let hidden = &seen[..DEPTH];
    let last = seen[DEPTH].gradient_square;
    Ok([
        hidden.iter().map(|layer| layer.activation_square).collect(),
        hidden.iter().map(|layer| layer.gradient_square / last).collect(),
    ])
}

/// The mean squares of activations and of gradients as predicted by theory, layer by layer.
fn predicted(activation: Activation, init: &Init) -> Result<Profile, Failure> {
    let sigma_w = match *init {
        // Fan-in and fan-out are equal.
        Init::Scaled { gain, .. } => gain,
        Init::Normal { std, .. } => std * (WIDTH as f64).sqrt(),
        _ => return Err("the theory requires independent weights".into()),
    };
    let mut stack = vec![StackLayer::linear(WIDTH, WIDTH, activation, sigma_w, 0.0); DEPTH];
    stack.push(StackLayer::linear(WIDTH, WIDTH, Activation::Identity, sigma_w, 0.0));
    let layers = predict(&stack, 1.0)?;
    let hidden = &layers[..DEPTH];
    let last = layers[DEPTH].gradient_square;
    Ok([
        hidden.iter().map(|layer| layer.activation_square).collect(),
        hidden.iter().map(|layer| layer.gradient_square / last).collect(),
    ])
}

/// The factor by which a quantity changes from layer to layer: the geometric mean.
fn factor(values: &[f64]) -> f64 {
    (values[values.len() - 1] / values[0]).powf(1.0 / (values.len() as f64 - 1.0))
}

/// The factors of activations (in the forward pass) and gradients (in the backward pass), measured
/// and by theory.
fn factors(
    activation: Activation,
    init: &Init,
    context: &Context,
) -> Result<[(Interval, f64); 2], Failure> {
    let profiles: Result<Vec<Profile>, Failure> =
        context.seeds(SEEDS).into_iter().map(|seed| profile(activation, init, seed)).collect();
    let profiles = profiles?;
    let theory = predicted(activation, init)?;
    Ok([0, 1].map(|which| {
        let back = |factor: f64| if which == 1 { 1.0 / factor } else { factor };
        let measured: Vec<f64> = profiles.iter().map(|p| back(factor(&p[which]))).collect();
        (Interval::of(&measured), back(factor(&theory[which])))
    }))
}

const NAMES: [&str; 2] = ["activations", "gradients"];

/// A single network deviates from the mean by sqrt(5 depth / width) = 77 % over all layers, which
/// is a few percent per layer.
const TOLERANCE: f64 = 0.06;

pub(super) fn xavier(setup: &SchemeSetup, context: &Context) -> Result<Evidence, Failure> {
    let mut evidence = Evidence::default();
    let mut words = Vec::new();
    for (place, &activation) in setup.activations.iter().enumerate() {
        for (name, (measured, theory)) in
            NAMES.iter().zip(factors(activation, &setup.init, context)?)
        {
            let what = format!("{activation}: factor of the mean square of {name} per layer");
            let need = Need::Between(KEPT[0], KEPT[1]);
            // The scheme was derived for the first activation.
            let check = if place == 0 {
                Check::essential(what.clone(), measured, need)
            } else {
                Check::strict(what.clone(), measured, need)
            };
            evidence.checks.push(
                check
                    .predicted(theory)
                    .because("of order 1 after 30 layers: a factor from 0.8 to 1.25 per layer"),
            );
            evidence.checks.push(
                Check::essential(
                    format!("{what}, compared with theory"),
                    measured,
                    Need::near(theory, TOLERANCE),
                )
                .predicted(theory)
                .because("a single network deviates from the mean by a few percent per layer"),
            );
            words.push(format!("{activation} {name} x {}", figure(measured.mean)));
            if place > 0 && !need.is_met(&measured) {
                evidence.remarks.push(format!(
                    "With {activation} each layer multiplies the mean square of {name} by {}: as the derivative \
                     is at most 1/4, weights of sixteen times the variance would be needed to keep it.",
                    figure(measured.mean)
                ));
            }
        }
    }
    let first = setup.activations[0];
    for (name, init) in
        [("Glorot's normal", setup.contrast.clone()), ("Glorot's uniform", Init::xavier_uniform())]
    {
        let [_, (measured, theory)] = factors(first, &init, context)?;
        evidence.checks.push(
            Check::strict(
                format!("{first}, {name} distribution: factor of the mean square of gradients per layer"),
                measured,
                Need::Between(KEPT[0], KEPT[1]),
            )
            .predicted(theory)
            .because(
                "2/(m + n) equals 1/m in layers of equal width; the shape of the distribution has no effect",
            ),
        );
    }
    let draws = normal([20_000], context.seed)?.to_vec();
    let inside = fraction(draws.iter().map(|x| (0.0..=1.0).contains(x)));
    evidence.checks.push(
        Check::strict(
            "fraction of the numbers of randn in 0..1",
            Interval::exact(inside),
            Need::Between(1.0, 1.0),
        )
        .predicted(0.5 * libm::erf(std::f64::consts::FRAC_1_SQRT_2))
        .because("the notes say that the numbers of randn lie in 0..1"),
    );
    evidence.remarks.push(format!(
        "randn draws from the standard normal distribution: {} of its numbers lie in 0..1, and half are \
         negative.",
        percent(inside)
    ));
    evidence.summary = format!("per layer: {}", words.join(", "));
    evidence.figures.push(histograms(context)?);
    Ok(evidence)
}

pub(super) fn he(setup: &SchemeSetup, context: &Context) -> Result<Evidence, Failure> {
    let mut evidence = Evidence::default();
    let mut words = Vec::new();
    for &activation in &setup.activations {
        for (name, (measured, theory)) in
            NAMES.iter().zip(factors(activation, &setup.init, context)?)
        {
            evidence.checks.push(
                Check::essential(
                    format!("{activation}: factor of the mean square of {name} per layer"),
                    measured,
                    Need::Between(1.0 - 2.0 * TOLERANCE, 1.0 + 2.0 * TOLERANCE),
                )
                .predicted(theory)
                .because("2/m times E[f^2] = E[f'^2] = 1/2"),
            );
            words.push(format!("{activation} {name} x {}", figure(measured.mean)));
        }
        for (name, (measured, theory)) in
            NAMES.iter().zip(factors(activation, &setup.contrast, context)?)
        {
            evidence.checks.push(
                Check::essential(
                    format!(
                        "{activation} with Xavier: factor of the mean square of {name} per layer"
                    ),
                    measured,
                    Need::near(0.5, 2.0 * TOLERANCE),
                )
                .predicted(theory)
                .because("1/m loses the half of the units that output zero: 2^-L after L layers"),
            );
            if *name == NAMES[0] {
                words.push(format!("(with Xavier x {})", figure(measured.mean)));
            }
        }
    }
    evidence.summary = format!("per layer: {}", words.join(", "));
    evidence.figures.extend(depths(context)?);
    Ok(evidence)
}

/// The schemes of the figures: too small, Xavier, He, too large.
fn shown() -> [(&'static str, Init); 4] {
    let root = (WIDTH as f64).sqrt();
    [
        ("small: 0.3/sqrt(m)", Init::Normal { mean: 0.0, std: 0.3 / root }),
        ("Xavier: 1/sqrt(m)", Init::course_xavier()),
        ("He: sqrt(2/m)", Init::course_he()),
        ("large: 3/sqrt(m)", Init::Normal { mean: 0.0, std: 3.0 / root }),
    ]
}

const SHOWN: [Activation; 3] = [Activation::Logistic, Activation::Tanh, Activation::Relu];

/// The distributions of the activations in some layers.
fn histograms(context: &Context) -> Result<Figure, Failure> {
    let mut panels = Vec::new();
    for (colour, activation) in SHOWN.into_iter().enumerate() {
        let range = match activation {
            Activation::Logistic => [0.0, 1.0],
            Activation::Tanh => [-1.0, 1.0],
            _ => [0.0, 3.0],
        };
        for (name, init) in shown() {
            let model = Mlp::new(&[WIDTH; DEPTH + 2], activation, init).build(context.seed)?;
            let values = layer_values(&model, &normal([16, WIDTH], context.seed ^ 1)?)?;
            let row = |layer: usize| {
                let outputs = values[layer - 1].output.to_vec().into_iter().map(f64::from);
                // Half of the outputs of relu are zero, and would hide the distribution of the
                // others.
                let shown = outputs.filter(|&y| activation != Activation::Relu || y > 0.0);
                (format!("{layer}"), histogram(shown, range, 40))
            };
            let rows = [1, 5, 10, 20, 30].map(row).to_vec();
            panels.push(Panel {
                title: format!("{activation}, {name}"),
                plot: Plot::Ridges(Ridges { label: "activation".into(), range, colour, rows }),
            });
        }
    }
    Ok(Figure::new(
        "histograms",
        "Distributions of the activations, layer by layer",
        "Outputs of layers 1, 5, 10, 20 and 30 of networks of 256 units; for relu only those above zero. \
         Weights that are too small make all outputs equal, weights that are too large drive them to the \
         ends of the range. Tanh keeps its spread longest with Xavier, relu with He. The outputs of the \
         logistic function are close to 1/2 for every scale; it loses the gradient instead (see B7).",
        panels,
    ))
}

/// Activations and gradients as a function of depth.
fn depths(context: &Context) -> Result<Vec<Figure>, Failure> {
    let mut panels = [Vec::new(), Vec::new()];
    for activation in SHOWN {
        let mut series = [Vec::new(), Vec::new()];
        for (colour, (name, init)) in shown().into_iter().enumerate() {
            let theory = predicted(activation, &init)?;
            let mut mean = [vec![0.0; DEPTH], vec![0.0; DEPTH]];
            for seed in context.seeds(SEEDS) {
                let profile = profile(activation, &init, seed)?;
                for (mean, values) in mean.iter_mut().zip(profile) {
                    for (mean, value) in mean.iter_mut().zip(values) {
                        *mean += value.sqrt() / SEEDS as f64;
                    }
                }
            }
            for which in 0..2 {
                let root = theory[which].iter().map(|square| square.sqrt());
                series[which].push(Series::numbered(
                    format!("{name}, theory"),
                    colour,
                    Mark::Dashed,
                    root,
                ));
                let measured = mean[which].iter().copied();
                series[which].push(Series::numbered(name, colour, Mark::Dots, measured));
            }
        }
        let labels = ["rms of activations", "rms of gradients, outputs = 1"];
        for (which, series) in series.into_iter().enumerate() {
            panels[which].push(Panel {
                title: activation.to_string(),
                plot: Plot::Plane(Plane {
                    x: Axis::linear("layer"),
                    // A logarithmic axis from 0.4 to 0.8 would have no power of ten.
                    y: match (activation, which) {
                        (Activation::Logistic, 0) => Axis::linear(labels[which]).range(0.4, 0.8),
                        _ => Axis::logarithmic(labels[which]),
                    },
                    series,
                    zones: vec![],
                }),
            });
        }
    }
    let [activations, gradients] = panels;
    Ok(vec![
        Figure::new(
            "forward",
            "Activations as a function of depth, for each initialization",
            "The root mean square (rms) of the activations in each of 30 layers: theory (dashed) and \
             measurement (dots, mean of six networks). With relu only He keeps it; with Xavier it shrinks \
             by a factor of sqrt 2 per layer.",
            activations,
        ),
        Figure::new(
            "backward",
            "Gradients as a function of depth, for each initialization",
            "The root mean square (rms) of the gradient in each of 30 layers, relative to that at the \
             outputs. With logistic units it vanishes for every scheme; tanh keeps it with Xavier, relu \
             with He.",
            gradients,
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::evidence::Verdict;

    #[test]
    fn xavier_with_relu_and_smaller_weights_with_tanh_refute_the_claim() {
        let context = Context::new(1, 1);
        let tanh = || vec![Activation::Tanh];
        let claimed = SchemeSetup { activations: tanh(), ..SchemeSetup::xavier() };
        assert_eq!(xavier(&claimed, &context).unwrap().verdict(), Verdict::HoldsWithCaveat);
        let planted = SchemeSetup { activations: vec![Activation::Relu], ..SchemeSetup::xavier() };
        assert_eq!(xavier(&planted, &context).unwrap().verdict(), Verdict::DoesNotHold);
        let init = Init::course_xavier().gain(0.3);
        let planted = SchemeSetup { init, activations: tanh(), ..SchemeSetup::xavier() };
        assert_eq!(xavier(&planted, &context).unwrap().verdict(), Verdict::DoesNotHold);
    }

    #[test]
    fn exchanging_he_and_xavier_refutes_the_claim() {
        let context = Context::new(1, 1);
        let planted = SchemeSetup { init: Init::course_xavier(), ..SchemeSetup::he() };
        assert_eq!(he(&planted, &context).unwrap().verdict(), Verdict::DoesNotHold);
        let planted = SchemeSetup { contrast: Init::course_he(), ..SchemeSetup::he() };
        assert_eq!(he(&planted, &context).unwrap().verdict(), Verdict::DoesNotHold);
    }
}
