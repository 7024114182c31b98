//! Normalization: layer norm and RMS norm of rows, batch norm of channels; forward and backward.
//!
//! Means and variances are those of [`reduce::mean_variance`](crate::reduce::mean_variance): stable
//! however far the numbers are from zero. Variances are the population's, as in PyTorch's forward
//! passes. A NaN or an infinity makes its row (or its channel) NaN; in RMS norm an infinity makes the
//! finite elements of its row zero.
//!
//! # Range
//!
//! Nothing is lost where squares, sums or products leave the element's range and the result does not:
//! rows of 1e38 and, as far as `eps` lets them count, of 1e-38 are normalized like any other, and so
//! are their gradients computed. The lines this takes, those with `rstd` outside about 1e-12..1e12
//! (1e-96..1e96 in `f64`) or with gradients that are all below 1e-25 or beyond 1e15 with sums that
//! show it, go through a slower pass, some fifty times as slow. Statistics are elements: a variance
//! beyond the range is given as infinite, and one below it as zero.
//!
//! # Accuracy
//!
//! With `n` elements to a row, `y = (x - mean) rstd` is within
//! `(600 + n / 512) eps (1 + |y| + |mean| rstd)` of the exact value: the mean is rounded to an
//! element. The gradients' sums run in blocks of at most 128 vectors; a gradient is within
//! `(600 + n / 512) eps` of the sum of the magnitudes of its terms, for the statistics it is given.

mod batch;
mod careful;
mod layer;
mod rows;

use batch::{ChannelSums, InputGrad, Normalize, Statistics, each_channel, each_piece};
use careful::{Channels, channels_backward};
use rows::{RowOperands, rows_backward, rows_forward};

use crate::Element;
use crate::reduce::{Spread, check_rows};
use crate::slices::{Shared, Source, check_len};

/// A weight and a bias for every column or channel, where there are any.
#[derive(Clone, Copy, Debug)]
pub struct Affine<'a, E> {
    /// The factors; one where there are none.
    pub weight: Option<&'a [E]>,
    /// What is added; zero where there is none.
    pub bias: Option<&'a [E]>,
}

impl<E> Affine<'_, E> {
    /// Neither weight nor bias.
    pub const NONE: Self = Affine { weight: None, bias: None };
}

impl<E> Affine<'_, E> {
    #[track_caller]
    fn check(&self, len: usize) {
        for (name, values) in [("weight", self.weight), ("bias", self.bias)] {
            if let Some(values) = values {
                check_len(name, values.len(), len);
            }
        }
    }
}

/// What [`layer_norm_grad`] reads.
#[derive(Clone, Copy, Debug)]
pub struct LayerNormGrad<'a, E> {
    /// The upstream gradient, `[rows, cols]`.
    pub gy: &'a [E],
    /// The input, `[rows, cols]`.
    pub x: &'a [E],
    /// The length of a row.
    pub cols: usize,
    /// The factors of the forward pass.
    pub weight: Option<&'a [E]>,
    /// The means the forward pass gave, `[rows]`.
    pub mean: &'a [E],
    /// The reciprocal deviations the forward pass gave, `[rows]`.
    pub rstd: &'a [E],
    /// What the forward pass added to the variances.
    pub eps: f64,
}

/// What [`rms_norm_grad`] reads.
#[derive(Clone, Copy, Debug)]
pub struct RmsNormGrad<'a, E> {
    /// The upstream gradient, `[rows, cols]`.
    pub gy: &'a [E],
    /// The input, `[rows, cols]`.
    pub x: &'a [E],
    /// The length of a row.
    pub cols: usize,
    /// The factors of the forward pass.
    pub weight: Option<&'a [E]>,
    /// The reciprocal root mean squares the forward pass gave, `[rows]`.
    pub rstd: &'a [E],
    /// What the forward pass added to the mean squares.
    pub eps: f64,
}

/// What [`batch_norm_grad`] reads.
#[derive(Clone, Copy, Debug)]
pub struct BatchNormGrad<'a, E> {
    /// The upstream gradient, `[outer, channels, inner]`.
    pub gy: &'a [E],
    /// The input, `[outer, channels, inner]`.
    pub x: &'a [E],
    /// The dimensions `[outer, channels, inner]`.
    pub dims: [usize; 3],
    /// The factors of the forward pass.
    pub weight: Option<&'a [E]>,
    /// The means of the forward pass, `[channels]`.
    pub mean: &'a [E],
    /// The variances of the forward pass, `[channels]`.
    pub variance: &'a [E],
    /// What the forward pass added to the variances.
    pub eps: f64,
    /// Whether the statistics are those of `x` and depend on it (training), or given numbers
    /// (inference).
    pub training: bool,
}

