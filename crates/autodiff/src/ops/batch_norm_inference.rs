//! `y = (x - mean) rstd weight + bias` with a given mean and `rstd = 1 / sqrt(variance + eps)` for
//! every channel. With sums over a channel, `h = (x - mean) rstd` and `f = weight rstd`, the
//! cotangents are `gy f`, `-f sum(gy)`, `-f rstd / 2 sum(gy h)`, `sum(gy h)` and `sum(gy)`.

use wengert_kernels::{Element, norm};

#[cfg(any(test, feature = "testing"))]
use super::batch_norm::affine;
use super::batch_norm::dims;
use super::normalization::{self, Held, Parts};
use super::{scaling, support};
use crate::error::{Error, Result};
use crate::op::{Cotangents, Forward, Op, Vjp};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchNormInference {
    eps: f64,
    parts: Parts,
}

impl<E: Element> Op<E> for BatchNormInference {
    fn name(&self) -> &'static str {
        "batch_norm_inference"
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let op = "batch_norm_inference";
        normalization::check_eps(op, self.eps)?;
        let [_, channels, _] = dims(op, inputs[0])?;
        self.parts.check(op, inputs, 3, &[channels])?;
        if inputs[1..3].iter().all(|shape| shape.dims() == [channels]) {
            return Ok(inputs[0].clone());
        }
        let expected = format!("a mean and a variance of shape [{channels}]");
        Err(Error::Shapes {
            op,
            expected,
            got: inputs.iter().map(|&shape| shape.clone()).collect(),
        })
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let dims = dims("batch_norm_inference", inputs[0].shape())?;
        let [x, mean, variance] = [0, 1, 2].map(|place| inputs[place].try_contiguous());
        let (x, mean, variance) = (x?, mean?, variance?);
        let held = Held::new(self.parts, 3, inputs)?;
        ctx.output_by(|out| {
            let given = (support::slice(&mean), support::slice(&variance));
            norm::batch_norm(support::slice(&x), dims, given, held.affine(), self.eps, out);
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let dims = dims("batch_norm_inference", &node.input(0).shape())?;
        let (weight, bias) = self.parts.places(3);
        let (x, gy) = (super::reshape(node.input(0), dims)?, super::reshape(node.gy(), dims)?);
        let channel = |place: usize| super::reshape(node.input(place), [dims[1], 1]);
        let total = |v: Var<'t, E>| v.sum_axes(&[0, 2], false);
        let rstd = normalization::reciprocal_root(channel(2)?, self.eps);
        let factor = match weight {
            Some(place) => rstd * channel(place)?,
            None => rstd,
        };
        let flat = |v: Var<'t, E>| super::reshape(v, [dims[1]]);
        let gx = super::reshape(gy.cotangent_mul(factor), node.input(0).shape())?;
        let mut result = Cotangents::new();
        result.push(Some(gx));
        let others = (1..node.len()).any(|place| node.needs(place));
        if !others {
            result.resize(node.len(), None);
            return Ok(result);
        }
        let gbias = total(gy);
        let gweight = total(gy.cotangent_mul(normal(x, channel(1)?, rstd)?));
        result.push(Some(-gbias.cotangent_mul(flat(factor)?)));
        let by_rstd = gweight.cotangent_mul(flat(rstd)?);
        result.push(Some(by_rstd.cotangent_mul(flat(factor)?) * E::from_f64(-0.5)));
        result.extend(weight.map(|_| Some(gweight)));
        result.extend(bias.map(|_| Some(gbias)));
        Ok(result)
    }
}

/// `(x - mean) rstd`. The difference of two finite numbers can overflow where the difference of
/// their halves does not.
fn normal<'t, E: Element>(x: Var<'t, E>, mean: Var<'t, E>, rstd: Var<'t, E>) -> Result<Var<'t, E>> {
    if scaling::all_within_or_zero(&mean.try_value()?, 100)? {
        return Ok((x - mean) * rstd);
    }
    let (half, two) = (E::from_f64(0.5), E::from_f64(2.0));
    Ok((x * half - mean * half) * (rstd * two))
}

/// Batch normalization by given statistics, usually those of the training:
/// `(x - mean) / sqrt(variance + eps) weight + bias` for each channel.
///
/// The output is within `8 eps (|x - mean| rstd |weight| + |bias|)` of its exact value for these
/// statistics, also where differences or products overflow. Where the variance is infinite, as
/// [`batch_norm`](super::batch_norm()) returns one that exceeds the range, finite inputs give the
/// bias.
///
/// # Shapes
/// `x` is `[batch, channels, ..]`, the others `[channels]`; the result has the shape of `x`.
///
/// # Errors
/// If the shapes do not fit; the message states the expected ones.
#[track_caller]
pub fn batch_norm_inference<'t, E: Element>(
    x: Var<'t, E>,
    mean: Var<'t, E>,
    variance: Var<'t, E>,
    weight: Option<Var<'t, E>>,
    bias: Option<Var<'t, E>>,
    eps: f64,
) -> Result<Var<'t, E>> {
    let (parts, operands) = Parts::gather(&[x, mean, variance], weight, bias);
    x.tape().apply(BatchNormInference { eps, parts }, &operands)
}

methods! {
    /// Batch normalization by given statistics.
    batch_norm_inference / try_batch_norm_inference(mean, variance [weight, bias]; eps: f64)
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("batch_norm_inference", |s| {
    let channels = s.size();
    let mut shape = vec![s.size(), channels];
    if s.coin() {
        shape.push(s.size());
    }
    let parts = Parts { weight: s.coin(), bias: s.coin() };
    let each = Shape::from([channels]);
    let mut inputs = vec![s.tensor(&shape.into(), &Domain::REAL)];
    inputs.push(s.tensor(&each, &Domain::REAL));
    inputs.push(s.tensor(&each, &Domain::POSITIVE));
    for there in [parts.weight, parts.bias] {
        if there {
            inputs.push(s.tensor(&each, &Domain::REAL));
        }
    }
    Case::new(BatchNormInference { eps: 0.1, parts }, inputs, move |x| {
        let normal = Dense::from_fn(&x[0].shape, |index| {
            let channel = index[1];
            (x[0].at(&index) - x[1].data[channel]) / (x[2].data[channel] + 0.1).sqrt()
        });
        affine(&normal, parts, &x[3..])
    })
})];
