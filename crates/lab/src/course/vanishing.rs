//! A6: saturated units and vanishing gradients.

use wengert::init::{MeanField, measure};
use wengert::nn::VisitorMut;
use wengert::ops;
use wengert::prelude::*;

use super::claim::{Claim, Needs};
use super::context::Context;
use super::evidence::{Check, Evidence, Need};
use crate::activation::{derivatives, values};
use crate::error::Failure;
use crate::figure::{Axis, Figure, Mark, Panel, Plane, Plot, Series};
use crate::interval::Interval;
use crate::network::Mlp;
use crate::statistics::normal;
use crate::text::figure;

pub(super) const CLAIM: Claim = Claim {
    id: "A6",
    title: "saturated units make gradients vanish",
    says: "If a logistic or tanh unit is saturated (its output is close to an end of the range), its \
           derivative is, according to the notes, zero. As a factor of the chain rule, it makes the \
           gradients of all weights in the layers before it vanish.",
    method: "Biases of -d or d, at random, drive the units of networks of 8 layers of 256 units into \
             saturation; the weights have the variance 1/m. A standard normal gradient is applied to \
             the outputs, and its norm is measured in each layer. Mean-field theory predicts the factor \
             per layer as the square root of E[f'(d + sqrt(q) z)^2], where q is the variance of the \
             pre-activations and z ~ N(0, 1). The x at which f' becomes 0 in single precision (f32) is \
             found by bisection.",
    needs: Needs::OneThread,
    run: |context| experiment(&VanishingSetup::default(), context),
};

/// The activations, and the biases that drive their units into saturation.
pub(super) struct VanishingSetup {
    pub(super) activations: Vec<Activation>,
    pub(super) drives: Vec<f64>,
}

impl Default for VanishingSetup {
    fn default() -> Self {
        Self {
            activations: vec![Activation::Logistic, Activation::Tanh],
            drives: vec![0.0, 2.0, 4.0, 8.0],
        }
    }
}

const DEPTH: usize = 8;
const WIDTH: usize = 256;
const BATCH: usize = 4;
const SEEDS: usize = 10;

/// The tolerance of a factor. A tenth of the exponent: the mean of the squared derivative of
/// saturated units is dominated by the rare least saturated ones, so that most networks of this
/// width are below it. A tenth of the factor: one network deviates by sqrt(depth / width), 18 %
/// over all layers.
fn near(theory: f64) -> Need {
    Need::Between(0.9 * theory.powf(1.1), 1.1 * theory.powf(0.9))
}

/// The factor per layer at which a gradient counts as vanishing: 1e-8 after eight layers.
const VANISHING: f64 = 0.1;

pub(super) fn experiment(setup: &VanishingSetup, context: &Context) -> Result<Evidence, Failure> {
    let mut evidence = Evidence::default();
    let mut panels = Vec::new();
    let mut words = Vec::new();
    for &activation in &setup.activations {
        let mut series = Vec::new();
        for (colour, &drive) in setup.drives.iter().enumerate() {
            let predicted = predicted_norms(activation, drive)?;
            let mut norms = Vec::new();
            for seed in context.seeds(SEEDS) {
                norms.push(measured_norms(activation, drive, 1.0, seed)?);
            }
            let factors: Vec<f64> = norms.iter().map(|norms| factor(norms)).collect();
            let measured = Interval::of(&factors);
            let theory = factor(&predicted);
            evidence.checks.push(
                Check::essential(
                    format!("{activation}, d = {drive}: factor of the gradient's norm per layer"),
                    measured,
                    near(theory),
                )
                .predicted(theory)
                .because("theory, with a tolerance of a tenth of the exponent for heavy tails and a tenth for the width"),
            );
            if Some(&drive) == setup.drives.last() {
                evidence.checks.push(
                    Check::essential(
                        format!(
                            "saturated {activation}, d = {drive}: factor of the gradient's norm"
                        ),
                        measured,
                        Need::AtMost(VANISHING),
                    )
                    .predicted(theory)
                    .because("a tenth per layer is 1e-8 after eight layers"),
                );
                words.push(format!(
                    "{activation}: each layer multiplies the gradient by {} at d = {drive}",
                    figure(measured.mean)
                ));
            }
            let name = format!("d = {drive}");
            series.push(Series::numbered(
                format!("{name}, theory"),
                colour,
                Mark::Dashed,
                predicted,
            ));
            series.push(Series::numbered(name, colour, Mark::Dots, means(&norms)));
        }
        panels.push(Panel {
            title: activation.to_string(),
            plot: Plot::Plane(Plane {
                x: Axis::linear("layer"),
                y: Axis::logarithmic("norm of the gradient, outputs = 1"),
                series,
                zones: vec![],
            }),
        });
    }
    evidence.figures.push(Figure::new(
        "vanishing",
        "Gradients in networks of saturated units",
        "The norm of the gradient in each of eight layers, relative to that at the outputs. The larger \
         the biases of plus or minus d, which drive the units towards an end of their range, the more \
         it decreases towards the first layer, as mean-field theory (dashed) predicts.",
        panels,
    ));
    zeros(setup, &mut evidence, &mut words);
    large_weights(context, &mut evidence)?;
    evidence.summary = words.join("; ");
    Ok(evidence)
}