/// Where the gradients of a norm go.
#[derive(Debug)]
pub struct NormGrads<'a, E> {
    /// Of the input.
    pub x: &'a mut [E],
    /// Of the weight, if it is asked for.
    pub weight: Option<&'a mut [E]>,
    /// Of the bias, if it is asked for.
    pub bias: Option<&'a mut [E]>,
}

/// Whether the gradient is that of no rows, which is written then. The length of a row may be any:
/// nothing can be allocated or counted by it.
#[track_caller]
fn is_without_rows<E: Element>(from: &LayerNormGrad<'_, E>, to: &mut NormGrads<'_, E>) -> bool {
    let LayerNormGrad { gy, x, cols, weight, mean, rstd, eps: _ } = *from;
    if !rstd.is_empty() {
        return false;
    }
    check_rows(x.len(), cols, 0);
    check_len("gy", gy.len(), 0);
    check_len("mean", mean.len(), 0);
    check_len("the gradient of x", to.x.len(), 0);
    Affine { weight, bias: None }.check(cols);
    Affine { weight: to.weight.as_deref(), bias: to.bias.as_deref() }.check(cols);
    for sum in [&mut to.weight, &mut to.bias].into_iter().flatten() {
        sum.fill(E::ZERO);
    }
    true
}

#[track_caller]
fn check_channels(x: usize, [outer, channels, inner]: [usize; 3], mean: usize, variance: usize) {
    let elements = outer.checked_mul(channels).and_then(|n| n.checked_mul(inner));
    assert!(
        elements == Some(x) && mean == channels && variance == channels,
        "a batch norm of {outer} x {channels} x {inner} takes as many elements and has {channels} \
         means and variances, but there are {x} elements, {mean} means and {variance} variances"
    );
}

#[track_caller]
fn batch_backward<E: Element>(from: &BatchNormGrad<'_, E>, to: NormGrads<'_, E>) {
    let BatchNormGrad { gy, x, dims, weight, mean, variance, eps, training } = *from;
    let [outer, channels, inner] = dims;
    check_channels(x.len(), dims, mean.len(), variance.len());
    check_len("gy", gy.len(), x.len());
    check_len("the gradient of x", to.x.len(), x.len());
    Affine { weight, bias: None }.check(channels);
    Affine { weight: to.weight.as_deref(), bias: to.bias.as_deref() }.check(channels);
    let mut sums = vec![E::ZERO; 2 * channels];
    let (gweight, gbias) = sums.split_at_mut(channels);
    if !x.is_empty() {
        let (gy, x) = (Source::new(gy), Source::new(x));
        let (mean, variance) = (Source::new(mean), Source::new(variance));
        let statistics = Statistics { mean, variance, eps: E::from_f64(eps) };
        let (w, b) = (Shared::new(gweight), Shared::new(gbias));
        // SAFETY: the lengths were checked.
        unsafe { each_channel(ChannelSums { gy, x, statistics, gweight: w, gbias: b }, dims) };
        let count = if training { (outer * inner) as f64 } else { f64::INFINITY };
        let grad = InputGrad {
            gy,
            x,
            statistics,
            weight: weight.map(Source::new),
            gweight: Source::new(gweight),
            gbias: Source::new(gbias),
            share: E::from_f64(1.0 / count),
            gx: Shared::new(&mut *to.x),
        };
        // SAFETY: as above.
        unsafe { each_piece(grad, dims) };
        channels_backward(from, [gweight, gbias], to.x);
    }
    if let Some(out) = to.weight {
        out.copy_from_slice(gweight);
    }
    if let Some(out) = to.bias {
        out.copy_from_slice(gbias);
    }
}

