//! Metrics of predicted classes.

use std::fmt;

use wengert_autodiff::{Element, IntoLabels, Tensor};

/// The top-k accuracy: the fraction of examples whose label is among the `k` classes with the
/// largest logits.
///
/// Of equal logits, that of the class with the smaller index comes first. A row with a NaN counts
/// as wrong.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::metrics::TopK;
/// let logits = Tensor::from([[0.1_f32, 0.7, 0.2], [0.5, 0.3, 0.2]]);
/// let mut top = TopK::new(2);
/// top.update(&logits, [2, 2]);
/// assert_eq!(top.value(), 0.5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopK {
    k: usize,
    hits: u64,
    count: u64,
}

impl TopK {
    /// Creates the metric without any examples yet.
    pub fn new(k: usize) -> Self {
        Self { k, hits: 0, count: 0 }
    }

    /// Adds examples.
    ///
    /// # Shapes
    /// `logits` is `[rows, classes]`, `labels` has a class for each row.
    ///
    /// # Panics
    /// If the shapes do not fit, or a label is not a class.
    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "labels come in any form, as everywhere")]
    pub fn update<E: Element>(&mut self, logits: &Tensor<E>, labels: impl IntoLabels) {
        let labels = labels.as_ref();
        let classes = check("top_k", logits, labels);
        let logits = logits.contiguous();
        let data = logits.as_slice().unwrap_or_default();
        for (row, &label) in labels.iter().enumerate() {
            let row = &data[row * classes..(row + 1) * classes];
            self.count += 1;
            let own = &row[label];
            let ahead = row
                .iter()
                .enumerate()
                .filter(|(class, logit)| *logit > own || *logit == own && *class < label);
            let known = !row.iter().any(|logit| logit.is_nan());
            self.hits += u64::from(known && ahead.count() < self.k);
        }
    }

    /// Adds the examples of another metric.
    ///
    /// # Panics
    /// If the other metric has another `k`.
    #[track_caller]
    pub fn merge(&mut self, other: &Self) {
        let (own, others) = (self.k, other.k);
        assert!(own == others, "top_k: the top {own} cannot be merged with the top {others}");
        self.hits += other.hits;
        self.count += other.count;
    }

    /// The top-k accuracy; NaN if there are no examples.
    pub fn value(&self) -> f64 {
        self.hits as f64 / self.count as f64
    }
}

/// The confusion matrix: for each class, the number of its examples that were predicted as each
/// class. Precision, recall and F1 score are computed from these counts.
///
/// The precision of a class is the fraction of correct predictions among all predictions of the
/// class. Its recall is the fraction of correct predictions among all examples of the class. Its F1
/// score is the harmonic mean of precision and recall. A fraction of no examples is 0.
///
/// An example whose logits contain a NaN has no predicted class
/// ([`update_logits`](Self::update_logits)): it counts as an example of its class, and as wrong.
///
/// ```
/// use wengert_autodiff::Tensor;
/// use wengert_nn::metrics::{ConfusionMatrix, accuracy};
/// let (logits, labels) = (Tensor::from([[f32::NAN, 0.0], [1.0, 0.0]]), [0, 0]);
/// let mut matrix = ConfusionMatrix::new(2);
/// matrix.update_logits(&logits, labels);
/// assert_eq!((matrix.count(0, 0), matrix.unpredicted(0)), (1, 1));
/// assert_eq!((matrix.accuracy(), accuracy(&logits, labels)), (0.5, 0.5));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfusionMatrix {
    classes: usize,
    /// The counts, with a row for each true class and a column for each predicted class.
    counts: Vec<u64>,
    /// For each true class the number of its examples without a prediction.
    unpredicted: Vec<u64>,
}

/// How the scores of all classes are averaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Averaging {
    /// The score of all examples together, whatever their class.
    Micro,
    /// The mean of the scores of those classes that have examples or were predicted.
    Macro,
}

impl ConfusionMatrix {
    /// Creates the matrix of `classes` classes without any examples yet.
    pub fn new(classes: usize) -> Self {
        Self { classes, counts: vec![0; classes * classes], unpredicted: vec![0; classes] }
    }

