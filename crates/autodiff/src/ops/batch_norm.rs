//! `y = (x - mean) rstd weight + bias` with the mean and `rstd = 1 / sqrt(variance + eps)` of each
//! channel over the batch. With `n` elements per channel and `h = (x - mean) rstd` the cotangents
//! are `weight rstd (gy - sum(gy) / n - h sum(gy h) / n)`, `sum(gy h)` and `sum(gy)`. One kernel
//! computes them, unless they are recorded in order to be differentiated.

use wengert_kernels::Element;
use wengert_kernels::norm::{self, BatchNormGrad, NormGrads};

use super::normalization::{self, Buffers, Held, Parts, RowScale};
use super::{scaling, support};
use crate::error::{Error, Result, expect};
use crate::op::{Cotangents, Forward, Op, Vjp};
use crate::shape::Shape;
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct BatchNorm<E: Element> {
    eps: f64,
    parts: Parts,
    /// Mean and variance of each channel, if they have already been computed from the operand.
    statistics: Option<(Tensor<E>, Tensor<E>)>,
}

/// `[batch, channels, elements of an image]`.
pub(super) fn dims(op: &'static str, x: &Shape) -> Result<[usize; 3]> {
    if let [batch, channels, image @ ..] = x.dims() {
        Ok([*batch, *channels, image.iter().product()])
    } else {
        let expected = "x [batch, channels, ..]".to_owned();
        Err(Error::Shapes { op, expected, got: vec![x.clone()] })
    }
}

/// The mean and the variance of each channel.
fn statistics<E: Element>(x: &Tensor<E>, dims: [usize; 3]) -> Result<(Tensor<E>, Tensor<E>)> {
    let x = x.try_contiguous()?;
    let make = || Tensor::stale([dims[1]].into(), x.pool());
    let (mut mean, mut variance) = (make()?, make()?);
    let (into_mean, into_variance) = (mean.as_mut_slice(), variance.as_mut_slice());
    norm::batch_norm_statistics(support::slice(&x), dims, into_mean, into_variance);
    Ok((mean, variance))
}

impl<E: Element> BatchNorm<E> {
    fn dims(&self, x: &Shape) -> Result<[usize; 3]> {
        normalization::check_eps("batch_norm", self.eps)?;
        let dims = dims("batch_norm", x)?;
        if dims[1] > 0 && dims[0] * dims[2] < 2 {
            let message = format!(
                "batch statistics need at least two values per channel, x {x} has {}; give more \
                 examples, or use given statistics (batch_norm_inference; a layer does so after \
                 `eval()`)",
                dims[0] * dims[2]
            );
            return Err(Error::Argument { op: "batch_norm", message });
        }
        Ok(dims)
    }
}

impl<E: Element> Op<E> for BatchNorm<E> {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [_, channels, _] = self.dims(inputs[0])?;
        self.parts.check("batch_norm", inputs, 1, &[channels])?;
        Ok(inputs[0].clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let dims = self.dims(inputs[0].shape())?;
        let x = inputs[0].try_contiguous()?;
        let (mean, variance) = match &self.statistics {
            Some(statistics) => statistics.clone(),
            None => statistics(&x, dims)?,
        };
        let held = Held::new(self.parts, 1, inputs)?;
        let out = ctx.output_by(|out| {
            let given = (support::slice(&mean), support::slice(&variance));
            norm::batch_norm_training(
                support::slice(&x),
                dims,
                given,
                held.affine(),
                self.eps,
                out,
            );
        })?;
        ctx.save(mean);
        ctx.save(variance);
        Ok(out)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let x = node.input(0).value();
        let dims = self.dims(x.shape())?;
        if node.creates_graph() {
            return self.recorded(node, dims);
        }
        let mut buffers = Buffers::new(node, self.parts)?;
        let (gy, x) = (node.gy().value().try_contiguous()?, x.try_contiguous()?);
        let weight = self.parts.places(1).0;
        let weight = weight.map(|place| node.input(place).value().try_contiguous()).transpose()?;
        let from = BatchNormGrad {
            gy: support::slice(&gy),
            x: support::slice(&x),
            dims,
            weight: weight.as_ref().map(support::slice),
            mean: support::slice(node.saved(0)),
            variance: support::slice(node.saved(1)),
            eps: self.eps,
            training: true,
        };
        norm::batch_norm_grad(&from, buffers.grads());
        self.zero_unused(&from, buffers.grads());
        Ok(buffers.cotangents(node, self.parts))
    }
}

