//! B6 and B7: Xavier for what saturates, He for what is off for half its inputs.

use wengert::init::{StackLayer, measure, predict};
use wengert::prelude::*;

use super::claim::{Check, Evidence, Need};
use super::network::{Failure, Mlp, layers, normal, share};
use super::{Claim, Context, Needs};
use crate::figure::{Axis, Figure, Mark, Panel, Plane, Plot, Ridges, Series, histogram};
use crate::interval::Interval;
use crate::text::figure;

const METHOD: &str = "Networks of 30 layers of 256 units, a normal input and a normal gradient sent back: the mean \
                      square of activations and gradients in each layer and its factor per layer, beside what the \
                      engine's mean-field prediction says for this depth and width.";

pub(super) const CLAIMS: [Claim; 2] = [
    Claim {
        id: "B6",
        title: "Xavier for tanh and the logistic function",
        says: "randn(num_in, num_out) / sqrt(num_in) suits tanh and the logistic function; the notes say \
               that randn lies in 0..1.",
        method: METHOD,
        needs: Needs::OneThread,
        run: |context| xavier(&Setup::xavier(), context),
    },
    Claim {
        id: "B7",
        title: "He for relu and leaky relu",
        says: "randn(num_in, num_out) / sqrt(num_in / 2) suits relu and leaky relu, as about half the \
               units are off.",
        method: METHOD,
        needs: Needs::OneThread,
        run: |context| he(&Setup::he(), context),
    },
];

/// A scheme, what it is for, and what it is held against.
pub(super) struct Setup {
    pub(super) init: Init,
    pub(super) activations: Vec<Activation>,
    pub(super) contrast: Init,
}

impl Setup {
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

/// Of order 1: a factor of 0.8 a layer leaves a thousandth after 30 layers, and that only at its
/// worst; by mean-field theory tanh shrinks like 1/(2 l), which is 0.88 a layer over 30.
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

/// The same by theory. Of a scheme that scales with the fan; of others, by their deviation.
fn predicted(activation: Activation, init: &Init) -> Result<Profile, Failure> {
    let sigma_w = match *init {
        // Fan-in and fan-out are equal here.
        Init::Scaled { gain, .. } => gain,
        Init::Normal { std, .. } => std * (WIDTH as f64).sqrt(),
        _ => return Err("theory needs independent weights".into()),
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

/// The factor by which a quantity changes from layer to layer, in the geometric mean.
fn factor(values: &[f64]) -> f64 {
    (values[values.len() - 1] / values[0]).powf(1.0 / (values.len() as f64 - 1.0))
}

/// The factors of activations (on the way forth) and gradients (on the way back): measured and by
/// theory.
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

/// Single networks are off by sqrt(5 depth / width) = 77 % in all, which is a few percent a layer.
const TOLERANCE: f64 = 0.06;

pub(super) fn xavier(setup: &Setup, context: &Context) -> Result<Evidence, Failure> {
    let mut evidence = Evidence::default();
    let mut words = Vec::new();
    for (place, &activation) in setup.activations.iter().enumerate() {
        for (name, (measured, theory)) in
            NAMES.iter().zip(factors(activation, &setup.init, context)?)
        {
            let what = format!("{activation}: factor of the mean square of {name} per layer");
            let need = Need::Between(KEPT[0], KEPT[1]);
            // The first is what the scheme was derived for, the others are what it is said of as well.
            let check = if place == 0 {
                Check::essential(what.clone(), measured, need)
            } else {
                Check::strict(what.clone(), measured, need)
            };
            evidence.checks.push(
                check
                    .predicted(theory)
                    .because("of order 1 after 30 layers: from 0.8 to 1.25 a layer"),
            );
            evidence.checks.push(
                Check::essential(
                    format!("{what}, against theory"),
                    measured,
                    Need::near(theory, TOLERANCE),
                )
                .predicted(theory)
                .because("mean-field theory; a single network is off by some percent a layer"),
            );
            words.push(format!("{activation} {name} x {}", figure(measured.mean)));
            if place > 0 && !need.is_met(&measured) {
                evidence.remarks.push(format!(
                    "With {activation} the mean square of {name} is multiplied by {} a layer: its derivative of \
                     at most 1/4 would take weights sixteen times as variable, and Xavier does not make up \
                     for it.",
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
                format!("{first}, {name}: factor of gradients per layer"),
                measured,
                Need::Between(KEPT[0], KEPT[1]),
            )
            .predicted(theory)
            .because(
                "2/(m + n) is 1/m in layers of equal width; the shape of the distribution is none",
            ),
        );
    }
    let draws = normal([20_000], context.seed)?.to_vec();
    let inside = share(&draws.iter().map(|x| (0.0..=1.0).contains(x)).collect::<Vec<_>>());
    evidence.checks.push(
        Check::strict("share of randn in 0..1", Interval::exact(inside), Need::Between(1.0, 1.0))
            .predicted(0.5 * libm::erf(std::f64::consts::FRAC_1_SQRT_2))
            .because("the notes say that randn lies in 0..1"),
    );
    evidence.remarks.push(format!(
        "randn is the standard normal distribution; {} of its numbers lie in 0..1, half are negative.",
        crate::text::percent(inside)
    ));
    evidence.summary = format!("per layer: {}", words.join(", "));
    evidence.figures.push(histograms(context)?);
    Ok(evidence)
}

pub(super) fn he(setup: &Setup, context: &Context) -> Result<Evidence, Failure> {
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
                    format!("{activation} from Xavier: the same of {name}"),
                    measured,
                    Need::near(0.5, 2.0 * TOLERANCE),
                )
                .predicted(theory)
                .because("1/m loses the half that is off: 2^-L after L layers"),
            );
            if *name == NAMES[0] {
                words.push(format!("(from Xavier x {})", figure(measured.mean)));
            }
        }
    }
    evidence.summary = format!("per layer: {}", words.join(", "));
    evidence.figures.extend(depths(context)?);
    Ok(evidence)
}

/// The schemes that are shown: too small, right for one or the other, too large.
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

/// Distributions of the activations in some layers.
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
            let seen = layers(&model, &normal([16, WIDTH], context.seed ^ 1)?)?;
            let row = |layer: usize| {
                let outputs = seen[layer - 1].output.to_vec().into_iter().map(f64::from);
                // Half of all outputs of relu are zero, and would hide the others.
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
        "Outputs of layers 1, 5, 10, 20 and 30 of networks of 256 units; of relu those above zero. Too \
         small weights let them collapse to one value, too large ones push them to the ends of the range. \
         Tanh keeps its spread longest from Xavier, relu from He. The logistic function settles around 1/2 \
         from any scale: what it loses is the gradient (see B7).",
        panels,
    ))
}