    /// Adds examples by their predicted classes and their labels.
    ///
    /// # Panics
    /// If the numbers of predictions and labels differ, or a class is not below the number of
    /// classes.
    #[track_caller]
    pub fn update(&mut self, predicted: &[usize], labels: &[usize]) {
        let (given, needed, classes) = (predicted.len(), labels.len(), self.classes);
        assert!(
            given == needed,
            "confusion_matrix: {needed} labels need as many predictions, got {given}"
        );
        for (&predicted, &label) in predicted.iter().zip(labels) {
            self.check_class(predicted.max(label));
            self.counts[label * classes + predicted] += 1;
        }
    }

    #[track_caller]
    fn check_class(&self, class: usize) {
        let classes = self.classes;
        assert!(
            class < classes,
            "confusion_matrix: the class {class} is not below the number of classes, {classes}"
        );
    }

    /// Adds examples by their logits: the predicted class is that of the largest logit, the first
    /// one if several are equal. A row with a NaN has none: see [`unpredicted`](Self::unpredicted).
    ///
    /// # Shapes
    /// `logits` is `[rows, classes]`, `labels` has a class for each row.
    ///
    /// # Panics
    /// If the shapes do not fit, or a label is not below the number of classes.
    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "labels come in any form, as everywhere")]
    pub fn update_logits<E: Element>(&mut self, logits: &Tensor<E>, labels: impl IntoLabels) {
        let labels = labels.as_ref();
        let classes = check("confusion_matrix", logits, labels);
        let logits = logits.contiguous();
        let data = logits.as_slice().unwrap_or_default();
        for (predicted, &label) in predictions(data, classes, labels.len()).zip(labels) {
            if let Some(predicted) = predicted {
                self.update(&[predicted], &[label]);
            } else {
                self.check_class(label);
                self.unpredicted[label] += 1;
            }
        }
    }

    /// Adds the examples of another matrix.
    ///
    /// # Panics
    /// If the other matrix has another number of classes.
    #[track_caller]
    pub fn merge(&mut self, other: &Self) {
        let (own, others) = (self.classes, other.classes);
        assert!(
            own == others,
            "confusion_matrix: matrices of {own} and {others} classes cannot be merged"
        );
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        for (count, more) in self.unpredicted.iter_mut().zip(&other.unpredicted) {
            *count += more;
        }
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The number of examples of the class `label` that were predicted as the class `predicted`.
    ///
    /// # Panics
    /// If a class is not below the number of classes.
    #[track_caller]
    pub fn count(&self, label: usize, predicted: usize) -> u64 {
        self.check_class(label.max(predicted));
        self.counts[label * self.classes + predicted]
    }

    /// The number of examples of the class `label` whose logits contain a NaN, so that they have no
    /// predicted class.
    ///
    /// # Panics
    /// If the class is not below the number of classes.
    #[track_caller]
    pub fn unpredicted(&self, label: usize) -> u64 {
        self.check_class(label);
        self.unpredicted[label]
    }

    /// The number of examples, with or without a predicted class.
    pub fn total(&self) -> u64 {
        self.counts.iter().chain(&self.unpredicted).sum()
    }

    /// The fraction of examples whose class was predicted correctly; NaN if there are no examples.
    pub fn accuracy(&self) -> f64 {
        self.hits() as f64 / self.total() as f64
    }

    fn hits(&self) -> u64 {
        (0..self.classes).map(|class| self.count(class, class)).sum()
    }

    /// For a class the number of its correct predictions, of its predictions, and of its examples.
    #[track_caller]
    fn of_class(&self, class: usize) -> [u64; 3] {
        self.check_class(class);
        let taken = (0..self.classes).map(|label| self.count(label, class)).sum();
        let of: u64 = (0..self.classes).map(|predicted| self.count(class, predicted)).sum();
        [self.count(class, class), taken, of + self.unpredicted[class]]
    }

    /// The precision of a class: its correct predictions divided by all its predictions.
    ///
    /// # Panics
    /// If `class` is not below the number of classes.
    #[track_caller]
    pub fn precision(&self, class: usize) -> f64 {
        precision(self.of_class(class))
    }

    /// The recall of a class: its correct predictions divided by all its examples.
    ///
    /// # Panics
    /// If `class` is not below the number of classes.
    #[track_caller]
    pub fn recall(&self, class: usize) -> f64 {
        recall(self.of_class(class))
    }

    /// The F1 score of a class: twice its correct predictions, divided by the sum of its
    /// predictions and its examples.
    ///
    /// # Panics
    /// If `class` is not below the number of classes.
    #[track_caller]
    pub fn f1(&self, class: usize) -> f64 {
        f1(self.of_class(class))
    }

    /// The average precision of all classes. Micro-averaged, it is the accuracy of the examples
    /// with a predicted class.
    pub fn precision_score(&self, averaging: Averaging) -> f64 {
        self.average(averaging, precision)
    }

    /// The average recall of all classes. Micro-averaged, it is the accuracy.
    pub fn recall_score(&self, averaging: Averaging) -> f64 {
        self.average(averaging, recall)
    }

    /// The average F1 score of all classes. Micro-averaged, it is the accuracy if all examples have
    /// a predicted class.
    pub fn f1_score(&self, averaging: Averaging) -> f64 {
        self.average(averaging, f1)
    }

    fn average(&self, averaging: Averaging, score: fn([u64; 3]) -> f64) -> f64 {
        if averaging == Averaging::Micro {
            let (taken, of) = (self.counts.iter().sum(), self.total());
            return if of == 0 { f64::NAN } else { score([self.hits(), taken, of]) };
        }
        let of_classes = (0..self.classes).map(|class| self.of_class(class));
        let seen: Vec<[u64; 3]> = of_classes.filter(|counts| counts[1..] != [0, 0]).collect();
        seen.iter().map(|&counts| score(counts)).sum::<f64>() / seen.len() as f64
    }
}

