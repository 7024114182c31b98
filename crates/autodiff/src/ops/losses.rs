//! Losses that are composed of other operations: absolute and squared differences, and the
//! cross-entropy with all its options.

use wengert_kernels::Element;

use super::huber::difference;
use super::nll_loss;
use super::reduction::Reduction;
use super::soft_cross_entropy::SoftCrossEntropy;
use super::support;
use crate::error::{Error, Result};
use crate::labels::IntoLabels;
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;

/// The absolute differences `|a - b|`. The derivative is 0 where two elements are equal.
///
/// # Shapes
/// Both have the same shape, which is that of the losses.
///
/// # Errors
/// If the shapes differ.
#[track_caller]
pub fn l1_loss<'t, E: Element>(
    prediction: Var<'t, E>,
    target: Var<'t, E>,
    reduction: Reduction,
) -> Result<Var<'t, E>> {
    reduction.apply(super::abs(difference("l1_loss", prediction, target)?)?)
}

/// The squared differences `(a - b)^2`; [`mse_loss`](super::mse_loss()) is their mean.
///
/// # Shapes
/// Both have the same shape, which is that of the losses.
///
/// # Errors
/// If the shapes differ.
#[track_caller]
pub fn squared_error<'t, E: Element>(
    prediction: Var<'t, E>,
    target: Var<'t, E>,
    reduction: Reduction,
) -> Result<Var<'t, E>> {
    const OP: &str = "squared_error";
    if reduction == Reduction::Mean {
        support::same(OP, &[&prediction.shape(), &target.shape()])?;
        return super::mse_loss(prediction, target);
    }
    reduction.apply(super::square(difference(OP, prediction, target)?)?)
}

/// How [`cross_entropy_with`] treats labels and losses.
///
/// ```
/// use wengert_autodiff::ops::{CrossEntropyOptions, Reduction};
/// let options =
///     CrossEntropyOptions::new().label_smoothing(0.1).ignore_index(0).reduction(Reduction::Sum);
/// assert_ne!(options, CrossEntropyOptions::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CrossEntropyOptions {
    label_smoothing: f64,
    ignore_index: Option<usize>,
    reduction: Reduction,
}

impl CrossEntropyOptions {
    /// No smoothing, no label to ignore, and the mean of the losses.
    pub fn new() -> Self {
        Self::default()
    }

    /// The share of each target that is distributed evenly over all classes, in 0..=1.
    ///
    /// Source: C. Szegedy et al., "Rethinking the Inception architecture for computer vision",
    /// arXiv:1512.00567, 2015.
    pub fn label_smoothing(self, label_smoothing: f64) -> Self {
        CrossEntropyOptions { label_smoothing, ..self }
    }

    /// The label of rows that have no loss and no gradient, and do not count in the mean. It may be
    /// outside the range of the classes.
    pub fn ignore_index(self, label: usize) -> Self {
        CrossEntropyOptions { ignore_index: Some(label), ..self }
    }

    /// How the losses of the rows are combined.
    pub fn reduction(self, reduction: Reduction) -> Self {
        CrossEntropyOptions { reduction, ..self }
    }
}

/// The softmax cross-entropy with integer labels, `-ln softmax(logits)[label]` for each row, with
/// options for label smoothing, a label to ignore, and the reduction. A mean over no rows is NaN,
/// and its derivatives are zero.
///
/// Without smoothing, each row's loss has the same bits as that of
/// [`cross_entropy`](super::cross_entropy()), and so has the mean if no row is ignored. The
/// derivatives differ by at most 8 times the relative precision of the element type, divided by the
/// number of rows.
///
/// # Shapes
/// `logits` is `[rows, classes]`, `labels` holds a class `0..classes` (or the label to ignore) for
/// each row; the losses are `[rows]`.
///
/// # Errors
/// If the shapes do not fit, a label is not below the number of classes, or the smoothing is not in
/// 0..=1.
#[track_caller]
pub fn cross_entropy_with<E: Element>(
    logits: Var<'_, E>,
    labels: impl IntoLabels,
    options: CrossEntropyOptions,
) -> Result<Var<'_, E>> {
    let CrossEntropyOptions { label_smoothing, ignore_index, reduction } = options;
    if !(0.0..=1.0).contains(&label_smoothing) {
        let message = format!("the label smoothing must be in 0..=1, got {label_smoothing}");
        return Err(Error::Argument { op: "cross_entropy", message });
    }
    if options == CrossEntropyOptions::new() {
        return super::cross_entropy(logits, labels);
    }
    let shape = logits.shape();
    let labels = nll_loss::select("cross_entropy", &shape, labels.as_ref(), ignore_index)?;
    if shape[1] == 0 {
        let expected = "logits [rows, classes] of at least one class".to_owned();
        return Err(Error::Shapes { op: "cross_entropy", expected, got: vec![shape] });
    }
    let spread = label_smoothing / shape[1] as f64;
    let (hit, miss) = (E::from_f64(1.0 - label_smoothing + spread), E::from_f64(spread));
    let targets = Tensor::try_from_fn(shape, |i| match labels[i[0]] {
        Some(label) if label == i[1] => hit,
        Some(_) => miss,
        None => E::ZERO,
    })?;
    let tape = logits.tape();
    let losses = tape.apply(SoftCrossEntropy, &[logits, tape.constant(&targets)])?;
    nll_loss::reduce(losses, &labels, reduction)
}

methods! {
    /// The absolute differences.
    l1_loss / try_l1_loss(target; reduction: Reduction)
}

methods! {
    /// The squared differences.
    squared_error / try_squared_error(target; reduction: Reduction)
}

methods! {
    /// The softmax cross-entropy with integer labels and options.
    cross_entropy_with / try_cross_entropy_with(; labels: impl IntoLabels, options: CrossEntropyOptions)
}

instances!(cross_entropy_with<E>: Tape::<E>::apply::<SoftCrossEntropy>);
