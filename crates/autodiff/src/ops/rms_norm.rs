//! `y = x rrms weight` over rows, with `rrms = 1 / sqrt(mean(x^2) + eps)`. With `g = gy weight` and
//! `n = x rrms` the cotangents are `rrms (g - n mean(g n))` and `sum gy n`. One kernel computes
//! them from the saved statistics, unless they are recorded in order to be differentiated.

use wengert_kernels::Element;
use wengert_kernels::norm::{self, RmsNormGrad};

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
pub(crate) struct RmsNorm {
    options: NormOptions,
    parts: Parts,
}

impl<E: Element> Op<E> for RmsNorm {
    fn name(&self) -> &'static str {
        "rms_norm"
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let x = inputs[0];
        normalization::rows("rms_norm", x, self.options)?;
        self.parts.check("rms_norm", inputs, 1, &x[x.rank() - self.options.axes..])?;
        Ok(x.clone())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let (rows, cols) = normalization::rows("rms_norm", inputs[0].shape(), self.options)?;
        let mut rstd = ctx.scratch([rows])?;
        let x = inputs[0].try_contiguous()?;
        let held = Held::new(self.parts, 1, inputs)?;
        let out = ctx.output_by(|out| {
            if !out.is_empty() {
                let (x, weight) = (support::slice(&x), held.affine().weight);
                norm::rms_norm(x, cols, weight, self.options.eps, out, rstd.as_mut_slice());
            }
        })?;
        ctx.save(rstd);
        Ok(out)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let x = node.input(0).value();
        let (rows, cols) = normalization::rows("rms_norm", x.shape(), self.options)?;
        if node.creates_graph() || x.is_empty() {
            let sizes = (rows, cols);
            let saved = node.saved(0);
            return normalization::recorded(
                node,
                self.parts,
                sizes,
                (self.options.eps, saved),
                false,
            );
        }
        let mut buffers = Buffers::new(node, self.parts)?;
        let (gy, x) = (node.gy().value().try_contiguous()?, x.try_contiguous()?);
        let weight = self.parts.places(1).0;
        let weight = weight.map(|place| node.input(place).value().try_contiguous()).transpose()?;
        let rstd = normalization::used_rstd(node.saved(0), support::slice(&gy), cols)?;
        let from = RmsNormGrad {
            gy: support::slice(&gy),
            x: support::slice(&x),
            cols,
            weight: weight.as_ref().map(support::slice),
            rstd: support::slice(&rstd),
            eps: self.options.eps,
        };
        norm::rms_norm_grad(&from, buffers.grads());
        Ok(buffers.cotangents(node, self.parts))
    }
}

/// Root mean square normalization: each row, of the last axes together, is divided by its root mean
/// square: `x / sqrt(mean(x^2) + eps) weight`. A NaN makes its row NaN; an infinity makes the
/// finite elements of its row zero.
///
/// # Accuracy
/// With `n` elements per row the output is within `(600 + n / 512) eps` of its exact value, and the
/// gradients are within as much of the sums of the magnitudes of their terms. Both hold where
/// squares or their mean overflow or underflow too; such rows take a slower pass.
///
/// Source: B. Zhang, R. Sennrich, "Root mean square layer normalization", arXiv:1910.07467, 2019.
///
/// # Shapes
/// `weight` has the sizes of `x` along the normalized axes; the result has the shape of `x`.
///
/// # Errors
/// If the shapes or options do not fit; the message states the expected ones.
#[track_caller]
pub fn rms_norm<'t, E: Element>(
    x: Var<'t, E>,
    weight: Option<Var<'t, E>>,
    options: NormOptions,
) -> Result<Var<'t, E>> {
    let (parts, operands) = Parts::gather(&[x], weight, None);
    x.tape().apply(RmsNorm { options, parts }, &operands)
}

methods! {
    /// Root mean square normalization.
    rms_norm / try_rms_norm([weight]; options: NormOptions)
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("rms_norm", |s| {
    let shape = s.shape_with_axis();
    let axes = 1 + s.below(shape.rank());
    let parts = Parts { weight: s.coin(), bias: false };
    let options = NormOptions::new().axes(axes).eps(0.1);
    let trailing: Shape = shape[shape.rank() - axes..].into();
    let mut inputs = vec![s.tensor(&shape, &Domain::REAL)];
    if parts.weight {
        inputs.push(s.tensor(&trailing, &Domain::REAL));
    }
    let cols = trailing.numel();
    Case::new(RmsNorm { options, parts }, inputs, move |x| {
        let data = x[0].data.chunks(cols.max(1)).flat_map(|row| {
            let square = row.iter().map(|x| x * x).sum::<f64>() / row.len() as f64;
            row.iter().enumerate().map(move |(i, value)| {
                let weight = x.get(1).map_or(1.0, |weight| weight.data[i]);
                value / (square + 0.1).sqrt() * weight
            })
        });
        Dense { shape: x[0].shape.clone(), data: data.collect() }
    })
})];
