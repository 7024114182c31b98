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
    /// If the shapes do not fit.
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
            let Some(own) = row.get(label) else { continue };
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfusionMatrix {
    classes: usize,
    /// The counts, with a row for each true class and a column for each predicted class.
    counts: Vec<u64>,
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
        Self { classes, counts: vec![0; classes * classes] }
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
            let largest = predicted.max(label);
            assert!(
                largest < classes,
                "confusion_matrix: the class {largest} is not below the number of classes, {classes}"
            );
            self.counts[label * classes + predicted] += 1;
        }
    }

    /// Adds examples by their logits: the predicted class is that of the largest logit, the first
    /// one if several are equal.
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
        let data = logits.contiguous();
        let mut predicted = vec![0; labels.len()];
        if classes > 0 {
            let data = data.as_slice().unwrap_or_default();
            wengert_kernels::reduce::argmax_rows(data, classes, &mut predicted);
        }
        self.update(&predicted, labels);
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
        assert!(predicted < self.classes, "there is no class {predicted} of {}", self.classes);
        self.counts[label * self.classes + predicted]
    }

    /// The number of examples.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The fraction of examples whose class was predicted correctly; NaN if there are no examples.
    pub fn accuracy(&self) -> f64 {
        let hits: u64 = (0..self.classes).map(|class| self.count(class, class)).sum();
        hits as f64 / self.total() as f64
    }

    /// For a class the number of its correct predictions, of its predictions, and of its examples.
    fn of_class(&self, class: usize) -> [u64; 3] {
        let taken = (0..self.classes).map(|label| self.count(label, class)).sum();
        let of = (0..self.classes).map(|predicted| self.count(class, predicted)).sum();
        [self.count(class, class), taken, of]
    }

    /// The precision of a class: its correct predictions divided by all its predictions.
    ///
    /// # Panics
    /// If `class` is not below the number of classes.
    #[track_caller]
    pub fn precision(&self, class: usize) -> f64 {
        let [hits, taken, _] = self.of_class(class);
        share(hits, taken)
    }

    /// The recall of a class: its correct predictions divided by all its examples.
    ///
    /// # Panics
    /// If `class` is not below the number of classes.
    #[track_caller]
    pub fn recall(&self, class: usize) -> f64 {
        let [hits, _, of] = self.of_class(class);
        share(hits, of)
    }

    /// The F1 score of a class: twice its correct predictions, divided by the sum of its
    /// predictions and its examples.
    ///
    /// # Panics
    /// If `class` is not below the number of classes.
    #[track_caller]
    pub fn f1(&self, class: usize) -> f64 {
        let [hits, taken, of] = self.of_class(class);
        share(2 * hits, taken + of)
    }

    /// The average precision of all classes. Micro-averaged, it is the accuracy.
    pub fn precision_score(&self, averaging: Averaging) -> f64 {
        self.average(averaging, Self::precision)
    }

    /// The average recall of all classes. Micro-averaged, it is the accuracy.
    pub fn recall_score(&self, averaging: Averaging) -> f64 {
        self.average(averaging, Self::recall)
    }

    /// The average F1 score of all classes. Micro-averaged, it is the accuracy.
    pub fn f1_score(&self, averaging: Averaging) -> f64 {
        self.average(averaging, Self::f1)
    }

    fn average(&self, averaging: Averaging, score: impl Fn(&Self, usize) -> f64) -> f64 {
        // Each example has one prediction: every miss of one class is a false alarm of another.
        if averaging == Averaging::Micro {
            return self.accuracy();
        }
        let seen = |class: &usize| self.of_class(*class)[1..] != [0, 0];
        let seen: Vec<usize> = (0..self.classes).filter(seen).collect();
        seen.iter().map(|&class| score(self, class)).sum::<f64>() / seen.len() as f64
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Prints a row for each true class, with a column for each predicted class.
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

/// Returns the number of classes. Panics if the shapes do not fit.
#[track_caller]
fn check<E: Element>(what: &str, logits: &Tensor<E>, labels: &[usize]) -> usize {
    let &[rows, classes] = logits.shape().dims() else {
        panic!("{what}: expected logits of shape [rows, classes], got {}", logits.shape())
    };
    let given = labels.len();
    assert!(rows == given, "{what}: {rows} rows of logits need as many labels, got {given}");
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
        assert_eq!(hit(3, [7, 1]), 0.0);
        assert!(TopK::new(1).value().is_nan() && ConfusionMatrix::new(2).accuracy().is_nan());
    }

    #[test]
    #[should_panic(expected = "the class 3 is not below the number of classes, 3")]
    fn classes_are_numbered_from_zero() {
        ConfusionMatrix::new(3).update(&[0], &[3]);
    }
}