/// The factor per layer: the geometric mean.
fn factor(norms: &[f64]) -> f64 {
    let layers = norms.len() as f64 - 1.0;
    (norms[0] / norms[norms.len() - 1]).powf(1.0 / layers)
}

/// The mean over the seeds, for each layer.
fn means(norms: &[Vec<f64>]) -> Vec<f64> {
    let of_layer = |layer: usize| norms.iter().map(|norms| norms[layer]).sum::<f64>();
    (0..norms[0].len()).map(|layer| of_layer(layer) / norms.len() as f64).collect()
}

/// The root mean square of the gradient with respect to the pre-activations of each layer, relative
/// to that with respect to the outputs, which is the last number.
fn measured_norms(
    activation: Activation,
    drive: f64,
    sigma_w: f64,
    seed: u64,
) -> Result<Vec<f64>, Failure> {
    let init = Init::lecun_normal().gain(sigma_w);
    let mut model = Mlp::new(&[WIDTH; DEPTH + 2], activation, init).build(seed)?;
    let signs = normal([WIDTH * (DEPTH + 1)], seed ^ 1)?.to_vec();
    let mut signs = signs.into_iter();
    model.visit_mut(&mut VisitorMut::new(&mut |_, parameter| {
        if parameter.kind() == wengert::Kind::Bias {
            for (bias, sign) in parameter.value_mut().as_mut_slice().iter_mut().zip(&mut signs) {
                *bias = sign.signum() * drive as f32;
            }
        }
    }));
    let (inputs, cotangent) =
        (normal([BATCH, WIDTH], seed ^ 2)?, normal([BATCH, WIDTH], seed ^ 3)?);
    let seen = measure(&model, &inputs, &cotangent)?;
    let last = seen[DEPTH].gradient_square;
    Ok(seen.iter().map(|layer| (layer.gradient_square / last).sqrt()).collect())
}

/// The root mean squares of [`measured_norms`] as predicted by mean-field theory: the variances in
/// the forward pass, then the factors in the backward pass.
fn predicted_norms(activation: Activation, drive: f64) -> Result<Vec<f64>, Failure> {
    let shifted = |shift: f64| {
        CustomActivation::<f64>::new("shifted", move |x| {
            ops::activate(x + shift, activation).unwrap_or_else(|error| unreachable!("{error}"))
        })
        .with_kinks(activation.kinks().into_iter().map(move |kink| kink - shift))
    };
    let sides = [shifted(drive), shifted(-drive)];
    let fields = [MeanField::new(&sides[0], 1.0, 0.0)?, MeanField::new(&sides[1], 1.0, 0.0)?];
    let mut q = 1.0;
    let mut factors = Vec::new();
    for _ in 0..DEPTH {
        factors.push(f64::midpoint(fields[0].chi_1(q)?, fields[1].chi_1(q)?).sqrt());
        q = f64::midpoint(fields[0].variance_map(q)?, fields[1].variance_map(q)?);
    }
    let mut norms = vec![1.0];
    for factor in factors.iter().rev() {
        norms.push(norms[norms.len() - 1] * factor);
    }
    norms.reverse();
    Ok(norms)
}

