//! A2 to A5: the activations of the notes, with their values and derivatives over all numbers.

use wengert::init::{Nonlinearity, gain};
use wengert::prelude::*;

use super::claim::{Claim, Needs};
use super::evidence::{Check, Evidence, Need};
use crate::activation::{derivatives, values};
use crate::error::Failure;
use crate::figure::{Axis, Figure, Mark, Panel, Plane, Plot, Series};
use crate::interval::Interval;
use crate::sweep;
use crate::text::figure;

const METHOD: &str = "Range, derivative and saturation are measured at every 65,521st number of single \
                      precision (f32); E[f], the mean of the outputs for standard normal inputs, is \
                      integrated. The last two checks compare the engine's values and derivatives with \
                      the formula in double precision; their unit is the ULP, the distance between \
                      neighbouring f32 numbers.";

pub(super) const CLAIMS: [Claim; 4] = [
    Claim {
        id: "A2",
        title: "the logistic function",
        says: "f(x) = 1/(1 + e^-x) with f'(x) = f(x)(1 - f(x)); its values lie between 0 and 1.",
        method: METHOD,
        needs: Needs::OneThread,
        run: |_| logistic(Activation::Logistic),
    },
    Claim {
        id: "A3",
        title: "the hyperbolic tangent (tanh)",
        says: "f(x) = (e^x - e^-x)/(e^x + e^-x) with f'(x) = 1 - f(x)^2; its values lie between -1 \
               and 1, and are centred at zero.",
        method: METHOD,
        needs: Needs::OneThread,
        run: |_| tanh(Activation::Tanh),
    },
    Claim {
        id: "A4",
        title: "the rectifier (relu)",
        says: "f(x) = max(0, x), with derivative 0 for x < 0 and 1 for x > 0; not zero-centred; does \
               not saturate for positive x (its derivative does not approach zero there).",
        method: METHOD,
        needs: Needs::OneThread,
        run: |_| relu(Activation::Relu),
    },
    Claim {
        id: "A5",
        title: "the leaky rectifier (leaky relu)",
        says: "f(x) = max(0.01 x, x), with derivative 0.01 for x < 0 and 1 for x > 0; saturates \
               nowhere; nearly zero-centred; the notes give f(-2) = 0.02.",
        method: METHOD,
        needs: Needs::OneThread,
        run: |_| leaky(Activation::LeakyRelu { slope: 0.01 }),
    },
];

/// The accuracy that the engine guarantees for all instruction sets: values and derivatives within
/// 3 ULP (within 2 where the processor multiplies and adds in one step).
const ULP: f64 = 3.0;

/// The checks that `activation` is the function of `formula`.
fn accuracy(activation: Activation, formula: Activation, points: &[f32]) -> [Check; 2] {
    let errors = sweep::errors(activation, formula, points);
    let bound = "the accuracy guaranteed by the engine: 2 ULP with fused multiply-add, 3 without";
    [("value", errors.value), ("derivative", errors.derivative)].map(|(what, error)| {
        let what = format!("largest error of the {what} in f32, in ULP");
        Check::essential(what, Interval::exact(error), Need::AtMost(ULP)).because(bound)
    })
}

/// The smallest and the largest.
fn range(values: &[f32]) -> [f64; 2] {
    let over = |of: fn(f32, f32) -> f32, start| values.iter().copied().fold(start, of);
    [over(f32::min, f32::INFINITY), over(f32::max, f32::NEG_INFINITY)].map(f64::from)
}

/// The largest difference of the derivative from an expression of the value, both in f32.
fn identity(activation: Activation, points: &[f32], of_value: impl Fn(f64) -> f64) -> f64 {
    let pairs = values(activation, points).into_iter().zip(derivatives(activation, points));
    pairs.fold(0.0, |worst, (f, d)| (of_value(f64::from(f)) - f64::from(d)).abs().max(worst))
}

/// The mean of the outputs for pre-activations from N(0, 1).
fn mean(activation: Activation) -> Result<f64, Failure> {
    let mean = gain(&activation)?.mean;
    // The error of the quadrature is below 1e-12.
    Ok((mean * 1e12).round() / 1e12)
}

/// The derivative at one point.
fn derivative_at(activation: Activation, x: f32) -> f64 {
    f64::from(derivatives(activation, &[x])[0])
}

/// The checks of the range.
fn bounds(activation: Activation, points: &[f32], low: f64, high: f64) -> [Check; 2] {
    let [least, most] = range(&values(activation, points));
    [
        Check::essential("smallest value", Interval::exact(least), Need::AtLeast(low))
            .because("the range of the claim"),
        Check::essential("largest value", Interval::exact(most), Need::AtMost(high))
            .because("the range of the claim; in f32 values are rounded to its ends"),
    ]
}

