//! Small statistics of samples.

use wengert::nn::InitError;
use wengert::prelude::*;

/// A tensor of independent standard normal numbers.
///
/// # Errors
/// If there is no memory for the shape.
pub fn normal(shape: impl Into<Shape>, seed: u64) -> Result<Tensor<f32>, InitError> {
    let mut rng = Pcg64::seed_from_u64(seed);
    Init::Normal { mean: 0.0, std: 1.0 }.sample(shape, &mut rng)
}

/// The Euclidean norm. Squares of `f32` numbers do not leave the range of `f64`.
pub fn norm(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}

/// The mean of the squares.
pub fn mean_square(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>() / values.len() as f64
}

/// The fraction of flags that are set.
pub fn fraction(flags: impl IntoIterator<Item = bool>) -> f64 {
    let (mut set, mut count) = (0_usize, 0_usize);
    for flag in flags {
        set += usize::from(flag);
        count += 1;
    }
    set as f64 / count as f64
}

/// The median; of an even number of values the larger of the two in the middle. Panics without
/// values.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn norms_fractions_and_medians() {
        assert_eq!((norm(&[3.0, -4.0]), mean_square(&[3.0, -4.0])), (5.0, 12.5));
        assert_eq!(fraction([true, false, false, true]), 0.5);
        assert!(fraction([]).is_nan());
        assert_eq!((median(vec![3.0, 1.0, 2.0]), median(vec![4.0, 1.0, 2.0, 3.0])), (2.0, 3.0));
        let sample = normal([100, 100], 1).unwrap().to_vec();
        // The standard deviation of the mean square of 10,000 normal numbers is sqrt(2) / 100.
        assert!((mean_square(&sample) - 1.0).abs() < 0.06);
    }
}
