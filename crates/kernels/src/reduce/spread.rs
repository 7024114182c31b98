//! Means with variances or standard deviations: the entry points.

use crate::Element;

use super::Spread;

/// The mean and the variance of the elements over the middle of three dimensions, which is
/// `sum (x_i - mean)^2 / (n - correction)`: the population's for `correction` zero, Bessel's
/// unbiased estimate for one.
///
/// One pass over memory, and stable: the relative error of the variance is below
/// `(500 + n / 512) eps` however large the mean is compared with the deviations, and the error of
/// the mean below `(50 + n / 512) eps` of the elements' mean magnitude, or half of the smallest
/// subnormal. Sums and squares may leave the element's range; a result that does is infinite or
/// zero. Where they do, or the variance is below 1e-30 (1e-240 in `f64`), a second and slower pass
/// computes the results. NaN for no elements; a NaN or an infinity makes the variance NaN, and the
/// mean NaN or infinite.
///
/// # Shapes
/// `x` is contiguous `[outer, axis, inner]`, `mean` and `variance` are `[outer, inner]`.
///
/// ```
/// let (mut mean, mut variance) = ([0.0], [0.0]);
/// let x = [1e6, 1e6 + 1.0, 1e6 + 2.0];
/// wengert_kernels::reduce::mean_variance_axis(&x, [1, 3, 1], 1, &mut mean, &mut variance);
/// assert_eq!((mean, variance), ([1e6 + 1.0], [1.0]));
/// ```
///
/// # Panics
/// If a slice does not have the elements of its shape.
#[track_caller]
pub fn mean_variance_axis<E: Element>(
    x: &[E],
    dims: [usize; 3],
    correction: usize,
    mean: &mut [E],
    variance: &mut [E],
) {
    E::moments_axis_kernel(x, dims, (correction, Spread::Variance), mean, variance);
}

/// The mean and the standard deviation, the root of the variance, over the middle of three
/// dimensions. The deviation may be within the range where the variance is not. Its relative error
/// is below that of the variance.
///
/// # Shapes
/// `x` is contiguous `[outer, axis, inner]`, `mean` and `deviation` are `[outer, inner]`.
///
/// ```
/// let (mut mean, mut deviation) = ([0.0_f32], [0.0]);
/// let x = [-3e30, 3e30];
/// wengert_kernels::reduce::mean_deviation_axis(&x, [1, 2, 1], 0, &mut mean, &mut deviation);
/// assert_eq!((mean, deviation), ([0.0], [3e30]));
/// ```
///
/// # Panics
/// If a slice does not have the elements of its shape.
#[track_caller]
pub fn mean_deviation_axis<E: Element>(
    x: &[E],
    dims: [usize; 3],
    correction: usize,
    mean: &mut [E],
    deviation: &mut [E],
) {
    E::moments_axis_kernel(x, dims, (correction, Spread::Deviation), mean, deviation);
}
