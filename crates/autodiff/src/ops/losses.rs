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
/// // The second of two classes is rare.
/// let options = CrossEntropyOptions::new().class_weights(&[1.0, 9.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CrossEntropyOptions<'w> {
    label_smoothing: f64,
    ignore_index: Option<usize>,
    class_weights: Option<&'w [f64]>,
    reduction: Reduction,
}

impl<'w> CrossEntropyOptions<'w> {
    /// No smoothing, no label to ignore, equal weights, and the mean of the losses.
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

    /// The factors of the classes: the loss of a row is multiplied by the weight of its label, and
    /// the mean is divided by the sum of these weights instead of the number of rows. With label
    /// smoothing, each class's share of the target is multiplied by the weight of that class, and
    /// the divisor of the mean is the same. `1 / count` of each class lets all classes contribute
    /// equally.
    #[doc(alias = "weight")]
    pub fn class_weights(self, weights: &'w [f64]) -> Self {
        CrossEntropyOptions { class_weights: Some(weights), ..self }
    }

    /// How the losses of the rows are combined.
    pub fn reduction(self, reduction: Reduction) -> Self {
        CrossEntropyOptions { reduction, ..self }
    }
}

/// The softmax cross-entropy with integer labels, `-ln softmax(logits)[label]` for each row, with
/// options for label smoothing, a label to ignore, weights of the classes, and the reduction. A
/// mean over no rows, or over rows whose weights are all zero, is NaN, and its derivatives are 0.
///
/// Without smoothing and weights, each row's loss has the same bits as that of
/// [`cross_entropy`](super::cross_entropy()), and so has the mean if no row is ignored. The
/// derivatives differ by at most 8 times the relative precision of the element type, divided by the
/// number of rows.
///
/// # Shapes
/// `logits` is `[rows, classes]`, `labels` holds a class `0..classes` (or the label to ignore) for
/// each row; the losses are `[rows]`.
///
/// # Errors
/// If the shapes do not fit, a label is not below the number of classes, the smoothing is not in
/// 0..=1, or there is not one weight for each class that is finite and not negative.
#[track_caller]
pub fn cross_entropy_with<'t, E: Element>(
    logits: Var<'t, E>,
    labels: impl IntoLabels,
    options: CrossEntropyOptions<'_>,
) -> Result<Var<'t, E>> {
    let CrossEntropyOptions { label_smoothing, ignore_index, class_weights, reduction } = options;
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
    let (hit, miss) = (1.0 - label_smoothing + spread, spread);
    let weights = match class_weights {
        Some(weights) => Some(scaled_weights::<E>(weights, shape[1], &labels, reduction)?),
        None => None,
    };
    let targets = Tensor::try_from_fn(shape, |i| {
        let share = match labels[i[0]] {
            Some(label) if label == i[1] => hit,
            Some(_) => miss,
            None => return E::ZERO,
        };
        E::from_f64(weights.as_ref().map_or(share, |weights| share * weights[i[1]]))
    })?;
    let tape = logits.tape();
    let losses = tape.apply(SoftCrossEntropy, &[logits, tape.constant(&targets)])?;
    let weightless = weights.is_some_and(|weights| {
        reduction == Reduction::Mean && labels.iter().flatten().all(|&label| weights[label] == 0.0)
    });
    if weightless {
        return super::add_scalar(super::sum(losses)?, E::NAN);
    }
    nll_loss::reduce(losses, &labels, reduction)
}

/// The weights of the classes, scaled so that the plain mean over the rows that are not ignored is
/// the weighted mean; zeros if the weights of these rows are.
fn scaled_weights<E: Element>(
    weights: &[f64],
    classes: usize,
    labels: &[Option<usize>],
    reduction: Reduction,
) -> Result<Vec<f64>> {
    let wrong = |message: String| Err(Error::Argument { op: "cross_entropy", message });
    if weights.len() != classes {
        return wrong(format!("{classes} classes need as many weights, got {}", weights.len()));
    }
    let unusable = |weight: f64| !(weight >= 0.0 && E::from_f64(weight).to_f64().is_finite());
    if let Some(class) = weights.iter().position(|&weight| unusable(weight)) {
        let weight = weights[class];
        return wrong(format!(
            "the weight of a class must be finite and not negative, got {weight} for class {class}"
        ));
    }
    if reduction != Reduction::Mean {
        return Ok(weights.to_vec());
    }
    // Divided by the largest weight first, so that neither the sum nor a quotient overflows.
    let rows = || labels.iter().flatten();
    let largest = rows().map(|&label| weights[label]).fold(0.0, f64::max);
    if largest == 0.0 {
        return Ok(vec![0.0; classes]);
    }
    let mean = rows().map(|&label| weights[label] / largest).sum::<f64>() / rows().count() as f64;
    Ok(weights.iter().map(|weight| weight / largest / mean).collect())
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
    cross_entropy_with / try_cross_entropy_with(; labels: impl IntoLabels, options: CrossEntropyOptions<'_>)
}

instances!(cross_entropy_with<E>: Tape::<E>::apply::<SoftCrossEntropy>);
