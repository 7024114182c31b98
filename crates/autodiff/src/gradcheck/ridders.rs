//! Central differences extrapolated to step zero, for all elements of the output at once.

use crate::error::Result;

/// The number of step sizes.
const STEPS: usize = 10;
/// The ratio of one step size to the next.
const SHRINK: f64 = 1.6;

/// A numeric derivative.
#[derive(Clone, Debug)]
pub(super) struct Difference {
    pub(super) value: f64,
    /// An estimate of the error of `value`.
    pub(super) uncertainty: f64,
    /// `|f(x+h) - 2 f(x) + f(x-h)| / h`, the difference between the one-sided differences, for each
    /// step, beginning with the largest.
    gaps: [f64; STEPS],
    /// The error that rounding of the values may cause in the difference with the smallest step.
    noise: f64,
}

impl Difference {
    /// The error that rounding of the values may cause in the difference with the smallest step.
    pub(super) fn noise(&self) -> f64 {
        self.noise
    }

    /// Whether the one-sided differences disagree by more than `tolerance`, and do not converge to
    /// each other as the step shrinks, as they would where a derivative exists.
    pub(super) fn kink(&self, tolerance: f64) -> bool {
        let (first, last) = (self.gaps[0], self.gaps[STEPS - 1]);
        last > tolerance + 2.0 * self.noise && last > 0.5 * first.min(self.gaps[STEPS / 2])
    }
}

/// Factors by which the largest step is reduced when a derivative is computed again.
const FINER: [f64; 3] = [30.0, 1e3, 3e4];

/// The least largest step relative to the argument. For smaller steps the rounding of the argument
/// dominates.
const LEAST_STEP: f64 = 1e-11;

/// The derivatives computed again with far smaller steps: for a point close to a kink or to the
/// edge of the domain, or a slope that changes within the first steps. For an `x` close to 0 there
/// are also steps smaller than `|x|`. The uncertainties include rounding.
pub(super) fn finer(
    f: impl Fn(f64) -> Result<Vec<f64>>,
    x: f64,
    step: f64,
) -> Result<Vec<Vec<Difference>>> {
    let mut steps: Vec<f64> = FINER.iter().map(|by| step / by).collect();
    let last = steps[FINER.len() - 1];
    if x.abs() < 10.0 * last && x.abs() > f64::MIN_POSITIVE / f64::EPSILON {
        steps.extend([0.1 * x.abs(), 0.02 * x.abs()]);
    }
    // A function of a large argument may change over steps that are small compared with it, down to
    // where the argument itself is rounded.
    let absolute = [step, step / FINER[0]].map(|step| step / x.abs());
    steps.extend(absolute.into_iter().filter(|&step| x.abs() > 100.0 && step > LEAST_STEP));
    steps.sort_by(|a, b| b.total_cmp(a));
    let mut all = Vec::with_capacity(steps.len());
    for step in steps {
        let mut found = differentiate(&f, x, step)?;
        for difference in &mut found {
            difference.uncertainty = difference.uncertainty.max(difference.noise);
        }
        all.push(found);
    }
    Ok(all)
}

/// The derivative of each element of the value of `f` at `x`. The largest step is `step` times
/// `max(1, |x|)`.
pub(super) fn differentiate(
    f: impl Fn(f64) -> Result<Vec<f64>>,
    x: f64,
    step: f64,
) -> Result<Vec<Difference>> {
    let centre = f(x)?;
    let mut found: Vec<Difference> = centre
        .iter()
        .map(|_| Difference {
            value: f64::NAN,
            uncertainty: f64::INFINITY,
            gaps: [0.0; STEPS],
            noise: 0.0,
        })
        .collect();
    let mut step = step * x.abs().max(1.0);
    // Neville's tableau: column j is free of the error terms below h^(2j+2). Only the previous
    // column is kept.
    let mut before: Vec<Vec<f64>> = Vec::new();
    for i in 0..STEPS {
        // The actual step, after rounding.
        let (right, left) = (x + step, x - step);
        let (above, below) = (f(right)?, f(left)?);
        let mut column: Vec<Vec<f64>> = Vec::with_capacity(i + 1);
        column.push(above.iter().zip(&below).map(|(a, b)| (a - b) / (right - left)).collect());
        for (k, difference) in found.iter_mut().enumerate() {
            difference.gaps[i] = ((above[k] - centre[k]) - (centre[k] - below[k])).abs() / step;
            let size = above[k].abs().max(below[k].abs()).max(centre[k].abs());
            difference.noise = 4.0 * f64::EPSILON * size / step;
        }
        let rounding: Vec<f64> = found.iter().map(|difference| difference.noise / 4.0).collect();
        let mut factor = SHRINK * SHRINK;
        for j in 1..=i {
            let next: Vec<f64> = column[j - 1]
                .iter()
                .zip(&before[j - 1])
                .map(|(new, old)| (new * factor - old) / (factor - 1.0))
                .collect();
            for (k, difference) in found.iter_mut().enumerate() {
                let error =
                    (next[k] - column[j - 1][k]).abs().max((next[k] - before[j - 1][k]).abs());
                // Equal values have an estimated error of zero, but rounding limits their accuracy.
                let error = error.max(rounding[k]);
                if error < difference.uncertainty {
                    (difference.value, difference.uncertainty) = (next[k], error);
                }
            }
            column.push(next);
            factor *= SHRINK * SHRINK;
        }
        before = column;
        step /= SHRINK;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smooth_functions_are_differentiated_to_near_rounding() {
        for x in [-1.7_f64, 0.0, 0.4, 30.0] {
            let f = |x: f64| Ok(vec![x.sin(), (0.1 * x).exp(), x * x * x]);
            let expected = [x.cos(), 0.1 * (0.1 * x).exp(), 3.0 * x * x];
            for (got, want) in differentiate(f, x, 0.05).unwrap().iter().zip(expected) {
                let error = (got.value - want).abs();
                assert!(error <= 1e-9 * (1.0 + want.abs()), "{x}: {got:?} for {want}");
                assert!(!got.kink(1e-6), "{x}: {got:?}");
            }
        }
    }

    #[test]
    fn kinks_are_seen() {
        let f = |x: f64| Ok(vec![x.abs(), x.max(0.0), (x - 1e-9).max(0.0)]);
        for difference in differentiate(f, 0.0, 0.05).unwrap() {
            assert!(difference.kink(1e-6), "{difference:?}");
        }
    }
}
