//! `y = (x - mean) rstd weight + bias` over rows, with `rstd = 1 / sqrt(variance + eps)`. With
//! `g = gy weight` and `n = (x - mean) rstd` the cotangents are `rstd (g - mean(g) - n mean(g n))`,
//! `sum gy n` and `sum gy`. One kernel computes them from the saved statistics, unless they are
//! recorded in order to be differentiated.

use wengert_kernels::Element;
use wengert_kernels::norm::{self, LayerNormGrad};

use super::normalization::{self, Buffers, Held, NormOptions, Parts};
use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp};
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct LayerNorm {
    options: NormOptions,
    parts: Parts,
}

impl<E: Element> Op<E> for LayerNorm {
    fn name(&self) -> &'static str {
        "layer_norm"
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let x = inputs[0];
        normalization::rows("layer_norm", x, self.options)?;
        self.parts.check("layer_norm", inputs, 1, &x[x.rank() - self.options.axes..])?;
        Ok(x.clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let (rows, cols) = normalization::rows("layer_norm", inputs[0].shape(), self.options)?;
        let (mut mean, mut rstd) = (ctx.scratch([rows])?, ctx.scratch([rows])?);
        let x = inputs[0].try_contiguous()?;
        let held = Held::new(self.parts, 1, inputs)?;
        let out = ctx.output_by(|out| {
            let (mean, rstd) = (mean.as_mut_slice(), rstd.as_mut_slice());
            if !out.is_empty() {
                let x = support::slice(&x);
                norm::layer_norm(x, cols, held.affine(), self.options.eps, out, mean, rstd);
            }
        })?;
        ctx.save(mean);
        ctx.save(rstd);
        Ok(out)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let x = node.input(0).value();
        let (rows, cols) = normalization::rows("layer_norm", x.shape(), self.options)?;
        if node.creates_graph() || x.is_empty() {
            let sizes = (rows, cols);
            let saved = node.saved(1);
            return normalization::recorded(
                node,
                self.parts,
                sizes,
                (self.options.eps, saved),
                true,
            );
        }
        let mut buffers = Buffers::new(node, self.parts)?;
        let (gy, x) = (node.gy().value().try_contiguous()?, x.try_contiguous()?);
        let weight = self.parts.places(1).0;
        let weight = weight.map(|place| node.input(place).value().try_contiguous()).transpose()?;
        let rstd = normalization::used_rstd(node.saved(1), support::slice(&gy), cols)?;
        let from = LayerNormGrad {
            gy: support::slice(&gy),
            x: support::slice(&x),
            cols,
            weight: weight.as_ref().map(support::slice),
            mean: support::slice(node.saved(0)),
            rstd: support::slice(&rstd),
            eps: self.options.eps,
        };
        norm::layer_norm_grad(&from, buffers.grads());
        Ok(buffers.cotangents(node, self.parts))
    }
}

/// Layer normalization: each row, of the last axes together, is normalized to mean 0 and variance
/// 1, then scaled by `weight` and shifted by `bias`:
/// `(x - mean) / sqrt(variance + eps) weight + bias`.
///
/// The variance is that of the population. A NaN or an infinity makes its row NaN.
///
/// # Accuracy
/// With `n` elements per row, `h = (x - mean) rstd` is within
/// `(600 + n / 512) eps (1 + |h| + |mean| rstd)` of its exact value, and the gradients are within
/// `(600 + n / 512) eps (1 + |mean| rstd)` of theirs, relative to the sums of the magnitudes of
/// their terms; `eps` is that of the element type. Both hold where squares, sums or the variance
/// overflow or underflow too; such rows take a slower pass.
///
/// Source: J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization", arXiv:1607.06450, 2016.
///
/// ```
/// use wengert_autodiff::{Tensor, ops::NormOptions};
/// let x = Tensor::from_slice(&[1.0_f64, 5.0], [1, 2])?;
/// let y = x.layer_norm(None, None, NormOptions::new().eps(0.0));
/// assert_eq!(y.to_vec(), [-1.0, 1.0]);
/// # Ok::<(), wengert_autodiff::Error>(())
/// ```
///
/// # Shapes
/// `weight` and `bias` have the sizes of `x` along the normalized axes; the result has the shape of
/// `x`.
///
/// # Errors
/// If the shapes or options do not fit; the message states the expected ones.
#[track_caller]
pub fn layer_norm<'t, E: Element>(
    x: Var<'t, E>,
    weight: Option<Var<'t, E>>,
    bias: Option<Var<'t, E>>,
    options: NormOptions,
) -> Result<Var<'t, E>> {
    let (parts, operands) = Parts::gather(&[x], weight, bias);
    x.tape().apply(LayerNorm { options, parts }, &operands)
}

methods! {
    /// Layer normalization.
    layer_norm / try_layer_norm([weight, bias]; options: NormOptions)
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("layer_norm", |s| {
    let shape = s.shape_with_axis();
    let axes = 1 + s.below(shape.rank());
    let (parts, options) =
        (Parts { weight: s.coin(), bias: s.coin() }, NormOptions::new().axes(axes).eps(0.1));
    let trailing: Shape = shape[shape.rank() - axes..].into();
    let mut inputs = vec![s.tensor(&shape, &Domain::REAL)];
    for there in [parts.weight, parts.bias] {
        if there {
            inputs.push(s.tensor(&trailing, &Domain::REAL));
        }
    }
    let cols = trailing.numel();
    Case::new(LayerNorm { options, parts }, inputs, move |x| {
        let (weight, bias) = parts.places(1);
        let part = |place: Option<usize>, i: usize, none: f64| {
            place.map_or(none, |place| x[place].data[i % cols])
        };
        let data = x[0].data.chunks(cols.max(1)).flat_map(|row| {
            let mean = row.iter().sum::<f64>() / row.len() as f64;
            let squares = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
            let deviation = (squares / row.len() as f64 + 0.1).sqrt();
            row.iter().map(move |x| (x - mean) / deviation)
        });
        let data =
            data.enumerate().map(|(i, normal)| normal * part(weight, i, 1.0) + part(bias, i, 0.0));
        Dense { shape: x[0].shape.clone(), data: data.collect() }
    })
})];
