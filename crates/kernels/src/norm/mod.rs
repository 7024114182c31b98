//! Normalization: layer norm and RMS norm of rows, batch norm of channels; forward and backward.
//!
//! Means and variances are those of
//! [`reduce::mean_variance_axis`](crate::reduce::mean_variance_axis): stable however far the
//! numbers are from zero. Variances are the population's, as in PyTorch's forward passes. A NaN or
//! an infinity makes its row (or its channel) NaN; in RMS norm an infinity makes the finite
//! elements of its row zero.
//!
//! # Range
//!
//! Nothing is lost where squares, sums or products leave the element's range and the result does
//! not: rows of 1e38 and, as far as `eps` lets them count, of 1e-38 are normalized like any other,
//! and so are their gradients computed. The lines this takes, those with `rstd` outside about
//! 1e-12..1e12 (1e-96..1e96 in `f64`) or with gradients that are all below 1e-25 or beyond 1e15
//! with sums that show it, go through a slower pass, some fifty times as slow. Statistics are
//! elements: a variance beyond the range is given as infinite, and one below it as zero.
//!
//! # Accuracy
//!
//! With `n` elements to a row, `y = (x - mean) rstd` is within
//! `(600 + n / 512) eps (1 + |y| + |mean| rstd)` of the exact value: the mean is rounded to an
//! element. The gradients' sums run in blocks of at most 128 vectors; a gradient is within
//! `(600 + n / 512) eps` of the sum of the magnitudes of its terms, for the statistics it is given.

mod batch;
mod careful;
pub(crate) mod kernels;
mod layer;
mod operands;
mod rows;

use crate::Element;
use crate::reduce::Spread;
#[doc(hidden)]
pub use kernels::NormKernels;
use kernels::check_channels;
pub use operands::{Affine, BatchNormGrad, LayerNormGrad, NormGrads, RmsNormGrad};

/// Layer norm: `out = (x - mean) rstd weight + bias`, with the mean and
/// `rstd = 1 / sqrt(variance + eps)` of every row, which are kept for the gradient.
///
/// Source: J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization" (2016).
///
/// # Shapes
/// `x` and `out` are `[rows, cols]`, weight and bias `[cols]`, `mean` and `rstd` `[rows]`.
///
/// ```
/// use wengert_kernels::norm::{Affine, layer_norm};
/// let (mut y, mut mean, mut rstd) = ([0.0; 2], [0.0], [0.0]);
/// layer_norm(&[1.0, 5.0], 2, Affine::NONE, 0.0, &mut y, &mut mean, &mut rstd);
/// assert_eq!((y, mean, rstd), ([-1.0, 1.0], [3.0], [0.5]));
/// ```
///
/// # Panics
/// If `cols` is zero while there are rows, or a slice does not have the elements of its shape.
#[track_caller]
pub fn layer_norm<E: Element>(
    x: &[E],
    cols: usize,
    affine: Affine<'_, E>,
    eps: f64,
    out: &mut [E],
    mean: &mut [E],
    rstd: &mut [E],
) {
    E::layer_norm_kernel((x, cols), affine, eps, out, mean, rstd);
}

/// The gradients of [`layer_norm`]. With `g = gy weight` and `y = (x - mean) rstd`, means being
/// those of a row and sums over the rows:
///
/// `gx = rstd (g - mean(g) - y mean(g y))`, `gweight = sum gy y`, `gbias = sum gy`.
///
/// # Panics
/// If `cols` is zero while there are rows, or a slice does not have the elements of its shape.
#[track_caller]
pub fn layer_norm_grad<E: Element>(from: &LayerNormGrad<'_, E>, to: NormGrads<'_, E>) {
    E::layer_norm_grad_kernel(from, to);
}

/// RMS norm: `out = x rstd weight`, with `rstd = 1 / sqrt(mean(x^2) + eps)` of every row, which is
/// kept for the gradient.
///
/// Source: B. Zhang, R. Sennrich, "Root mean square layer normalization" (2019).
///
/// # Shapes
/// `x` and `out` are `[rows, cols]`, the weight `[cols]`, `rstd` `[rows]`.
///
/// # Panics
/// If `cols` is zero while there are rows, or a slice does not have the elements of its shape.
#[track_caller]
pub fn rms_norm<E: Element>(
    x: &[E],
    cols: usize,
    weight: Option<&[E]>,
    eps: f64,
    out: &mut [E],
    rstd: &mut [E],
) {
    E::rms_norm_kernel((x, cols), weight, eps, out, rstd);
}