/// Activations and gradients against depth.
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
        let labels = ["rms of activations", "rms of gradients, end = 1"];
        for (which, series) in series.into_iter().enumerate() {
            panels[which].push(Panel {
                title: activation.to_string(),
                plot: Plot::Plane(Plane {
                    x: Axis::linear("layer"),
                    // From 1/2 to 1 there is no power of ten.
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
            "Activations against depth, for each initialization",
            "The root mean square of the activations in each of 30 layers; theory (dashed) under the \
             measurement (dots, the mean of six networks). Relu keeps it from He alone, and loses a factor \
             of sqrt 2 a layer from Xavier.",
            activations,
        ),
        Figure::new(
            "backward",
            "Gradients against depth, for each initialization",
            "The root mean square of the gradient that arrives in each of 30 layers, relative to that \
             behind the last. Behind logistic units it vanishes from every scheme; tanh keeps it from \
             Xavier, relu from He.",
            gradients,
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::claim::Verdict;

    #[test]
    fn xavier_is_not_for_relu_and_tiny_weights_are_not_xavier() {
        let context = Context::new(1, 1);
        let tanh = || vec![Activation::Tanh];
        let claimed = Setup { activations: tanh(), ..Setup::xavier() };
        assert_eq!(xavier(&claimed, &context).unwrap().verdict(), Verdict::HoldsWithCaveat);
        let planted = Setup { activations: vec![Activation::Relu], ..Setup::xavier() };
        assert_eq!(xavier(&planted, &context).unwrap().verdict(), Verdict::DoesNotHold);
        let init = Init::course_xavier().gain(0.3);
        let planted = Setup { init, activations: tanh(), ..Setup::xavier() };
        assert_eq!(xavier(&planted, &context).unwrap().verdict(), Verdict::DoesNotHold);
    }

    #[test]
    fn xavier_where_he_is_claimed_refutes_it_and_so_does_he_in_its_place() {
        let context = Context::new(1, 1);
        let planted = Setup { init: Init::course_xavier(), ..Setup::he() };
        assert_eq!(he(&planted, &context).unwrap().verdict(), Verdict::DoesNotHold);
        let planted = Setup { contrast: Init::course_he(), ..Setup::he() };
        assert_eq!(he(&planted, &context).unwrap().verdict(), Verdict::DoesNotHold);
    }
}
