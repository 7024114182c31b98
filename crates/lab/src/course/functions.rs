//! A2 to A5: what the activations are, their values and derivatives over the whole axis.

use wengert::init::{Nonlinearity, gain};
use wengert::prelude::*;

use super::claim::{Check, Evidence, Need};
use super::network::{Failure, derivatives, values};
use super::{Claim, Context, Needs};
use crate::figure::{Axis, Figure, Mark, Panel, Plane, Plot, Series};
use crate::interval::Interval;
use crate::sweep;
use crate::text::figure;

const METHOD: &str = "Value and derivative of the kernel in f32 at every 65,521st f32, against the formula in \
                      f64 of the standard library, in units in the last place (ULP); what else the claim says, at \
                      those points or as an expectation over N(0, 1).";

pub(super) const CLAIMS: [Claim; 4] = [
    Claim {
        id: "A2",
        title: "the logistic function",
        says: "f(x) = 1/(1 + e^-x) with f'(x) = f(x)(1 - f(x)); its values lie between 0 and 1.",
        method: METHOD,
        needs: Needs::OneThread,
        run: |_: &Context| logistic(Activation::Logistic),
    },
    Claim {
        id: "A3",
        title: "the hyperbolic tangent",
        says: "f(x) = (e^x - e^-x)/(e^x + e^-x) with f'(x) = 1 - f(x)^2; its values lie between -1 \
               and 1, around zero.",
        method: METHOD,
        needs: Needs::OneThread,
        run: |_: &Context| tanh(Activation::Tanh),
    },
    Claim {
        id: "A4",
        title: "the rectifier (relu)",
        says: "f(x) = max(0, x), with derivative 0 on the left and 1 on the right; not zero-centred; \
               does not saturate for positive x.",
        method: METHOD,
        needs: Needs::OneThread,
        run: |_: &Context| relu(Activation::Relu),
    },
    Claim {
        id: "A5",
        title: "the leaky rectifier",
        says: "f(x) = max(0.01 x, x), with derivative 0.01 on the left and 1 on the right; saturates \
               nowhere; nearly zero-centred; the notes give f(-2) = 0.02.",
        method: METHOD,
        needs: Needs::OneThread,
        run: |_: &Context| leaky(Activation::LeakyRelu { slope: 0.01 }),
    },
];

/// The engine's contract, over all levels of instructions: values and derivatives within 3 ULP
/// (within 2 where the processor multiplies and adds in one step).
const ULP: f64 = 3.0;

/// What all four have in common: `activation` is the function that the formula says.
fn is_formula(
    activation: Activation,
    formula: Activation,
    points: &[f32],
) -> Result<(Vec<Check>, String), Failure> {
    let errors = sweep::errors(activation, formula, points).ok_or("there is a formula")?;
    let contract = "the engine's contract: 2 ULP with fused multiply-add, 3 without";
    let check = |what: &str, error| {
        Check::essential(what, Interval::exact(error), Need::AtMost(ULP)).because(contract)
    };
    let checks = vec![
        check("greatest error of the value, in ULP", errors.value),
        check("greatest error of the derivative, in ULP", errors.derivative),
    ];
    let words = format!("ULP: f {}, f' {}", figure(errors.value), figure(errors.derivative));
    Ok((checks, words))
}

/// The least and the largest.
fn range(values: &[f32]) -> [f64; 2] {
    let over = |of: fn(f32, f32) -> f32, start| values.iter().copied().fold(start, of);
    [over(f32::min, f32::INFINITY), over(f32::max, f32::NEG_INFINITY)].map(f64::from)
}

/// The greatest difference of the kernel's derivative from an identity of its value, in f32.
fn identity(activation: Activation, points: &[f32], of_value: impl Fn(f64) -> f64) -> f64 {
    let pairs = values(activation, points).into_iter().zip(derivatives(activation, points));
    pairs.fold(0.0, |worst, (f, d)| (of_value(f64::from(f)) - f64::from(d)).abs().max(worst))
}

/// The mean of the outputs for pre-activations from N(0, 1).
fn mean(activation: Activation) -> Result<f64, Failure> {
    Ok(gain(&activation)?.mean)
}

fn bounds(activation: Activation, points: &[f32], low: f64, high: f64) -> [Check; 2] {
    let [least, most] = range(&values(activation, points));
    [
        Check::essential("least value", Interval::exact(least), Need::AtLeast(low))
            .because("the claim"),
        Check::essential("greatest value", Interval::exact(most), Need::AtMost(high))
            .because("the claim; the ends themselves are reached in f32, by rounding"),
    ]
}

/// A difference of two numbers near 1, each rounded to f32.
const ROUNDING: f64 = 2.0 * f32::EPSILON as f64;