/// The gradients of [`rms_norm`]. With `g = gy weight` and `y = x rstd`:
///
/// `gx = rstd (g - y mean(g y))`, `gweight = sum gy y`; `bias`, where asked for, is `sum gy`.
///
/// # Panics
/// If `cols` is zero while there are rows, or a slice does not have the elements of its shape.
#[track_caller]
pub fn rms_norm_grad<E: Element>(from: &RmsNormGrad<'_, E>, to: NormGrads<'_, E>) {
    E::rms_norm_grad_kernel(from, to);
}

/// The mean and the population's variance of every channel, for [`batch_norm`] in training and for
/// the running statistics. NaN where a channel has no elements; a variance beyond the range is
/// infinite.
///
/// # Shapes
/// `x` is contiguous `[outer, channels, inner]`: batch, channels, and the pixels of an image (one
/// for features); `mean` and `variance` are `[channels]`.
///
/// # Panics
/// If a slice does not have the elements of its shape.
#[track_caller]
pub fn batch_norm_statistics<E: Element>(
    x: &[E],
    dims: [usize; 3],
    mean: &mut [E],
    variance: &mut [E],
) {
    let [outer, channels, inner] = dims;
    if inner == 1 {
        check_channels(x.len(), dims, mean.len(), variance.len());
        E::moments_axis_kernel(x, [1, outer, channels], (0, Spread::Variance), mean, variance);
    } else {
        E::channel_moments_kernel(x, dims, mean, variance);
    }
}

/// Batch norm: `out = (x - mean) weight / sqrt(variance + eps) + bias`, with a mean and a variance
/// for each channel: those of [`batch_norm_statistics`] in training, running averages of them in
/// inference.
///
/// Source: S. Ioffe, C. Szegedy, "Batch normalization: accelerating deep network training by
/// reducing internal covariate shift" (2015).
///
/// # Shapes
/// `x` and `out` are contiguous `[outer, channels, inner]`, the others `[channels]`.
///
/// ```
/// use wengert_kernels::norm::{Affine, batch_norm, batch_norm_statistics};
/// let (x, dims) = ([1.0, 10.0, 5.0, 10.0], [2, 2, 1]);
/// let (mut y, mut mean, mut variance) = ([0.0; 4], [0.0; 2], [0.0; 2]);
/// batch_norm_statistics(&x, dims, &mut mean, &mut variance);
/// batch_norm(&x, dims, (&mean, &variance), Affine::NONE, 1e-5, &mut y);
/// assert_eq!((mean, variance, y[1]), ([3.0, 10.0], [4.0, 0.0], 0.0));
/// ```
///
/// # Panics
/// If a slice does not have the elements of its shape.
#[track_caller]
pub fn batch_norm<E: Element>(
    x: &[E],
    dims: [usize; 3],
    (mean, variance): (&[E], &[E]),
    affine: Affine<'_, E>,
    eps: f64,
    out: &mut [E],
) {
    E::batch_norm_kernel((x, dims), (mean, variance), affine, (eps, false), out);
}

/// As [`batch_norm`], by the statistics of `x` itself, which [`batch_norm_statistics`] gave: for
/// training. A channel whose variance is beyond the element's range, or below it, is normalized all
/// the same, by a slower pass.
///
/// ```
/// use wengert_kernels::norm::{Affine, batch_norm_statistics, batch_norm_training};
/// let (x, dims) = ([-1e20_f32, 1e20], [2, 1, 1]);
/// let (mut y, mut mean, mut variance) = ([0.0; 2], [0.0], [0.0]);
/// batch_norm_statistics(&x, dims, &mut mean, &mut variance);
/// batch_norm_training(&x, dims, (&mean, &variance), Affine::NONE, 1e-5, &mut y);
/// assert_eq!((y, mean, variance), ([-1.0, 1.0], [0.0], [f32::INFINITY]));
/// ```
///
/// # Panics
/// If a slice does not have the elements of its shape.
#[track_caller]
pub fn batch_norm_training<E: Element>(
    x: &[E],
    dims: [usize; 3],
    (mean, variance): (&[E], &[E]),
    affine: Affine<'_, E>,
    eps: f64,
    out: &mut [E],
) {
    E::batch_norm_kernel((x, dims), (mean, variance), affine, (eps, true), out);
}

/// The gradients of [`batch_norm`]. With `y = (x - mean) rstd`, `rstd = 1 / sqrt(variance + eps)`,
/// sums over the `n` elements of a channel:
///
/// `gweight = sum gy y`, `gbias = sum gy`, and in training
/// `gx = weight rstd (gy - gbias / n - y gweight / n)`, in inference `gx = weight rstd gy`.
///
/// # Panics
/// If a slice does not have the elements of its shape.
#[track_caller]
pub fn batch_norm_grad<E: Element>(from: &BatchNormGrad<'_, E>, to: NormGrads<'_, E>) {
    E::batch_norm_grad_kernel(from, to);
}
