//! `y = mean((a - b)^2)`; with `d = 2 gy (a - b) / n` the cotangents are `d` and `-d`.

use wengert_kernels::{Element, elementwise, reduce};

use super::support;
use crate::error::Result;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tensor::{Tensor, strided};
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) struct MseLoss;

/// The mean of the squares, each scaled before it is added, for sums that would overflow.
#[cold]
fn mean_of_large_squares<E: Element>(d: &[E]) -> E {
    let factor = (1.0 / d.len() as f64).sqrt();
    let squares = d.iter().map(|d| (d.to_f64() * factor).powi(2));
    E::from_f64(squares.sum())
}

impl<E: Element> Op<E> for MseLoss {
    described!("mse_loss", operands: 2);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        support::same("mse_loss", inputs).map(|_| Shape::scalar())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let shape = inputs[0].shape();
        inputs.iter().try_for_each(|x| x.compute())?;
        // The mean over copies is the mean over one of them.
        if shape.numel() > support::READ_ALL
            && let Some((once, _)) = strided::once_all(inputs, shape)
        {
            return self.forward(&[&once[0], &once[1]], ctx);
        }
        let mut difference = ctx.like(inputs[0])?;
        let d = difference.as_mut_slice();
        strided::zip(inputs[0], inputs[1], shape, d, elementwise::sub);
        let total = reduce::sum_squares(d);
        // The mean over no elements is NaN.
        let mean = total / E::from_f64(shape.numel() as f64);
        let mean = if mean.is_finite() || d.is_empty() { mean } else { mean_of_large_squares(d) };
        ctx.output_by(|out| out[0] = mean)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let (elements, repeat) = {
            let nodes = node.tape().nodes();
            let value = |i: usize| nodes[node.inputs[i] as usize].value("mse_loss");
            let (a, b) = (value(0)?, value(1)?);
            (a.len(), strided::once_all(&[a, b], a.shape()).is_some())
        };
        let factor = E::from_f64(2.0 / elements as f64);
        // The difference of views that repeat along an axis is such a view, as is the cotangent.
        if node.creates_graph() || repeat {
            let d = (node.gy() * factor).cotangent_mul(node.input(0) - node.input(1));
            return cotangents([Some(d), node.needs(1).then(|| -d)]);
        }
        let scale = node.gy().item() * factor;
        let by = |i: usize, other: usize| {
            node.constant_like(i, |values, out| {
                let (a, b) = (values.input(i), values.input(other));
                strided::zip(a, b, a.shape(), out, elementwise::sub);
                // A cotangent of zero stays zero, even if the difference is infinite or NaN.
                if scale == E::ZERO {
                    out.fill(scale);
                } else {
                    elementwise::scale_in_place(scale, out);
                }
                Ok(())
            })
        };
        cotangents([
            node.needs(0).then(|| by(0, 1)).transpose()?,
            node.needs(1).then(|| by(1, 0)).transpose()?,
        ])
    }
}

entry! {
    /// The mean of the squared differences, a single number; NaN if there are no elements. The
    /// shapes must be equal: broadcasting would hide a mistake in the target's shape.
    mse_loss / try_mse_loss(prediction, target) = MseLoss
}

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("mse_loss", |s| {
    let shape = s.shape();
    let inputs = vec![s.tensor(&shape, &Domain::REAL), s.tensor(&shape, &Domain::REAL)];
    Case::new(MseLoss, inputs, |x| {
        let squares = Dense::zip(&x[0], &x[1], |a, b| (a - b) * (a - b)).data;
        let mean = squares.iter().sum::<f64>() / squares.len() as f64;
        Dense { shape: vec![], data: vec![mean] }
    })
})];