/// The check that the derivative approaches zero at both ends.
fn saturation(activation: Activation, at_ten: f64) -> Check {
    let largest = derivative_at(activation, 10.0).max(derivative_at(activation, -10.0));
    Check::essential("f'(10) and f'(-10), the larger", Interval::exact(largest), Need::AtMost(1e-3))
        .predicted(at_ten)
        .because("saturates at both ends: the derivative approaches zero")
}

/// The difference of two numbers near 1, each rounded to f32.
const ROUNDING: f64 = 2.0 * f32::EPSILON as f64;

pub(super) fn logistic(activation: Activation) -> Result<Evidence, Failure> {
    let points = sweep::points(sweep::STRIDE);
    let mut checks = bounds(activation, &points, 0.0, 1.0).to_vec();
    let at_zero = derivative_at(activation, 0.0);
    let slopes = derivatives(activation, &points);
    let off = identity(activation, &points, |f| f * (1.0 - f));
    let mean = mean(activation)?;
    checks.extend([
        Check::essential("f'(0)", Interval::exact(at_zero), Need::Between(0.25, 0.25))
            .predicted(0.25)
            .because("f(0) = 1/2"),
        Check::essential(
            "largest derivative",
            Interval::exact(range(&slopes)[1]),
            Need::AtMost(0.25),
        )
        .predicted(0.25)
        .because("f (1 - f) is largest at f = 1/2"),
        saturation(activation, 1.0 / (10.0_f64.exp() + 2.0 + (-10.0_f64).exp())),
        Check::essential(
            "E[f(z)], z ~ N(0, 1)",
            Interval::exact(mean),
            Need::Between(0.5 - 1e-9, 0.5 + 1e-9),
        )
        .predicted(0.5)
        .because("f - 1/2 is odd: the outputs are centred at 1/2, not at zero"),
        Check::essential("|f' - f (1 - f)|", Interval::exact(off), Need::AtMost(ROUNDING))
            .because("f and f' are both rounded to f32"),
    ]);
    checks.extend(accuracy(activation, Activation::Logistic, &points));
    let summary = format!(
        "values from 0 to 1, centred at {}; f'(0) = {} is the largest derivative; saturates at both \
         ends, f'(10) = {}",
        figure(mean),
        figure(at_zero),
        figure(derivative_at(activation, 10.0))
    );
    Ok(Evidence { summary, checks, figures: vec![curves()?], ..Evidence::default() })
}

pub(super) fn tanh(activation: Activation) -> Result<Evidence, Failure> {
    let points = sweep::points(sweep::STRIDE);
    let mut checks = bounds(activation, &points, -1.0, 1.0).to_vec();
    let at_zero = derivative_at(activation, 0.0);
    let off = identity(activation, &points, |f| 1.0 - f * f);
    let mean = mean(activation)?;
    checks.extend([
        Check::essential("f'(0)", Interval::exact(at_zero), Need::Between(1.0, 1.0))
            .predicted(1.0)
            .because("f(0) = 0"),
        saturation(activation, 10.0_f64.cosh().powi(-2)),
        Check::essential(
            "|E[f(z)]|, z ~ N(0, 1)",
            Interval::exact(mean.abs()),
            Need::AtMost(1e-12),
        )
        .predicted(0.0)
        .because("f is odd: the outputs are centred at zero"),
        Check::essential("|f' - (1 - f^2)|", Interval::exact(off), Need::AtMost(2.0 * ROUNDING))
            .because("the square of a rounded f has twice its relative error"),
    ]);
    checks.extend(accuracy(activation, Activation::Tanh, &points));
    let summary = format!(
        "values from -1 to 1, centred at {}; f'(0) = {}; saturates at both ends, f'(10) = {}",
        figure(mean),
        figure(at_zero),
        figure(derivative_at(activation, 10.0))
    );
    Ok(Evidence { summary, checks, ..Evidence::default() })
}