pub(super) fn logistic(activation: Activation) -> Result<Evidence, Failure> {
    let points = sweep::points(sweep::STRIDE);
    let (mut checks, words) = is_formula(activation, Activation::Logistic, &points)?;
    checks.extend(bounds(activation, &points, 0.0, 1.0));
    let slopes = derivatives(activation, &points);
    checks.push(
        Check::essential(
            "greatest derivative",
            Interval::exact(range(&slopes)[1]),
            Need::AtMost(0.25),
        )
        .predicted(0.25)
        .because("f (1 - f) is greatest at f = 1/2"),
    );
    let at_zero = f64::from(derivatives(activation, &[0.0])[0]);
    checks.push(
        Check::essential("f'(0)", Interval::exact(at_zero), Need::Between(0.25, 0.25))
            .predicted(0.25)
            .because("f(0) = 1/2"),
    );
    let off = identity(activation, &points, |f| f * (1.0 - f));
    checks.push(
        Check::essential("|f' - f (1 - f)|", Interval::exact(off), Need::AtMost(ROUNDING))
            .because("f is rounded to f32, and so is f'"),
    );
    let summary = format!("{words}; f'(0) = {}, the greatest", figure(at_zero));
    Ok(Evidence { summary, checks, figures: vec![curves()?], ..Evidence::default() })
}

pub(super) fn tanh(activation: Activation) -> Result<Evidence, Failure> {
    let points = sweep::points(sweep::STRIDE);
    let (mut checks, words) = is_formula(activation, Activation::Tanh, &points)?;
    checks.extend(bounds(activation, &points, -1.0, 1.0));
    let off = identity(activation, &points, |f| 1.0 - f * f);
    checks.push(
        Check::essential("|f' - (1 - f^2)|", Interval::exact(off), Need::AtMost(2.0 * ROUNDING))
            .because("the square of a rounded f has twice its relative error"),
    );
    let mean = mean(activation)?;
    checks.push(
        Check::essential(
            "|E[f(z)]|, z ~ N(0, 1)",
            Interval::exact(mean.abs()),
            Need::AtMost(1e-12),
        )
        .predicted(0.0)
        .because("f is odd"),
    );
    let summary = format!("{words}; E[f] = {}", figure((mean * 1e12).round() / 1e12));
    Ok(Evidence { summary, checks, ..Evidence::default() })
}

pub(super) fn relu(activation: Activation) -> Result<Evidence, Failure> {
    let points = sweep::points(sweep::STRIDE);
    let (mut checks, words) = is_formula(activation, Activation::Relu, &points)?;
    let positive: Vec<f32> = points.iter().copied().filter(|x| *x > 0.0).collect();
    let [least, most] = range(&derivatives(activation, &positive));
    for (what, slope) in [("least", least), ("greatest", most)] {
        checks.push(
            Check::essential(
                format!("{what} derivative for x > 0"),
                Interval::exact(slope),
                Need::Between(1.0, 1.0),
            )
            .predicted(1.0)
            .because("no saturation: the derivative is 1 however large x is"),
        );
    }
    // E[max(0, z)] = 1/sqrt(2 pi).
    let predicted = (2.0 * std::f64::consts::PI).sqrt().recip();
    let mean = mean(activation)?;
    checks.push(
        Check::essential("E[f(z)], z ~ N(0, 1)", Interval::exact(mean), Need::AtLeast(CENTRED))
            .predicted(predicted)
            .because("not zero-centred; called so are means within a tenth of the spread of z"),
    );
    let kink = derivatives(activation, &[0.0])[0];
    let summary = format!("{words}; E[f] = {}; f'(0) = {kink} by choice", figure(mean));
    let remarks = vec![format!(
        "At x = 0 there is no derivative; this engine takes {kink}, as most do. Any number from 0 to \
         1 would be a subgradient."
    )];
    Ok(Evidence { summary, checks, remarks, ..Evidence::default() })
}

/// A mean within a tenth of the standard deviation of what comes in is near zero.
const CENTRED: f64 = 0.1;

pub(super) fn leaky(activation: Activation) -> Result<Evidence, Failure> {
    let points = sweep::points(sweep::STRIDE);
    let formula = Activation::LeakyRelu { slope: 0.01 };
    let (mut checks, words) = is_formula(activation, formula, &points)?;
    let [least, _] = range(&derivatives(activation, &points));
    checks.push(
        Check::essential("least derivative", Interval::exact(least), Need::AtLeast(0.0099))
            .predicted(0.01)
            .because("saturates nowhere: f' is 0.01 or 1"),
    );
    let at = f64::from(values(activation, &[-2.0])[0]);
    checks.push(
        Check::essential("f(-2)", Interval::exact(at), Need::near(-0.02, 1e-6))
            .predicted(-0.02)
            .because("max(0.01 x, x) at x = -2, to the rounding of f32"),
    );
    checks.push(
        Check::strict("f(-2), by the notes", Interval::exact(at), Need::near(0.02, 1e-6))
            .predicted(0.02)
            .because("the notes print 0.02"),
    );
    let mean = mean(activation)?;
    // (1 - slope)/sqrt(2 pi).
    let predicted = 0.99 / (2.0 * std::f64::consts::PI).sqrt();
    checks.push(
        Check::strict(
            "E[f(z)], z ~ N(0, 1)",
            Interval::exact(mean),
            Need::Between(-CENTRED, CENTRED),
        )
        .predicted(predicted)
        .because("nearly zero-centred: a mean within a tenth of the spread of z"),
    );
    let summary = format!("{words}; f(-2) = {}; E[f] = {}", figure(at), figure(mean));
    let remarks = vec![
        "The notes print f(-2) = 0.02; the function gives -0.02.".to_owned(),
        format!(
            "A slope of 0.01 does not centre it: its mean over N(0, 1) is {}, that of relu {}.",
            figure(mean),
            figure(predicted / 0.99)
        ),
    ];
    Ok(Evidence { summary, checks, remarks, ..Evidence::default() })
}

