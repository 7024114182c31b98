//! `y_i = -x_i,label` for each row, zero for ignored labels: the negative log-likelihood. The
//! cotangent is `-gy` at the labels and zero elsewhere: [`nll_loss_grad`](super::nll_loss_grad).

use std::sync::Arc;

use wengert_kernels::Element;

use super::nll_loss_grad::NllLossGrad;
use super::reduction::Reduction;
use super::support;
use crate::error::{Error, Result};
use crate::labels::IntoLabels;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row, Sampler};

/// The label of each row; `None` for an ignored row.
pub(super) type Labels = Arc<[Option<usize>]>;

#[derive(Clone, Debug)]
pub(crate) struct NllLoss {
    pub(super) labels: Labels,
}

/// The labels with `None` for the one to ignore, checked against the logits' shape.
pub(super) fn select(
    op: &'static str,
    x: &Shape,
    labels: &[usize],
    ignore_index: Option<usize>,
) -> Result<Labels> {
    let &[rows, classes] = x.dims() else {
        let expected = "x [rows, classes]".to_owned();
        return Err(Error::Shapes { op, expected, got: vec![x.clone()] });
    };
    if labels.len() != rows {
        let message = format!("{rows} rows need as many labels, got {}", labels.len());
        return Err(Error::Argument { op, message });
    }
    let labels = labels.iter().enumerate().map(|(row, &label)| {
        if Some(label) == ignore_index {
            return Ok(None);
        }
        if label >= classes {
            return Err(Error::Label { op, row, label, classes });
        }
        Ok(Some(label))
    });
    labels.collect()
}

/// Combines the losses of the rows; a mean is taken over those that are not ignored.
pub(super) fn reduce<'t, E: Element>(
    losses: Var<'t, E>,
    labels: &Labels,
    reduction: Reduction,
) -> Result<Var<'t, E>> {
    let counted = labels.iter().flatten().count();
    if reduction != Reduction::Mean || counted == labels.len() {
        return reduction.apply(losses);
    }
    if counted == 0 {
        // NaN with a derivative of zero; dividing by zero rows would make the derivative NaN.
        return super::add_scalar(super::sum(losses)?, E::NAN);
    }
    super::mean::sum_over(losses, counted)
}

impl<E: Element> Op<E> for NllLoss {
    described!("nll_loss", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        match *inputs[0].dims() {
            [rows, _] if rows == self.labels.len() => Ok([rows].into()),
            _ => {
                let expected = format!("[{}, classes]", self.labels.len());
                Err(Error::Shapes { op: "nll_loss", expected, got: vec![inputs[0].clone()] })
            }
        }
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let x = inputs[0].try_contiguous()?;
        let classes = inputs[0].shape()[1];
        ctx.output_by(|out| {
            let rows = support::slice(&x).chunks_exact(classes.max(1));
            for ((out, &label), row) in out.iter_mut().zip(&*self.labels).zip(rows) {
                *out = label.map_or(E::ZERO, |label| -row[label]);
            }
        })
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let classes = node.input(0).shape()[1];
        let op = NllLossGrad { labels: Arc::clone(&self.labels), classes };
        cotangents([Some(node.tape().apply(op, &[node.gy()])?)])
    }
}

/// The negative log-likelihood of each row's label: `-x[i, label_i]` of log-probabilities `x`, as
/// [`log_softmax`](super::log_softmax()) returns them; [`cross_entropy`](super::cross_entropy())
/// combines both. Rows whose label is `ignore_index` have no loss and no gradient, and do not count
/// in the mean, which is NaN if all rows are ignored.
///
/// # Shapes
/// `x` is `[rows, classes]`, `labels` holds a class `0..classes` for each row; the losses are
/// `[rows]`.
///
/// # Errors
/// If the shapes do not fit, or a label is not below the number of classes.
#[allow(clippy::needless_pass_by_value, reason = "labels come in any form, as everywhere")]
#[track_caller]
pub fn nll_loss<E: Element>(
    x: Var<'_, E>,
    labels: impl IntoLabels,
    ignore_index: Option<usize>,
    reduction: Reduction,
) -> Result<Var<'_, E>> {
    let labels = select("nll_loss", &x.shape(), labels.as_ref(), ignore_index)?;
    let losses = x.tape().apply(NllLoss { labels: Arc::clone(&labels) }, &[x])?;
    reduce(losses, &labels, reduction)
}

methods! {
    /// The negative log-likelihood of each row's label.
    nll_loss / try_nll_loss(; labels: impl IntoLabels, ignore_index: Option<usize>, reduction: Reduction)
}

/// Labels of rows, some of which are ignored.
#[cfg(any(test, feature = "testing"))]
pub(super) fn draw(s: &mut Sampler, rows: usize, classes: usize) -> Labels {
    (0..rows).map(|_| (s.below(4) > 0).then(|| s.below(classes))).collect()
}

instances!(nll_loss<E>: Tape::<E>::apply::<NllLoss>);

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("nll_loss", |s| {
    let (rows, classes) = (s.size(), s.size().max(1));
    let labels = draw(s, rows, classes);
    let inputs = vec![s.tensor(&Shape::from([rows, classes]), &Domain::REAL)];
    Case::new(NllLoss { labels: Arc::clone(&labels) }, inputs, move |x| {
        Dense::from_fn(&[rows], |i| labels[i[0]].map_or(0.0, |label| -x[0].at(&[i[0], label])))
    })
})];
