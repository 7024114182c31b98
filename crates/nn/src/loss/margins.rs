//! Losses that are zero for scores beyond a margin.

use wengert_autodiff::{Element, Error, Index, IntoLabels, Mask, Result, Var, ops};

use super::{Reduction, domain, reduce, same_shape};

/// The hinge loss of scores, with targets -1 or 1: `max(0, margin - target * score)`. Support
/// vector machines have a margin of 1.
///
/// # Shapes
/// Scores and targets have the same shape, which is also that of the losses.
///
/// # Errors
/// If the shapes differ, or the margin is negative or not finite.
///
/// Source: C. Cortes, V. Vapnik, "Support-vector networks", Machine Learning 20, 1995.
pub fn hinge_loss<'t, E: Element>(
    score: Var<'t, E>,
    target: Var<'t, E>,
    margin: f64,
    reduction: Reduction,
) -> Result<Var<'t, E>> {
    const OP: &str = "hinge_loss";
    same_shape(OP, &[score, target])?;
    domain::<E>(OP, "the margin", margin, false)?;
    let losses = ops::add_scalar(ops::neg(ops::mul(target, score)?)?, E::from_f64(margin))?;
    reduce(ops::relu(losses)?, reduction)
}

/// The hinge loss of many classes: for each row `sum max(0, margin - x[label] + x[class])` over the
/// other classes, divided by the number of classes.
///
/// # Shapes
/// `logits` is `[rows, classes]`, `labels` has a class for each row; the losses are `[rows]`.
///
/// # Errors
/// If the shapes do not fit, a label is not below the number of classes, or the margin is negative
/// or not finite.
///
/// Source: K. Crammer, Y. Singer, "On the algorithmic implementation of multiclass kernel-based
/// vector machines", JMLR 2, 2001.
#[allow(clippy::needless_pass_by_value, reason = "labels come in any form, as everywhere")]
pub fn multi_margin_loss<E: Element>(
    logits: Var<'_, E>,
    labels: impl IntoLabels,
    margin: f64,
    reduction: Reduction,
) -> Result<Var<'_, E>> {
    const OP: &str = "multi_margin_loss";
    domain::<E>(OP, "the margin", margin, false)?;
    let (shape, labels) = (logits.shape(), labels.as_ref());
    let &[rows, classes] = shape.dims() else {
        let expected = format!("logits [{}, classes]", labels.len());
        return Err(Error::Shapes { op: OP, expected, got: vec![shape] });
    };
    if rows != labels.len() {
        let expected = format!("logits [{}, classes], one row for each label", labels.len());
        return Err(Error::Shapes { op: OP, expected, got: vec![shape] });
    }
    if let Some(row) = labels.iter().position(|&label| label >= classes) {
        return Err(Error::Label { op: OP, row, label: labels[row], classes });
    }
    let own = ops::gather(logits, 1, &Index::from_slice(labels, [rows, 1])?)?;
    let losses = ops::add_scalar(ops::sub(logits, own)?, E::from_f64(margin))?;
    let own = Mask::try_from_fn([rows, classes], |i| labels[i[0]] == i[1])?;
    let losses = ops::masked_fill(ops::relu(losses)?, &own, E::ZERO)?;
    // Divided before they are added, because the sum alone may be out of range.
    let losses = ops::mul_scalar(losses, E::from_f64(1.0 / classes as f64))?;
    reduce(ops::sum_axes(losses, &[1], false)?, reduction)
}