/// The precision, from the numbers of correct predictions, of predictions, and of examples.
fn precision([hits, taken, _]: [u64; 3]) -> f64 {
    share(hits, taken)
}

/// The recall, from the same numbers as [`precision`].
fn recall([hits, _, of]: [u64; 3]) -> f64 {
    share(hits, of)
}

/// The F1 score, from the same numbers as [`precision`].
fn f1([hits, taken, of]: [u64; 3]) -> f64 {
    share(2 * hits, taken + of)
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Prints a row for each true class, with a column for each predicted class. Examples without a
/// predicted class are left out.
impl fmt::Display for ConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let largest = self.counts.iter().max().copied().unwrap_or(0);
        let width = largest.max(self.classes as u64).to_string().len() + 1;
        for label in 0..self.classes {
            if label > 0 {
                writeln!(f)?;
            }
            for predicted in 0..self.classes {
                write!(f, "{:width$}", self.count(label, predicted))?;
            }
        }
        Ok(())
    }
}

/// The class of the largest logit of each of `rows` rows, the first one if several are equal;
/// `None` for a row with a NaN.
pub(super) fn predictions<E: Element>(
    data: &[E],
    classes: usize,
    rows: usize,
) -> impl Iterator<Item = Option<usize>> {
    let mut predicted = vec![0; rows];
    if classes > 0 {
        wengert_kernels::reduce::argmax_rows(data, classes, &mut predicted);
    }
    // The largest logit of a row with a NaN is NaN.
    let known = move |(row, class): (usize, usize)| {
        data.get(row * classes + class).is_some_and(|logit| !logit.is_nan()).then_some(class)
    };
    predicted.into_iter().enumerate().map(known)
}