impl<E: Element> BatchNorm<E> {
    /// Sets the gradients of constant channels to zero where all their cotangents are. With `eps`
    /// 0, the normalized elements of such a channel are NaN.
    fn zero_unused(&self, from: &BatchNormGrad<'_, E>, to: NormGrads<'_, E>) {
        let [outer, channels, inner] = from.dims;
        let NormGrads { x, mut weight, mut bias } = to;
        for channel in 0..channels {
            if from.variance[channel] + E::from_f64(self.eps) != E::ZERO {
                continue;
            }
            let runs = (0..outer).map(|i| {
                let at = (i * channels + channel) * inner;
                at..at + inner
            });
            if runs.clone().any(|run| from.gy[run].iter().any(|&gy| gy != E::ZERO)) {
                continue;
            }
            runs.for_each(|run| x[run].fill(E::ZERO));
            for gradient in [&mut weight, &mut bias].into_iter().flatten() {
                gradient[channel] = E::ZERO;
            }
        }
    }

    fn recorded<'t>(&self, node: &Vjp<'_, 't, E>, dims: [usize; 3]) -> Result<Cotangents<'t, E>> {
        let (weight, bias) = self.parts.places(1);
        let planes = |v: Var<'t, E>| super::reshape(v, dims);
        let (x, gy) = (planes(node.input(0))?, planes(node.gy())?);
        let mean = |v: Var<'t, E>| v.mean_axes(&[0, 2], true);
        let deviations = |x: Var<'t, E>| normalization::deviations(x, mean);
        // Channels whose squares overflow or underflow are first scaled by powers of two.
        let scale = if scaling::all_within(node.saved(1), 20)? {
            None
        } else {
            Some(RowScale::new(x, &[true, false, true], self.eps, deviations)?)
        };
        let d = scale.as_ref().map_or_else(|| deviations(x), |scale| scale.deviations);
        let rstd = match &scale {
            Some(scale) => scale.reciprocal_root(mean(d * d)),
            None => normalization::reciprocal_root(mean(d * d), self.eps),
        };
        let normal = d * rstd;
        let factor = match weight {
            Some(place) => rstd * super::reshape(node.input(place), [dims[1], 1])?,
            None => rstd,
        };
        // A channel of zero cotangents has zero gradients, also where `rstd` is infinite.
        let slope = mean(gy.cotangent_mul(normal)).cotangent_mul(normal);
        let gx = (gy - mean(gy) - slope).cotangent_mul(factor);
        let gx = scale.map_or(gx, |scale| scale.of_operand(gx));
        let mut result = Cotangents::new();
        result.push(Some(super::reshape(gx, node.input(0).shape())?));
        for (place, terms) in [(weight, gy.cotangent_mul(normal)), (bias, gy)] {
            if place.is_some() {
                result.push(Some(terms.sum_axes(&[0, 2], false)));
            }
        }
        Ok(result)
    }
}

/// The result of [`batch_norm`].
#[derive(Clone, Debug)]
pub struct BatchNormalized<'t, E: Element = f32> {
    /// The normalized input.
    pub output: Var<'t, E>,
    /// The mean of each channel, `[channels]`.
    pub mean: Tensor<E>,
    /// The population variance of each channel, `[channels]`; infinite where it exceeds the element
    /// type's range.
    pub variance: Tensor<E>,
}

/// Batch normalization in training: each channel is normalized to mean 0 and variance 1 over the
/// batch, then scaled by `weight` and shifted by `bias`:
/// `(x - mean) / sqrt(variance + eps) weight + bias`.
///
/// The statistics are returned for running averages, which [`batch_norm_inference`] uses later. A
/// NaN or an infinity makes its channel NaN. A variance beyond the element type's range is returned
/// as infinity, the nearest value; the channel is normalized by the true variance.
///
/// # Accuracy
/// With `n` values per channel, `h = (x - mean) rstd` is within
/// `(600 + n / 512) eps (1 + |h| + |mean| rstd)` of its exact value, and the gradients are within
/// `(600 + n / 512) eps (1 + |mean| rstd)` of theirs, relative to the sums of the magnitudes of
/// their terms; `eps` is that of the element type. Both hold where squares, sums or the variance
/// overflow or underflow too; such channels take a slower pass.
///
/// Source: S. Ioffe, C. Szegedy, "Batch normalization: accelerating deep network training by
/// reducing internal covariate shift", ICML 2015.
///
/// ```
/// use wengert_autodiff::{Tape, Tensor, ops};
/// let tape = Tape::new();
/// let x = tape.constant(&Tensor::from_slice(&[1.0, 10.0, 5.0, 10.0], [2, 2])?);
/// let normalized = ops::batch_norm(x, None, None, 1e-5)?;
/// assert_eq!(normalized.mean.to_vec(), [3.0, 10.0]);
/// assert_eq!(normalized.variance.to_vec(), [4.0, 0.0]);
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
///
/// [`batch_norm_inference`]: super::batch_norm_inference()
///
/// # Shapes
/// `x` is `[batch, channels, ..]`, `weight` and `bias` `[channels]`; the output has the shape of
/// `x`.
///
/// # Errors
/// If the shapes do not fit, or there are fewer than two values per channel.
#[track_caller]
pub fn batch_norm<'t, E: Element>(
    x: Var<'t, E>,
    weight: Option<Var<'t, E>>,
    bias: Option<Var<'t, E>>,
    eps: f64,
) -> Result<BatchNormalized<'t, E>> {
    let value = x.try_value()?;
    let (mean, variance) = statistics(&value, dims("batch_norm", value.shape())?)?;
    let (parts, operands) = Parts::gather(&[x], weight, bias);
    let op = BatchNorm { eps, parts, statistics: Some((mean.clone(), variance.clone())) };
    Ok(BatchNormalized { output: x.tape().apply(op, &operands)?, mean, variance })
}

