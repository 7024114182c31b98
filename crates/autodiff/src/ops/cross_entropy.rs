//! `y = mean over rows of ln(sum_j e^(x_j)) - x_label`: the softmax cross-entropy with integer
//! labels, in one pass over the logits. The cotangent is `gy / rows (softmax(x) - onehot)`, by the
//! fused kernel of [`cross_entropy_grad`](super::cross_entropy_grad) from the saved normalizers.

use std::sync::Arc;

use wengert_kernels::{Element, softmax};

use super::cross_entropy_grad::CrossEntropyGrad;
use super::mean;
use super::support;
use crate::error::{Error, Result, expect};
use crate::eval::eval_op;
use crate::labels::IntoLabels;
use crate::op::{Cotangents, Forward, Op, Vjp, cotangents};
use crate::shape::Shape;
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;
#[cfg(any(test, feature = "testing"))]
use crate::testing::{Case, Dense, Domain, Row};

#[derive(Clone, Debug)]
pub(crate) struct CrossEntropy {
    labels: Arc<[usize]>,
}

/// The numbers of rows and of classes; an error if the labels do not fit the logits.
pub(super) fn check(op: &'static str, logits: &Shape, labels: &[usize]) -> Result<(usize, usize)> {
    let &[rows, classes] = logits.dims() else {
        let expected = "logits of shape [rows, classes]".to_owned();
        return Err(Error::Shapes { op, expected, got: vec![logits.clone()] });
    };
    if labels.len() != rows {
        let message = format!("{rows} rows of logits need as many labels, got {}", labels.len());
        return Err(Error::Argument { op, message });
    }
    match labels.iter().enumerate().find(|(_, label)| **label >= classes) {
        Some((row, &label)) => Err(Error::Label { op, row, label, classes }),
        None => Ok((rows, classes)),
    }
}

/// The rows of a contiguous tensor of shape `[rows, 2]`.
pub(super) fn pairs<E: Element>(x: &Tensor<E>) -> &[[E; 2]] {
    support::slice(x).as_chunks().0
}

/// The rows of a contiguous tensor of shape `[rows, 2]`, mutable.
pub(super) fn pairs_mut<E: Element>(x: &mut Tensor<E>) -> &mut [[E; 2]] {
    x.as_mut_slice().as_chunks_mut().0
}

impl<E: Element> Op<E> for CrossEntropy {
    described!("cross_entropy", operands: 1);

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        check("cross_entropy", inputs[0], &self.labels).map(|_| Shape::scalar())
    }

    fn forward(&self, inputs: &[&Tensor<E>], ctx: &mut Forward<'_, E>) -> Result<Tensor<E>> {
        let &[rows, classes] = inputs[0].shape().dims() else {
            unreachable!("the shape was checked")
        };
        let logits = inputs[0].try_contiguous()?;
        let mut losses = ctx.scratch([rows])?;
        let mut normalizers = ctx.scratch([rows, 2])?;
        softmax::cross_entropy_rows(
            logits.as_slice().expect("made contiguous"),
            classes,
            &self.labels,
            losses.as_mut_slice(),
            pairs_mut(&mut normalizers),
        );
        let mut out = ctx.output()?;
        out.as_mut_slice()[0] = mean::of(losses.as_mut_slice());
        ctx.save(normalizers);
        Ok(out)
    }

    fn vjp<'t>(&self, node: &Vjp<'_, 't, E>) -> Result<Cotangents<'t, E>> {
        let op = CrossEntropyGrad {
            labels: Arc::clone(&self.labels),
            normalizers: Some(node.saved(0).clone()),
        };
        cotangents([Some(node.tape().apply(op, &[node.gy(), node.input(0)])?)])
    }
}

/// The mean over the rows of the softmax cross-entropy, `-ln softmax(logits)[label]`.
///
/// The largest logit is subtracted first, so that the loss and its derivatives depend only on the
/// differences of the logits: the error of a row's loss `l` is at most `4 (1 + l)` times the
/// relative precision of the element type, that of a row's derivatives 60 times the precision. A
/// single logit of `inf` has probability 1; several of them, or only logits of `-inf`, give NaN.
///
/// # Shapes
/// `logits` is `[rows, classes]`, `labels` holds a class `0..classes` for each row; the result is a
/// single number, NaN for no rows.
///
/// # Errors
/// If the shapes do not fit, or a label is not below the number of classes.
#[track_caller]
pub fn cross_entropy<E: Element>(
    logits: Var<'_, E>,
    labels: impl IntoLabels,
) -> Result<Var<'_, E>> {
    logits.tape().apply(CrossEntropy { labels: labels.into_labels() }, &[logits])
}

impl<E: Element> Var<'_, E> {
    /// The softmax cross-entropy. See [`ops::cross_entropy`](crate::ops::cross_entropy).
    ///
    /// # Panics
    /// If the shapes do not fit, or a label is not below the number of classes.
    #[track_caller]
    pub fn cross_entropy(self, labels: impl IntoLabels) -> Self {
        expect(cross_entropy(self, labels))
    }
}

impl<E: Element> Tensor<E> {
    /// The softmax cross-entropy. See [`ops::cross_entropy`](crate::ops::cross_entropy).
    ///
    /// # Panics
    /// If the shapes do not fit, or a label is not below the number of classes.
    #[track_caller]
    pub fn cross_entropy(&self, labels: impl IntoLabels) -> Self {
        expect(self.try_cross_entropy(labels))
    }

    /// Fallible version of [`cross_entropy`](Self::cross_entropy).
    ///
    /// # Errors
    /// If the shapes do not fit, a label is not below the number of classes, or there is no memory
    /// for the result.
    pub fn try_cross_entropy(&self, labels: impl IntoLabels) -> Result<Self> {
        eval_op(&CrossEntropy { labels: labels.into_labels() }, &[self])
    }
}

instances!(cross_entropy<E>: Tape::<E>::apply::<CrossEntropy>, eval_op::<E, CrossEntropy>);

#[cfg(any(test, feature = "testing"))]
pub(crate) const ROWS: &[Row] = &[Row::new("cross_entropy", |s| {
    let (rows, classes) = (s.size().max(1), s.size().max(1));
    let labels: Arc<[usize]> = (0..rows).map(|_| s.below(classes)).collect();
    let inputs = vec![s.tensor(&Shape::from([rows, classes]), &Domain::REAL)];
    Case::new(CrossEntropy { labels: Arc::clone(&labels) }, inputs, move |x| {
        let loss =
            |row: &[f64], label: usize| row.iter().map(|x| x.exp()).sum::<f64>().ln() - row[label];
        let total: f64 =
            x[0].data.chunks(classes).zip(labels.iter()).map(|(row, &l)| loss(row, l)).sum();
        Dense { shape: vec![], data: vec![total / rows as f64] }
    })
})];
