//! B5: weights are scaled by one over the square root of the fan-in.

use wengert::prelude::*;

use super::claim::{Claim, Needs};
use super::context::Context;
use super::evidence::{Check, Evidence, Need};
use crate::error::Failure;
use crate::figure::{Axis, Figure, Mark, Plane, Plot, Series};
use crate::interval::Interval;
use crate::statistics::{mean_square, normal};
use crate::text::figure;

pub(super) const CLAIM: Claim = Claim {
    id: "B5",
    title: "weights are scaled down with the fan-in",
    says: "The more inputs m a unit has (its fan-in), the larger the sum of its weighted inputs: weights \
           must be scaled down with m. The notes write: proportional to 1/m.",
    method: "The variance of the pre-activations of 128 units is measured for 128 standard normal inputs \
             of m = 16 to 4,096 features and the weights randn, randn/sqrt(m) and randn/m. The power of \
             m with which it grows is the slope of a straight line through the logarithms.",
    needs: Needs::OneThread,
    run: |context| experiment(&FanInSetup::default(), context),
};

/// The powers of m by which the weights are divided.
pub(super) struct FanInSetup {
    /// The power that should keep the variance.
    pub(super) right: f64,
    /// The power of the notes.
    pub(super) notes: f64,
}

impl Default for FanInSetup {
    fn default() -> Self {
        Self { right: 0.5, notes: 1.0 }
    }
}

const FAN_INS: [usize; 5] = [16, 64, 256, 1024, 4096];
const UNITS: usize = 128;
const SEEDS: usize = 5;

/// The slope of a line through five points whose logarithms have a standard deviation of
/// sqrt(2/128) each is accurate to a few hundredths.
const TOLERANCE: f64 = 0.1;

fn variance(fan_in: usize, power: f64, seed: u64) -> Result<f64, Failure> {
    let init = Init::Normal { mean: 0.0, std: (fan_in as f64).powf(-power) };
    let layer = Linear::<f32>::new(
        fan_in,
        UNITS,
        Activation::Identity,
        &init,
        &mut Pcg64::seed_from_u64(seed),
    )?;
    let tape = Tape::new();
    let inputs = normal([UNITS, fan_in], seed ^ 1)?;
    Ok(mean_square(&layer.try_forward(tape.constant(&inputs))?.value().to_vec()))
}

/// The slope of the least-squares line through the logarithms.
fn slope(points: &[[f64; 2]]) -> f64 {
    let count = points.len() as f64;
    let mean = |k: usize| points.iter().map(|p| p[k].ln()).sum::<f64>() / count;
    let (x, y) = (mean(0), mean(1));
    let products = points.iter().map(|p| (p[0].ln() - x) * (p[1].ln() - y)).sum::<f64>();
    products / points.iter().map(|p| (p[0].ln() - x).powi(2)).sum::<f64>()
}

pub(super) fn experiment(setup: &FanInSetup, context: &Context) -> Result<Evidence, Failure> {
    let mut evidence = Evidence::default();
    let mut series = Vec::new();
    let mut words = Vec::new();
    for (colour, (power, name)) in
        [(0.0, "randn"), (setup.right, "randn / sqrt(m)"), (setup.notes, "randn / m")]
            .into_iter()
            .enumerate()
    {
        let mut slopes = Vec::new();
        let mut mean = FAN_INS.map(|m| [m as f64, 0.0]);
        for seed in context.seeds(SEEDS) {
            let mut points = Vec::new();
            for (fan_in, mean) in FAN_INS.into_iter().zip(&mut mean) {
                let variance = variance(fan_in, power, seed)?;
                points.push([fan_in as f64, variance]);
                mean[1] += variance / SEEDS as f64;
            }
            slopes.push(slope(&points));
        }
        let measured = Interval::of(&slopes);
        words.push(format!("m^{} for {name}", figure((measured.mean * 100.0).round() / 100.0)));
        let what = format!("{name}: power of m with which the variance grows");
        let check = match colour {
            0 => Check::essential(what, measured, Need::Between(1.0 - TOLERANCE, 1.0 + TOLERANCE))
                .because("m independent terms of equal variance"),
            1 => Check::essential(what, measured, Need::Between(-TOLERANCE, TOLERANCE))
                .because("the right scale keeps the variance for every m"),
            _ => Check::strict(what, measured, Need::Between(-TOLERANCE, TOLERANCE))
                .because("the scale of the notes should keep it as well"),
        };
        evidence.checks.push(check.predicted(1.0 - 2.0 * power));
        let theory = FAN_INS.map(|m| [m as f64, (m as f64).powf(1.0 - 2.0 * power)]).to_vec();
        series.push(Series::new(format!("{name}, theory"), colour, Mark::Dashed, theory));
        series.push(Series::new(name, colour, Mark::Dots, mean.to_vec()));
    }
    evidence.summary =
        format!("the variance of the pre-activations grows with {}", words.join(", "));
    evidence.remarks.push(
        "The right scale is 1/sqrt(m), a variance of 1/m. With weights proportional to 1/m, as the notes \
         write (their code has the square root), the pre-activations shrink like 1/sqrt(m)."
            .to_owned(),
    );
    evidence.figures.push(Figure::one(
        "fan_in",
        "Variance of the pre-activations for each number of inputs",
        "With unscaled weights the variance grows with m, with weights divided by m it shrinks; weights \
         divided by the square root of m keep it at 1.",
        Plot::Plane(Plane {
            x: Axis::logarithmic("inputs m of a unit"),
            y: Axis::logarithmic("variance of its pre-activation"),
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
    fn the_wrong_power_refutes_the_claim() {
        let context = Context::new(1, 1);
        let planted = FanInSetup { right: 1.0, notes: 1.0 };
        assert_eq!(experiment(&planted, &context).unwrap().verdict(), Verdict::DoesNotHold);
        let corrected = FanInSetup { right: 0.5, notes: 0.5 };
        assert_eq!(experiment(&corrected, &context).unwrap().verdict(), Verdict::Holds);
    }

    #[test]
    fn the_slope_of_a_power_is_its_exponent() {
        let points: Vec<[f64; 2]> = [1.0, 2.0, 5.0].map(|x: f64| [x, 3.0 * x.powf(-1.5)]).to_vec();
        assert!((slope(&points) + 1.5).abs() < 1e-12);
    }
}