impl<'t, E: Element> Var<'t, E> {
    /// Batch normalization in training. See [`ops::batch_norm`](crate::ops::batch_norm()).
    ///
    /// # Panics
    /// If the shapes do not fit, or there are fewer than two values per channel.
    #[track_caller]
    pub fn batch_norm(
        self,
        weight: Option<Var<'t, E>>,
        bias: Option<Var<'t, E>>,
        eps: f64,
    ) -> BatchNormalized<'t, E> {
        expect(batch_norm(self, weight, bias, eps))
    }
}

impl<E: Element> Tensor<E> {
    /// Batch normalization in training: the output, and the mean and the variance of each channel.
    /// See [`ops::batch_norm`](crate::ops::batch_norm()).
    ///
    /// # Panics
    /// If the shapes do not fit, or there are fewer than two values per channel.
    #[track_caller]
    pub fn batch_norm(
        &self,
        weight: Option<&Self>,
        bias: Option<&Self>,
        eps: f64,
    ) -> (Self, Self, Self) {
        expect(self.try_batch_norm(weight, bias, eps))
    }

    /// Fallible version of [`batch_norm`](Self::batch_norm).
    ///
    /// # Errors
    /// If the shapes do not fit, there are fewer than two values per channel, or there is no memory
    /// for the result.
    pub fn try_batch_norm(
        &self,
        weight: Option<&Self>,
        bias: Option<&Self>,
        eps: f64,
    ) -> Result<(Self, Self, Self)> {
        let tape = Tape::with_pool_of(self.pool());
        let [weight, bias] = [weight, bias].map(|part| part.map(|part| tape.constant(part)));
        let normalized = batch_norm(tape.constant(self), weight, bias, eps)?;
        Ok((normalized.output.try_value()?, normalized.mean, normalized.variance))
    }
}

instances!(batch_norm<E>: batch_norm::<E>, Tensor::<E>::try_batch_norm);

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("batch_norm", |s| {
    let channels = s.size();
    let shape: Shape = if s.coin() {
        [2 + s.below(3), channels].into()
    } else {
        [1 + s.below(2), channels, 2 + s.below(2)].into()
    };
    let parts = Parts { weight: s.coin(), bias: s.coin() };
    let mut inputs = vec![s.tensor(&shape, &Domain::REAL)];
    for there in [parts.weight, parts.bias] {
        if there {
            inputs.push(s.tensor(&[channels].into(), &Domain::REAL));
        }
    }
    let eps = 0.1;
    let single = BatchNorm { eps, parts, statistics: None };
    let double = BatchNorm { eps, parts, statistics: None };
    Case::pair(single, double, inputs, move |x| {
        let axes: Vec<isize> = (0..x[0].shape.len() as isize).filter(|&i| i != 1).collect();
        let mean = |v: &Dense| v.reduce(&axes, true, |v| v.iter().sum::<f64>() / v.len() as f64);
        let d = Dense::zip(&x[0], &mean(&x[0]), |x, mean| x - mean);
        let variance = mean(&d.map(|d| d * d));
        let y = Dense::zip(&d, &variance, |d, variance| d / (variance + eps).sqrt());
        affine(&y, parts, &x[1..])
    })
})];

/// Applies the weight and the bias of each channel.
#[cfg(any(test, feature = "testing"))]
pub(super) fn affine(normal: &Dense, parts: Parts, parameters: &[Dense]) -> Dense {
    let (weight, bias) = parts.places(0);
    let part = |place: Option<usize>, channel: usize, none: f64| {
        place.map_or(none, |place| parameters[place].data[channel])
    };
    Dense::from_fn(&normal.shape, |index| {
        normal.at(&index) * part(weight, index[1], 1.0) + part(bias, index[1], 0.0)
    })
}
