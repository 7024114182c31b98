//! Measures of a network's predictions.
//!
//! Metrics are accumulated batch by batch with `update`. Metrics of several threads or processes
//! are combined with `merge`. The value can be read at any time.
//!
//! | | |
//! |---|---|
//! | classes | [`accuracy`], [`TopK`], [`ConfusionMatrix`] with precision, recall and F1 |
//! | two classes by a score | [`RocAuc`] |
//! | numbers | [`R2`], [`MeanError`] |
//! | a mean, such as that of losses | [`Mean`], [`Perplexity`] |
//!
//! ```
//! use wengert_autodiff::Tensor;
//! use wengert_nn::metrics::{Averaging, ConfusionMatrix};
//! let mut matrix = ConfusionMatrix::new(3);
//! matrix.update(&[0, 0, 1, 2, 2], &[0, 1, 1, 2, 0]);
//! assert_eq!(matrix.accuracy(), 0.6);
//! assert_eq!(matrix.count(1, 0), 1); // one example of class 1 was predicted as class 0
//! assert_eq!(matrix.precision(0), 0.5);
//! println!("{matrix}\nF1 {:.3}", matrix.f1_score(Averaging::Macro));
//! ```

mod classes;
mod mean;
mod regression;
mod roc;

pub use classes::{Averaging, ConfusionMatrix, TopK};
pub use mean::{Mean, Perplexity};
pub use regression::{MeanError, R2};
pub use roc::RocAuc;

use wengert_autodiff::{Element, IntoLabels, Tensor};

/// The accuracy: the fraction of rows whose largest logit, the first one if several are equal, is
/// that of the label. A row with a NaN counts as wrong.
///
/// # Shapes
/// `logits` is `[rows, classes]`, `labels` has a class for each row. The result is NaN for no rows.
///
/// # Panics
/// If `logits` has another rank, the number of labels is not that of the rows, or a label is not a
/// class.
#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "labels come in any form, as everywhere")]
pub fn accuracy<E: Element>(logits: &Tensor<E>, labels: impl IntoLabels) -> f64 {
    let labels = labels.as_ref();
    let classes = classes::check("accuracy", logits, labels);
    let logits = logits.contiguous();
    let data = logits.as_slice().unwrap_or_default();
    let predicted = classes::predictions(data, classes, labels.len());
    let hits = predicted.zip(labels).filter(|(predicted, label)| *predicted == Some(**label));
    hits.count() as f64 / labels.len() as f64
}
