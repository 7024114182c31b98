//! Metrics of predicted numbers.

/// The coefficient of determination: the share of the targets' variance that the predictions
/// explain, `1 - sum (y - p)^2 / sum (y - mean y)^2`.
///
/// The coefficient is 1 for exact predictions, 0 if all predictions are the mean of the targets,
/// and negative for worse predictions. The variance is accumulated around a running mean, so that
/// targets with a large mean lose no digits.
///
/// ```
/// use wengert_nn::metrics::R2;
/// let mut r2 = R2::new();
/// r2.update(&[2.5, 0.0, 2.0, 8.0], &[3.0, -0.5, 2.0, 7.0]);
/// assert!((r2.value() - 0.9486081370449679).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[doc(alias = "r2_score")]
pub struct R2 {
    count: f64,
    mean: f64,
    /// The sum of squared distances of the targets from their mean.
    spread: f64,
    errors: f64,
}

impl R2 {
    /// Creates the metric without any examples yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds examples.
    ///
    /// # Panics
    /// If the numbers of predictions and targets differ.
    #[track_caller]
    pub fn update(&mut self, predictions: &[f64], targets: &[f64]) {
        check("r2", predictions, targets);
        for (prediction, target) in predictions.iter().zip(targets) {
            self.count += 1.0;
            let distance = target - self.mean;
            self.mean += distance / self.count;
            self.spread += distance * (target - self.mean);
            self.errors += (target - prediction).powi(2);
        }
    }

    /// Adds the examples of another metric.
    pub fn merge(&mut self, other: &Self) {
        let count = self.count + other.count;
        if count == 0.0 {
            return;
        }
        let distance = other.mean - self.mean;
        self.spread += other.spread + distance.powi(2) * self.count * other.count / count;
        self.mean += distance * other.count / count;
        self.errors += other.errors;
        self.count = count;
    }

    /// The coefficient; NaN if there are no examples. If all targets are equal, it is 1 for exact
    /// predictions and negative infinity for others.
    pub fn value(&self) -> f64 {
        if self.count > 0.0 && self.errors == 0.0 { 1.0 } else { 1.0 - self.errors / self.spread }
    }
}

/// The mean absolute error and the mean squared error of predicted numbers.
///
/// ```
/// use wengert_nn::metrics::MeanError;
/// let mut error = MeanError::new();
/// error.update(&[1.0, 2.0], &[1.0, 4.0]);
/// assert_eq!((error.absolute(), error.squared()), (1.0, 2.0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[doc(alias = "MAE")]
#[doc(alias = "MSE")]
#[doc(alias = "RMSE")]
pub struct MeanError {
    count: f64,
    sizes: f64,
    squares: f64,
}

impl MeanError {
    /// Creates the metric without any examples yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds examples.
    ///
    /// # Panics
    /// If the numbers of predictions and targets differ.
    #[track_caller]
    pub fn update(&mut self, predictions: &[f64], targets: &[f64]) {
        check("mean_error", predictions, targets);
        for (prediction, target) in predictions.iter().zip(targets) {
            let size = (prediction - target).abs();
            self.count += 1.0;
            self.sizes += size;
            self.squares += size * size;
        }
    }

    /// Adds the examples of another metric.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sizes += other.sizes;
        self.squares += other.squares;
    }

    /// The mean absolute error; NaN if there are no examples.
    pub fn absolute(&self) -> f64 {
        self.sizes / self.count
    }

    /// The mean squared error; NaN if there are no examples.
    pub fn squared(&self) -> f64 {
        self.squares / self.count
    }

    /// The root mean squared error; NaN if there are no examples.
    pub fn root_squared(&self) -> f64 {
        self.squared().sqrt()
    }
}

#[track_caller]
fn check(what: &str, predictions: &[f64], targets: &[f64]) {
    let (given, needed) = (predictions.len(), targets.len());
    assert!(given == needed, "{what}: {needed} targets need as many predictions, got {given}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_merge_into_the_whole() {
        let targets: Vec<f64> = (0..50).map(|i| 1e6 + f64::from(i).sin()).collect();
        let predictions: Vec<f64> =
            targets.iter().enumerate().map(|(i, y)| y + 0.1 * (i as f64).cos()).collect();
        let mean = targets.iter().sum::<f64>() / 50.0;
        let errors: f64 = targets.iter().zip(&predictions).map(|(y, p)| (y - p).powi(2)).sum();
        let spread: f64 = targets.iter().map(|y| (y - mean).powi(2)).sum();
        for cut in [0, 1, 20, 50] {
            let (mut left, mut right) = (R2::new(), R2::new());
            left.update(&predictions[..cut], &targets[..cut]);
            right.update(&predictions[cut..], &targets[cut..]);
            left.merge(&right);
            assert!(
                (left.value() - (1.0 - errors / spread)).abs() < 1e-8,
                "{cut}: {}",
                left.value()
            );
            let (mut left, mut right) = (MeanError::new(), MeanError::new());
            left.update(&predictions[..cut], &targets[..cut]);
            right.update(&predictions[cut..], &targets[cut..]);
            left.merge(&right);
            assert!((left.squared() - errors / 50.0).abs() < 1e-15);
            assert_eq!(left.root_squared(), left.squared().sqrt());
        }
    }

    #[test]
    fn limits_are_taken() {
        assert!(R2::new().value().is_nan() && MeanError::new().absolute().is_nan());
        let mut merged = R2::new();
        merged.merge(&R2::new());
        assert_eq!(merged, R2::new());
        let of = |predictions: &[f64]| {
            let mut r2 = R2::new();
            r2.update(predictions, &[2.0, 2.0]);
            r2.value()
        };
        assert_eq!((of(&[2.0, 2.0]), of(&[2.0, 1.0])), (1.0, f64::NEG_INFINITY));
    }

    #[test]
    #[should_panic(expected = "r2: 2 targets need as many predictions, got 1")]
    fn every_target_needs_a_prediction() {
        R2::new().update(&[1.0], &[1.0, 2.0]);
    }
}