/// Returns the number of classes. Panics if the shapes do not fit, or a label is not a class.
#[track_caller]
pub(super) fn check<E: Element>(what: &str, logits: &Tensor<E>, labels: &[usize]) -> usize {
    let &[rows, classes] = logits.shape().dims() else {
        panic!("{what}: expected logits of shape [rows, classes], got {}", logits.shape())
    };
    let given = labels.len();
    assert!(rows == given, "{what}: {rows} rows of logits need as many labels, got {given}");
    if let Some(label) = labels.iter().find(|&&label| label >= classes) {
        panic!("{what}: label {label} is out of range for {classes} classes");
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed by hand: the scores of `[[2, 1, 0], [0, 1, 0], [1, 1, 0]]` and of a class that does
    /// not occur.
    #[test]
    fn scores_follow_from_counts() {
        let mut matrix = ConfusionMatrix::new(4);
        matrix.update(&[0, 0, 1, 1, 0, 1], &[0, 0, 0, 1, 2, 2]);
        let scores = |f: fn(&ConfusionMatrix, usize) -> f64| [0, 1, 2, 3].map(|c| f(&matrix, c));
        assert_eq!(scores(ConfusionMatrix::precision), [2.0 / 3.0, 1.0 / 3.0, 0.0, 0.0]);
        assert_eq!(scores(ConfusionMatrix::recall), [2.0 / 3.0, 1.0, 0.0, 0.0]);
        assert_eq!(scores(ConfusionMatrix::f1), [2.0 / 3.0, 0.5, 0.0, 0.0]);
        assert_eq!(matrix.accuracy(), 0.5);
        assert_eq!(matrix.f1_score(Averaging::Micro), 0.5);
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-15, "{found}");
        near(matrix.precision_score(Averaging::Macro), 1.0 / 3.0);
        near(matrix.recall_score(Averaging::Macro), 5.0 / 9.0);
        near(matrix.f1_score(Averaging::Macro), 7.0 / 18.0);
        assert_eq!(matrix.to_string(), " 2 1 0 0\n 0 1 0 0\n 1 1 0 0\n 0 0 0 0");
    }

    #[test]
    fn parts_merge_into_the_whole() {
        let logits = Tensor::<f64>::from_fn([40, 5], |i| ((i[0] * 7 + i[1] * 3) as f64).sin());
        let labels: Vec<usize> = (0..40).map(|i| i * i % 5).collect();
        let (mut whole, mut top) = (ConfusionMatrix::new(5), TopK::new(2));
        whole.update_logits(&logits, &labels);
        top.update(&logits, &labels);
        assert_eq!(whole.accuracy(), super::super::accuracy(&logits, &labels));
        let mut first = TopK::new(1);
        first.update(&logits, &labels);
        assert_eq!(first.value(), whole.accuracy());
        let (mut merged, mut merged_top) = (ConfusionMatrix::new(5), TopK::new(2));
        for part in [0..13, 13..14, 14..40] {
            let (mut matrix, mut k) = (ConfusionMatrix::new(5), TopK::new(2));
            let rows = logits.slice(0, part.start as isize..part.end as isize);
            matrix.update_logits(&rows, &labels[part.clone()]);
            k.update(&rows, &labels[part]);
            merged.merge(&matrix);
            merged_top.merge(&k);
        }
        assert_eq!((merged, merged_top), (whole, top));
    }

    #[test]
    fn ties_and_nan_have_a_rank() {
        let logits = Tensor::from([[1.0_f32, 1.0, 0.0], [f32::NAN, 1.0, 0.0]]);
        let hit = |k, labels: [usize; 2]| {
            let mut top = TopK::new(k);
            top.update(&logits, labels);
            top.value()
        };
        assert_eq!((hit(1, [0, 1]), hit(1, [1, 1]), hit(2, [1, 1])), (0.5, 0.0, 0.5));
        assert!(TopK::new(1).value().is_nan() && ConfusionMatrix::new(2).accuracy().is_nan());
    }

    /// As in [`accuracy`](super::super::accuracy), a row with a NaN is an example with a wrong
    /// prediction, wherever the NaN is.
    #[test]
    fn a_row_with_nan_has_no_predicted_class() {
        let nan = f64::NAN;
        let logits = Tensor::from([[nan, 1.0], [1.0, nan], [1.0, 0.0], [0.0, 1.0]]);
        let labels = [0, 0, 0, 1];
        let mut matrix = ConfusionMatrix::new(2);
        matrix.update_logits(&logits, labels);
        assert_eq!(matrix.accuracy(), super::super::accuracy(&logits, labels));
        assert_eq!((matrix.accuracy(), matrix.total()), (0.5, 4));
        assert_eq!([0, 1].map(|class| matrix.unpredicted(class)), [2, 0]);
        assert_eq!([0, 1].map(|class| matrix.precision(class)), [1.0, 1.0]);
        assert_eq!([0, 1].map(|class| matrix.recall(class)), [1.0 / 3.0, 1.0]);
        let micro = Averaging::Micro;
        assert_eq!((matrix.precision_score(micro), matrix.recall_score(micro)), (1.0, 0.5));
        assert_eq!(matrix.f1_score(micro), 2.0 / 3.0);
        let mut twice = matrix.clone();
        twice.merge(&matrix);
        assert_eq!((twice.accuracy(), twice.unpredicted(0)), (0.5, 4));
    }

    #[test]
    #[should_panic(expected = "top_k: label 7 is out of range for 3 classes")]
    fn a_label_that_is_no_class_is_refused() {
        TopK::new(3).update(&Tensor::<f32>::zeros([2, 3]), [7, 1]);
    }

    #[test]
    #[should_panic(expected = "the class 3 is not below the number of classes, 3")]
    fn classes_are_numbered_from_zero() {
        ConfusionMatrix::new(3).update(&[0], &[3]);
    }
}