/// Every activation with its derivative; set off is where it is nearly flat.
fn curves() -> Result<Figure, Failure> {
    let points: Vec<f64> = (-200..=200).map(|i| f64::from(i) / 40.0).collect();
    let mut panels = Vec::new();
    for activation in Activation::ALL {
        let at = activation.evaluate(&points)?;
        let of = |values: &[f64]| points.iter().zip(values).map(|(&x, &y)| [x, y]).collect();
        panels.push(Panel {
            title: activation.to_string(),
            plot: Plot::Plane(Plane {
                x: Axis::linear("x").range(-5.0, 5.0),
                y: Axis::linear("").range(-2.0, 2.5),
                series: vec![
                    Series::new("f", 0, Mark::Line, of(&at.values)),
                    Series::new("f'", 1, Mark::Line, of(&at.derivatives)),
                ],
                zones: flat(&points, &at.derivatives),
            }),
        });
    }
    Ok(Figure::new(
        "activations",
        "The activations and their derivatives",
        "Each activation f and its derivative f'. Shaded: where f' is less than a twenty-fifth of its \
         largest magnitude and goes to 0, so that next to nothing of a gradient passes. The logistic \
         function and tanh are flat at both ends, relu and its smooth kin on the left; leaky relu passes \
         on a hundredth there, and is flat nowhere.",
        panels,
    ))
}

/// The ranges in which the derivative is less than a twenty-fifth of its largest magnitude. Around an
/// extremum, where the derivative changes its sign, nothing saturates, nor does it where the derivative
/// stays at a small number.
fn flat(points: &[f64], derivatives: &[f64]) -> Vec<[f64; 2]> {
    let most = derivatives.iter().fold(0.0, |most: f64, d| most.max(d.abs()));
    let step = points[1] - points[0];
    let mut zones: Vec<[f64; 2]> = Vec::new();
    for (&x, d) in points.iter().zip(derivatives) {
        if d.abs() >= most / 25.0 {
            continue;
        }
        match zones.last_mut() {
            Some(zone) if x - zone[1] < 1.5 * step => zone[1] = x,
            _ => zones.push([x, x]),
        }
    }
    let slope = |x: f64| {
        let at = points.iter().position(|point| *point == x);
        at.map_or(0.0, |i| derivatives[i])
    };
    zones.retain(|&[from, to]| {
        let [first, last] = [slope(from), slope(to)];
        to - from > 0.25 && first * last >= 0.0 && (first != last || first == 0.0)
    });
    zones
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::claim::Verdict;

    #[test]
    fn each_claim_is_of_its_own_function() {
        let all = [
            Activation::Logistic,
            Activation::Tanh,
            Activation::Relu,
            Activation::LeakyRelu { slope: 0.01 },
        ];
        let experiments = [logistic, tanh, relu, leaky];
        for (i, experiment) in experiments.into_iter().enumerate() {
            for (j, activation) in all.into_iter().enumerate() {
                let verdict = experiment(activation).unwrap().verdict();
                assert_eq!(verdict == Verdict::DoesNotHold, i != j, "{i} with {activation}");
            }
        }
    }

    #[test]
    fn saturated_is_what_is_flat_and_not_an_extremum() {
        let points: Vec<f64> = (-200..=200).map(|i| f64::from(i) / 40.0).collect();
        let zones = |activation: Activation| {
            flat(&points, &activation.evaluate(&points).unwrap().derivatives)
        };
        assert_eq!(zones(Activation::Tanh).len(), 2);
        assert_eq!(zones(Activation::Relu), [[-5.0, 0.0]]);
        assert_eq!(zones(Activation::LeakyRelu { slope: 0.01 }), [[0.0; 2]; 0]);
        // It has its least value at -1.28.
        let silu = zones(Activation::Silu);
        assert!(silu.iter().all(|zone| zone[1] < -3.0), "{silu:?}");
    }

    #[test]
    fn another_slope_is_another_function() {
        let steep = leaky(Activation::LeakyRelu { slope: 0.02 }).unwrap();
        assert_eq!(steep.verdict(), Verdict::DoesNotHold);
    }
}