/// The compiled kernels of an element type. Sealed with [`Element`].
#[doc(hidden)]
pub trait NormKernels: Sized {
    fn layer_norm_kernel(
        x: (&[Self], usize),
        affine: Affine<'_, Self>,
        eps: f64,
        out: &mut [Self],
        mean: &mut [Self],
        rstd: &mut [Self],
    );
    fn layer_norm_grad_kernel(from: &LayerNormGrad<'_, Self>, to: NormGrads<'_, Self>);
    fn rms_norm_kernel(
        x: (&[Self], usize),
        weight: Option<&[Self]>,
        eps: f64,
        out: &mut [Self],
        rstd: &mut [Self],
    );
    fn rms_norm_grad_kernel(from: &RmsNormGrad<'_, Self>, to: NormGrads<'_, Self>);
    fn channel_moments_kernel(
        x: &[Self],
        dims: [usize; 3],
        mean: &mut [Self],
        variance: &mut [Self],
    );
    fn batch_norm_kernel(
        x: (&[Self], [usize; 3]),
        statistics: (&[Self], &[Self]),
        affine: Affine<'_, Self>,
        eps: (f64, bool),
        out: &mut [Self],
    );
    fn batch_norm_grad_kernel(from: &BatchNormGrad<'_, Self>, to: NormGrads<'_, Self>);
}

macro_rules! norm_kernels {
    ($type:ty) => {
        impl NormKernels for $type {
            #[track_caller]
            fn layer_norm_kernel(
                (x, cols): (&[Self], usize),
                affine: Affine<'_, Self>,
                eps: f64,
                out: &mut [Self],
                mean: &mut [Self],
                rstd: &mut [Self],
            ) {
                let operands = RowOperands { x, cols, affine, eps };
                rows_forward::<Self, true>(&operands, out, mean, rstd);
            }

            #[track_caller]
            fn layer_norm_grad_kernel(from: &LayerNormGrad<'_, Self>, mut to: NormGrads<'_, Self>) {
                if !is_without_rows(from, &mut to) {
                    rows_backward::<Self, true>(from, to);
                }
            }

            #[track_caller]
            fn rms_norm_kernel(
                (x, cols): (&[Self], usize),
                weight: Option<&[Self]>,
                eps: f64,
                out: &mut [Self],
                rstd: &mut [Self],
            ) {
                let operands = RowOperands { x, cols, affine: Affine { weight, bias: None }, eps };
                rows_forward::<Self, false>(&operands, out, &mut [], rstd);
            }

            #[track_caller]
            fn rms_norm_grad_kernel(from: &RmsNormGrad<'_, Self>, mut to: NormGrads<'_, Self>) {
                let RmsNormGrad { gy, x, cols, weight, rstd, eps } = *from;
                let from = LayerNormGrad { gy, x, cols, weight, mean: &[], rstd, eps };
                if !is_without_rows(&from, &mut to) {
                    rows_backward::<Self, false>(&from, to);
                }
            }

            #[track_caller]
            fn channel_moments_kernel(
                x: &[Self],
                dims: [usize; 3],
                mean: &mut [Self],
                variance: &mut [Self],
            ) {
                check_channels(x.len(), dims, mean.len(), variance.len());
                // Of nothing, `outer` and `inner` may be beyond counting.
                if x.is_empty() {
                    mean.fill(Self::NAN);
                    variance.fill(Self::NAN);
                    return;
                }
                batch::channel_moments(x, dims, mean, variance);
            }

            #[track_caller]
            fn batch_norm_kernel(
                (x, dims): (&[Self], [usize; 3]),
                (mean, variance): (&[Self], &[Self]),
                affine: Affine<'_, Self>,
                (eps, training): (f64, bool),
                out: &mut [Self],
            ) {
                check_channels(x.len(), dims, mean.len(), variance.len());
                check_len("out", out.len(), x.len());
                affine.check(dims[1]);
                if x.is_empty() {
                    return;
                }
                let Affine { weight, bias } = affine;
                let channels = Channels { x, dims, mean, variance, weight, eps, training };
                let (mean, variance) = (Source::new(mean), Source::new(variance));
                let normalize = Normalize {
                    x: Source::new(x),
                    statistics: Statistics { mean, variance, eps: Self::from_f64(eps) },
                    weight: weight.map(Source::new),
                    bias: bias.map(Source::new),
                    out: Shared::new(&mut *out),
                };
                // SAFETY: the lengths were checked.
                unsafe { each_piece(normalize, dims) };
                channels.forward(bias, out);
            }

            #[track_caller]
            fn batch_norm_grad_kernel(from: &BatchNormGrad<'_, Self>, to: NormGrads<'_, Self>) {
                batch_backward(from, to);
            }
        }
    };
}
norm_kernels!(f32);
norm_kernels!(f64);

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
/// the running statistics. NaN where a channel has no elements; a variance beyond the range is infinite.
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
/// training. A channel whose variance is beyond the element's range, or below it, is normalized all the
/// same, by a slower pass.
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
