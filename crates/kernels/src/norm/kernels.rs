//! The norms, compiled for each element type, and their checks.

use super::batch::{self, ChannelSums, InputGrad, Normalize, Statistics, each_channel, each_piece};
use super::careful::{Channels, channels_backward};
use super::operands::{Affine, BatchNormGrad, LayerNormGrad, NormGrads, RmsNormGrad};
use super::rows::{RowOperands, rows_backward, rows_forward};
use crate::Float;
use crate::family::family;
use crate::reduce::check_rows;
use crate::slices::{Shared, Source, check_len};

/// Writes the gradient of an input without rows, and returns whether it is one. A row may have any
/// length then, which nothing can be allocated by.
#[track_caller]
fn is_without_rows<E: Float>(from: &LayerNormGrad<'_, E>, to: &mut NormGrads<'_, E>) -> bool {
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
pub(super) fn check_channels(
    x: usize,
    [outer, channels, inner]: [usize; 3],
    mean: usize,
    variance: usize,
) {
    let elements = outer.checked_mul(channels).and_then(|n| n.checked_mul(inner));
    assert!(
        elements == Some(x) && mean == channels && variance == channels,
        "a batch norm of {outer} x {channels} x {inner} takes as many elements and has {channels} \
         means and variances, but there are {x} elements, {mean} means and {variance} variances"
    );
}

#[track_caller]
fn batch_backward<E: Float>(from: &BatchNormGrad<'_, E>, to: NormGrads<'_, E>) {
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
        // SAFETY: `check_channels` and `check_len` found the elements of `dims` and of the
        // channels.
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
        // SAFETY: `check_channels` and `check_len` found the elements of `dims` and of the
        // channels.
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

family! {
    /// The norms of an element type.
    NormKernels:
    fn layer_norm_kernel(
        x: (&[Self], usize),
        affine: Affine<'_, Self>,
        eps: f64,
        out: &mut [Self],
        mean: &mut [Self],
        rstd: &mut [Self],
    ) = layer_norm;
    fn layer_norm_grad_kernel(
        from: &LayerNormGrad<'_, Self>, to: NormGrads<'_, Self>
    ) = layer_norm_grad;
    fn rms_norm_kernel(
        x: (&[Self], usize),
        weight: Option<&[Self]>,
        eps: f64,
        out: &mut [Self],
        rstd: &mut [Self],
    ) = rms_norm;
    fn rms_norm_grad_kernel(from: &RmsNormGrad<'_, Self>, to: NormGrads<'_, Self>) = rms_norm_grad;
    fn channel_moments_kernel(
        x: &[Self], dims: [usize; 3], mean: &mut [Self], variance: &mut [Self]
    ) = channel_moments;
    fn batch_norm_kernel(
        x: (&[Self], [usize; 3]),
        statistics: (&[Self], &[Self]),
        affine: Affine<'_, Self>,
        eps: (f64, bool),
        out: &mut [Self],
    ) = batch_norm;
    fn batch_norm_grad_kernel(
        from: &BatchNormGrad<'_, Self>, to: NormGrads<'_, Self>
    ) = batch_backward;
}

#[track_caller]
fn layer_norm<E: Float>(
    (x, cols): (&[E], usize),
    affine: Affine<'_, E>,
    eps: f64,
    out: &mut [E],
    mean: &mut [E],
    rstd: &mut [E],
) {
    let operands = RowOperands { x, cols, affine, eps };
    rows_forward::<E, true>(&operands, out, mean, rstd);
}

#[track_caller]
fn layer_norm_grad<E: Float>(from: &LayerNormGrad<'_, E>, mut to: NormGrads<'_, E>) {
    if !is_without_rows(from, &mut to) {
        rows_backward::<E, true>(from, to);
    }
}

#[track_caller]
fn rms_norm<E: Float>(
    (x, cols): (&[E], usize),
    weight: Option<&[E]>,
    eps: f64,
    out: &mut [E],
    rstd: &mut [E],
) {
    let operands = RowOperands { x, cols, affine: Affine { weight, bias: None }, eps };
    rows_forward::<E, false>(&operands, out, &mut [], rstd);
}

#[track_caller]
fn rms_norm_grad<E: Float>(from: &RmsNormGrad<'_, E>, mut to: NormGrads<'_, E>) {
    let RmsNormGrad { gy, x, cols, weight, rstd, eps } = *from;
    let from = LayerNormGrad { gy, x, cols, weight, mean: &[], rstd, eps };
    if !is_without_rows(&from, &mut to) {
        rows_backward::<E, false>(&from, to);
    }
}

#[track_caller]
fn channel_moments<E: Float>(x: &[E], dims: [usize; 3], mean: &mut [E], variance: &mut [E]) {
    check_channels(x.len(), dims, mean.len(), variance.len());
    // Without elements, `outer` times `inner` may overflow.
    if x.is_empty() {
        mean.fill(E::NAN);
        variance.fill(E::NAN);
        return;
    }
    batch::channel_moments(x, dims, mean, variance);
}

#[track_caller]
fn batch_norm<E: Float>(
    (x, dims): (&[E], [usize; 3]),
    (mean, variance): (&[E], &[E]),
    affine: Affine<'_, E>,
    (eps, training): (f64, bool),
    out: &mut [E],
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
        statistics: Statistics { mean, variance, eps: E::from_f64(eps) },
        weight: weight.map(Source::new),
        bias: bias.map(Source::new),
        out: Shared::new(&mut *out),
    };
    // SAFETY: `check_channels`, `check_len` and
    // `Affine::check` found the elements of `dims` and of the channels.
    unsafe { each_piece(normalize, dims) };
    channels.forward(bias, out);
}
