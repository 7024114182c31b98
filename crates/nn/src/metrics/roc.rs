//! [`RocAuc`]: how well a score separates two classes.

/// The area under the receiver operating characteristic: the probability that a positive example
/// has a higher score than a negative one, equal scores counting half.
///
/// The scores are kept, so that the area is exact.
///
/// ```
/// use wengert_nn::metrics::RocAuc;
/// let mut auc = RocAuc::new();
/// auc.update(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]);
/// assert_eq!(auc.value(), 0.75);
/// ```
///
/// Source: J. A. Hanley, B. J. `McNeil`, "The meaning and use of the area under a receiver
/// operating characteristic (ROC) curve", Radiology 143, 1982.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RocAuc {
    scored: Vec<(f64, bool)>,
}

impl RocAuc {
    /// Creates the metric without any examples yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds examples: the score of each, and whether it is positive.
    ///
    /// # Panics
    /// If the numbers of scores and examples differ.
    #[track_caller]
    pub fn update(&mut self, scores: &[f64], positive: &[bool]) {
        let (given, needed) = (scores.len(), positive.len());
        assert!(given == needed, "roc_auc: {needed} examples need as many scores, got {given}");
        self.scored.extend(scores.iter().copied().zip(positive.iter().copied()));
    }

    /// Adds the examples of another metric.
    pub fn merge(&mut self, other: &Self) {
        self.scored.extend_from_slice(&other.scored);
    }

    /// The area; NaN if a class has no example or a score is NaN.
    pub fn value(&self) -> f64 {
        let mut scored = self.scored.clone();
        if scored.iter().any(|(score, _)| score.is_nan()) {
            return f64::NAN;
        }
        scored.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        // Counts the pairs of a positive and a negative example that are in order; ties count half.
        // -0 and 0 are equal.
        let (mut negatives, mut positives, mut pairs) = (0.0, 0.0, 0.0);
        for tied in scored.chunk_by(|a, b| a.0 == b.0) {
            let up = tied.iter().filter(|(_, positive)| *positive).count() as f64;
            let down = tied.len() as f64 - up;
            pairs += up * (negatives + down / 2.0);
            (negatives, positives) = (negatives + down, positives + up);
        }
        pairs / (positives * negatives)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts every pair.
    #[test]
    fn the_area_is_the_share_of_pairs_in_order() {
        let scores: Vec<f64> = (0..60).map(|i| f64::from(i * 37 % 11) - f64::from(i % 3)).collect();
        let positive: Vec<bool> = (0..60).map(|i| i * i % 7 < 3).collect();
        let (mut won, mut pairs) = (0.0, 0.0);
        for (a, _) in scores.iter().zip(&positive).filter(|(_, positive)| **positive) {
            for (b, _) in scores.iter().zip(&positive).filter(|(_, positive)| !**positive) {
                won += if a > b {
                    1.0
                } else if a == b {
                    0.5
                } else {
                    0.0
                };
                pairs += 1.0;
            }
        }
        let mut whole = RocAuc::new();
        whole.update(&scores, &positive);
        assert_eq!(whole.value(), won / pairs);
        let (mut left, mut right) = (RocAuc::new(), RocAuc::new());
        left.update(&scores[..20], &positive[..20]);
        right.update(&scores[20..], &positive[20..]);
        right.merge(&left);
        assert_eq!(right.value(), whole.value());
    }

    #[test]
    fn one_class_or_a_nan_has_no_area() {
        let mut auc = RocAuc::new();
        assert!(auc.value().is_nan());
        auc.update(&[1.0, 2.0], &[true, true]);
        assert!(auc.value().is_nan());
        auc.update(&[-0.0, 0.0], &[true, false]);
        assert_eq!(auc.value(), 2.5 / 3.0);
        auc.update(&[f64::NAN], &[true]);
        assert!(auc.value().is_nan());
    }
}