pub(super) fn relu(activation: Activation) -> Result<Evidence, Failure> {
    let points = sweep::points(sweep::STRIDE);
    let [least, _] = range(&values(activation, &points));
    let mut checks = vec![
        Check::essential("smallest value", Interval::exact(least), Need::Between(0.0, 0.0))
            .predicted(0.0)
            .because("max(0, x)"),
    ];
    let positive: Vec<f32> = points.iter().copied().filter(|x| *x > 0.0).collect();
    let [smallest, largest] = range(&derivatives(activation, &positive));
    for (what, slope) in [("smallest", smallest), ("largest", largest)] {
        checks.push(
            Check::essential(
                format!("{what} derivative for x > 0"),
                Interval::exact(slope),
                Need::Between(1.0, 1.0),
            )
            .predicted(1.0)
            .because("no saturation: the derivative is 1 for every positive x"),
        );
    }
    // E[max(0, z)] = 1/sqrt(2 pi).
    let predicted = (2.0 * std::f64::consts::PI).sqrt().recip();
    let mean = mean(activation)?;
    checks.push(
        Check::essential("E[f(z)], z ~ N(0, 1)", Interval::exact(mean), Need::AtLeast(CENTRED))
            .predicted(predicted)
            .because("not zero-centred: a mean of 0.1 or less would count as centred"),
    );
    checks.extend(accuracy(activation, Activation::Relu, &points));
    let kink = derivatives(activation, &[0.0])[0];
    let summary = format!(
        "values of 0 or more, E[f] = {}: not zero-centred; f' = 1 for every positive x: no saturation \
         there; f' = 0 for negative x",
        figure(mean)
    );
    let remarks = vec![format!(
        "At x = 0 there is no derivative. This engine takes f'(0) = {kink}, as most programs do; every \
         number from 0 to 1 is a subgradient."
    )];
    Ok(Evidence { summary, checks, remarks, ..Evidence::default() })
}

/// The largest mean of outputs that counts as zero-centred: a tenth of the inputs' deviation.
const CENTRED: f64 = 0.1;

pub(super) fn leaky(activation: Activation) -> Result<Evidence, Failure> {
    let points = sweep::points(sweep::STRIDE);
    let [least, _] = range(&derivatives(activation, &points));
    let at = f64::from(values(activation, &[-2.0])[0]);
    let mean = mean(activation)?;
    // (1 - slope)/sqrt(2 pi).
    let predicted = 0.99 / (2.0 * std::f64::consts::PI).sqrt();
    let mut checks = vec![
        Check::essential("smallest derivative", Interval::exact(least), Need::AtLeast(0.0099))
            .predicted(0.01)
            .because("saturates nowhere: f' is 0.01 or 1"),
        Check::essential("f(-2)", Interval::exact(at), Need::near(-0.02, 1e-6))
            .predicted(-0.02)
            .because("max(0.01 x, x) at x = -2, to the rounding of f32"),
        Check::strict("f(-2) according to the notes", Interval::exact(at), Need::near(0.02, 1e-6))
            .predicted(-0.02)
            .because("the notes print 0.02"),
        Check::strict(
            "E[f(z)], z ~ N(0, 1)",
            Interval::exact(mean),
            Need::Between(-CENTRED, CENTRED),
        )
        .predicted(predicted)
        .because("nearly zero-centred: a mean within a tenth of the inputs' deviation"),
    ];
    let formula = Activation::LeakyRelu { slope: 0.01 };
    checks.extend(accuracy(activation, formula, &points));
    let summary = format!(
        "f' is 0.01 or 1: saturates nowhere; f(-2) = {}, not 0.02; E[f] = {}: not zero-centred",
        figure(at),
        figure(mean)
    );
    let remarks = vec![
        "The notes print f(-2) = 0.02; the value of the function is -0.02.".to_owned(),
        format!(
            "A slope of 0.01 does not centre the outputs: the mean for standard normal inputs is {}, \
             that of relu {}.",
            figure(mean),
            figure(predicted / 0.99)
        ),
    ];
    Ok(Evidence { summary, checks, remarks, ..Evidence::default() })
}

/// Every activation with its derivative; ranges where it is nearly flat are shaded.
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
        "Each activation f and its derivative f'. Shaded are the ranges where f' approaches 0 and is less \
         than 1/25 of its largest magnitude, so that almost no gradient passes. The logistic function \
         and tanh are flat at both ends, relu and its smooth variants for negative x; leaky relu passes \
         on a hundredth of the gradient there, and is flat nowhere.",
        panels,
    ))
}

/// The ranges in which the derivative is less than 1/25 of its largest magnitude and approaches 0.
/// This excludes extrema, where it changes its sign, and ranges where it is a small constant.
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
    use crate::course::evidence::Verdict;

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
    fn flat_ranges_are_not_extrema() {
        let points: Vec<f64> = (-200..=200).map(|i| f64::from(i) / 40.0).collect();
        let zones = |activation: Activation| {
            flat(&points, &activation.evaluate(&points).unwrap().derivatives)
        };
        assert_eq!(zones(Activation::Tanh).len(), 2);
        assert_eq!(zones(Activation::Relu), [[-5.0, 0.0]]);
        assert_eq!(zones(Activation::LeakyRelu { slope: 0.01 }), [[0.0; 2]; 0]);
        // It has its minimum at -1.28.
        let silu = zones(Activation::Silu);
        assert!(silu.iter().all(|zone| zone[1] < -3.0), "{silu:?}");
    }

    #[test]
    fn another_slope_is_another_function() {
        let steep = leaky(Activation::LeakyRelu { slope: 0.02 }).unwrap();
        assert_eq!(steep.verdict(), Verdict::DoesNotHold);
    }
}
