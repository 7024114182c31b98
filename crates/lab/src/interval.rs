//! [`Interval`]: a mean over seeds with its confidence interval.

use std::fmt;

use serde::Serialize;

use crate::text::figure;

/// The mean of independent measurements with its 95 % confidence interval, by Student's t. The
/// interval of a single measurement, or of an exact number, is the number itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The number of measurements.
    pub count: usize,
}

/// The 97.5 % quantiles of Student's t for 1, 2, .. degrees of freedom.
const STUDENT: [f64; 20] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
];

/// The quantile for 21 and more degrees of freedom, an upper bound.
const MANY: f64 = 2.08;

impl Interval {
    /// A number that does not depend on chance.
    pub fn exact(value: f64) -> Self {
        Self { mean: value, low: value, high: value, count: 1 }
    }

    /// The interval of measurements; NaN for none, and if a measurement is not finite.
    pub fn of(values: &[f64]) -> Self {
        let count = values.len();
        // The mean of equal numbers would be rounded.
        if let [first, ..] = values
            && first.is_finite()
            && values.iter().all(|value| value == first)
        {
            return Self { count, ..Self::exact(*first) };
        }
        let n = count as f64;
        let mean = values.iter().sum::<f64>() / n;
        if count < 2 {
            return Self { count, ..Self::exact(mean) };
        }
        let square = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let t = STUDENT.get(count - 2).copied().unwrap_or(MANY);
        let half = t * (square / n).sqrt();
        Self { mean, low: mean - half, high: mean + half, count }
    }

    /// The interval of a fraction of flags, each of which counts as 1 or 0.
    pub fn of_flags(flags: impl IntoIterator<Item = bool>) -> Self {
        let values: Vec<f64> = flags.into_iter().map(|flag| f64::from(u8::from(flag))).collect();
        Self::of(&values)
    }

    /// The interval of the differences of measurements with the same seeds.
    pub fn of_differences(left: &[f64], right: &[f64]) -> Self {
        let differences: Vec<f64> = left.iter().zip(right).map(|(l, r)| l - r).collect();
        Self::of(&differences)
    }

    /// Half of the width.
    pub fn half(&self) -> f64 {
        0.5 * (self.high - self.low)
    }
}

/// Differences between measurements below this, relative to their mean, are rounding errors.
const ROUNDING: f64 = 1e-12;

/// The mean, and half of the interval's width if it is not a rounding error.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let half = self.half();
        if half.is_nan() || half <= ROUNDING * self.mean.abs() {
            f.pad(&figure(self.mean))
        } else {
            f.pad(&format!("{} ± {}", figure(self.mean), figure(half)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_students() {
        let interval = Interval::of(&[1.0, 2.0, 3.0]);
        assert_eq!((interval.mean, interval.count), (2.0, 3));
        // s = 1, t = 4.303, n = 3.
        assert!((interval.half() - 4.303 / 3.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(Interval::of(&[5.0]).half(), 0.0);
        assert_eq!(Interval::of(&[0.1; 3]), Interval { count: 3, ..Interval::exact(0.1) });
        assert!(Interval::of(&[]).mean.is_nan());
        assert!(Interval::of(&[1.0, f64::INFINITY]).low.is_nan());
        assert!(Interval::of(&[f64::INFINITY; 2]).low.is_nan());
        assert_eq!(Interval::of_flags([true, false, true, true]).mean, 0.75);
    }

    #[test]
    fn differences_are_taken_seed_by_seed() {
        let interval = Interval::of_differences(&[1.0, 12.0, 103.0], &[0.0, 11.0, 102.0]);
        assert_eq!((interval.mean, interval.low, interval.high), (1.0, 1.0, 1.0));
    }

    #[test]
    fn a_width_of_zero_or_of_rounding_errors_is_not_shown() {
        assert_eq!(Interval::exact(0.25).to_string(), "0.25");
        assert_eq!(Interval { mean: 1.0, low: 0.5, high: 1.5, count: 3 }.to_string(), "1 ± 0.5");
        let rounded = Interval::of_differences(&[0.3, 0.4, 0.5], &[0.2, 0.3, 0.4]);
        assert!(rounded.half() > 0.0);
        assert_eq!(rounded.to_string(), "0.1");
    }
}
