//! [`Interval`]: a mean over seeds, and how certain it is.

use std::fmt;

use serde::Serialize;

use crate::text::figure;

/// The mean of independent measurements with its 95 % confidence interval, by Student's t. Of one
/// measurement, or of an exact one, the interval is the number itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// How many measurements.
    pub count: usize,
}

/// The 97.5 % quantiles of Student's t for 1, 2, .. degrees of freedom.
const STUDENT: [f64; 20] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
];

/// That of the normal distribution, and a little more: for 21 degrees and above.
const NORMAL: f64 = 2.08;

impl Interval {
    /// A number that no chance takes part in.
    pub fn exact(value: f64) -> Self {
        Self { mean: value, low: value, high: value, count: 1 }
    }

    /// Of measurements; NaN of none. One that is not finite makes all of it NaN.
    pub fn of(values: &[f64]) -> Self {
        let count = values.len();
        let n = count as f64;
        let mean = values.iter().sum::<f64>() / n;
        if count < 2 {
            return Self { count, ..Self::exact(mean) };
        }
        let square = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let t = STUDENT.get(count - 2).copied().unwrap_or(NORMAL);
        let half = t * (square / n).sqrt();
        Self { mean, low: mean - half, high: mean + half, count }
    }

    /// Of the differences of measurements made with the same seeds.
    pub fn of_differences(left: &[f64], right: &[f64]) -> Self {
        let differences: Vec<f64> = left.iter().zip(right).map(|(l, r)| l - r).collect();
        Self::of(&differences)
    }

    /// Half its width.
    pub fn half(&self) -> f64 {
        0.5 * (self.high - self.low)
    }
}

/// The mean, and half the interval's width where it has one.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let half = self.half();
        if half == 0.0 || half.is_nan() {
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
        assert_eq!(Interval::of(&[0.5; 4]), Interval { count: 4, ..Interval::exact(0.5) });
        assert!(Interval::of(&[]).mean.is_nan());
        assert!(Interval::of(&[1.0, f64::INFINITY]).low.is_nan());
    }

    #[test]
    fn differences_are_taken_seed_by_seed() {
        let interval = Interval::of_differences(&[1.0, 12.0, 103.0], &[0.0, 11.0, 102.0]);
        assert_eq!((interval.mean, interval.low, interval.high), (1.0, 1.0, 1.0));
    }

    #[test]
    fn what_has_no_width_is_shown_without() {
        assert_eq!(Interval::exact(0.25).to_string(), "0.25");
        assert_eq!(Interval { mean: 1.0, low: 0.5, high: 1.5, count: 3 }.to_string(), "1 ± 0.5");
    }
}