/// The points from which the derivative is 0 in f32, by the engine's kernel and by the formula in
/// terms of the rounded value.
fn zeros(setup: &VanishingSetup, evidence: &mut Evidence, words: &mut Vec<String>) {
    let ln2 = std::f64::consts::LN_2;
    let mut series = Vec::new();
    for (colour, &activation) in setup.activations.iter().enumerate() {
        // f' = c e^-kx for large x; numbers below 2^-150 are rounded to 0. The value is rounded to
        // 1 within 2^-25 of it, and a derivative computed from it is then 0.
        let (theory, rounded, by_value): (_, _, fn(f32) -> f32) = match activation {
            Activation::Tanh => (152.0 * ln2 / 2.0, 26.0 * ln2 / 2.0, |f| 1.0 - f * f),
            _ => (150.0 * ln2, 25.0 * ln2, |f| f * (1.0 - f)),
        };
        let kernel = |x: f64| derivatives(activation, &[x as f32])[0];
        let formula = |x: f64| by_value(values(activation, &[x as f32])[0]);
        let (end, early) = (first_zero(kernel), first_zero(formula));
        let check = |what: String, x: f64, theory: f64| {
            Check::essential(what, Interval::exact(x), Need::near(theory, 0.01)).predicted(theory)
        };
        evidence.checks.push(
            check(format!("{activation}: smallest x with f'(x) = 0 in f32"), end, theory)
                .because("f' is below 2^-150, half the smallest positive f32 number"),
        );
        evidence.checks.push(
            check(
                format!(
                    "{activation}: smallest x with f'(x) = 0 in f32, computed from the rounded f"
                ),
                early,
                rounded,
            )
            .because("f is within 2^-25 of 1, and is rounded to 1"),
        );
        evidence.checks.push(
            Check::strict(
                format!("{activation}: f'(8)"),
                Interval::exact(f64::from(kernel(8.0))),
                Need::Between(0.0, 0.0),
            )
            .because("the notes say that f' = 0 for a saturated unit"),
        );
        words.push(format!("f' of {activation} is 0 in f32 from x = {}", figure(end)));
        evidence.remarks.push(format!(
            "The derivative of a saturated {activation} unit is tiny but not zero: f'(8) = {}. In f32 it is \
             0 from x = {} on; computed from the rounded value, as in many programs, from x = {} on.",
            figure(f64::from(kernel(8.0))),
            figure(end),
            figure(early)
        ));
        let curve = |f: &dyn Fn(f64) -> f32| {
            (0..=440).map(|i| f64::from(i) / 4.0).map(|x| [x, f64::from(f(x))]).collect()
        };
        let name = activation.to_string();
        series.push(Series::new(format!("{name}'"), colour, Mark::Line, curve(&kernel)));
        let name = format!("{name}' of the rounded value");
        series.push(Series::new(name, 3 + colour, Mark::DotsOnLine, curve(&formula)));
    }
    evidence.figures.push(Figure::one(
        "underflow",
        "The derivative in single precision (f32)",
        "The derivatives in f32 on a logarithmic axis. The lines end where the derivative is rounded to \
         zero; computed from the rounded value (with dots) they end much earlier.",
        Plot::Plane(Plane {
            x: Axis::linear("x").range(0.0, 110.0),
            y: Axis::logarithmic("f'(x) in f32"),
            series,
            zones: vec![],
        }),
    ));
}

/// The smallest x at which a decreasing function is 0, by bisection; NaN if there is none below
/// 1,000.
fn first_zero(f: impl Fn(f64) -> f32) -> f64 {
    let (mut low, mut high) = (0.0, 1000.0);
    if f(high) != 0.0 || f(low) == 0.0 {
        return f64::NAN;
    }
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if f(middle) == 0.0 { high = middle } else { low = middle }
    }
    high
}

/// Saturation by large weights instead of biases; the weights are also factors of the chain rule.
fn large_weights(context: &Context, evidence: &mut Evidence) -> Result<(), Failure> {
    const SIGMA: f64 = 5.0;
    let mut factors = Vec::new();
    for seed in context.seeds(SEEDS) {
        factors.push(factor(&measured_norms(Activation::Tanh, 0.0, SIGMA, seed)?));
    }
    let field = MeanField::new(&Activation::Tanh, SIGMA, 0.0)?;
    let q = field.fixed_point(SIGMA * SIGMA)?.ok_or("the variance has no fixed point")?;
    let theory = field.chi_1(q)?.sqrt();
    let measured = Interval::of(&factors);
    evidence.checks.push(
        Check::strict(
            "tanh, saturated by weights of deviation 5/sqrt(m): factor of the gradient's norm per layer",
            measured,
            Need::AtMost(1.0),
        )
        .predicted(theory)
        .because("gradients vanish if the factor is below 1"),
    );
    evidence.remarks.push(format!(
        "Large random weights saturate units as well. The weights are also factors of the chain rule, and \
         for tanh outweigh the small derivatives: with a deviation of 5/sqrt(m) each layer multiplies \
         the norm of the gradient by {} (theory: {}), through the few units that are not saturated.",
        figure(measured.mean),
        figure(theory)
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::evidence::Verdict;

    #[test]
    fn units_that_do_not_saturate_refute_the_claim() {
        let context = Context::new(1, 1);
        let activations = vec![Activation::Relu];
        let relu = VanishingSetup { activations, ..VanishingSetup::default() };
        assert_eq!(experiment(&relu, &context).unwrap().verdict(), Verdict::DoesNotHold);
        let activations = vec![Activation::Tanh];
        let idle = VanishingSetup { activations: activations.clone(), drives: vec![0.0] };
        assert_eq!(experiment(&idle, &context).unwrap().verdict(), Verdict::DoesNotHold);
        let claimed = VanishingSetup { activations, drives: vec![8.0] };
        assert_eq!(experiment(&claimed, &context).unwrap().verdict(), Verdict::HoldsWithCaveat);
    }
}
