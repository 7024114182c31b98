//! The verdict on a derivative, from finite differences.

use super::Gradcheck;
use super::ridders::Difference;

/// The verdict on one derivative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Agrees,
    Kink,
    Wrong,
    /// The differences are not finite or do not converge.
    Unclear,
}

impl Gradcheck {
    pub(super) fn allowed(&self, analytic: f64, numeric: f64) -> f64 {
        self.absolute + self.relative * analytic.abs().max(numeric.abs())
    }

    pub(super) fn agrees(&self, analytic: f64, numeric: &Difference) -> bool {
        let tolerance = self.allowed(analytic, numeric.value);
        // An infinite tolerance would accept anything, and the mean of two slopes at a kink is no
        // derivative.
        tolerance.is_finite()
            && (analytic - numeric.value).abs() <= tolerance
            && numeric.uncertainty <= tolerance
            && !numeric.kink(tolerance)
    }

    /// The verdict from differences with several largest steps, in decreasing order, and the
    /// difference that decides.
    pub(super) fn judge<'d>(
        &self,
        analytic: f64,
        all: &'d [Difference],
    ) -> (Verdict, &'d Difference) {
        if let Some(agreeing) = all.iter().find(|numeric| self.agrees(analytic, numeric)) {
            return (Verdict::Agrees, agreeing);
        }
        let best = all
            .iter()
            .min_by(|a, b| a.uncertainty.total_cmp(&b.uncertainty))
            .expect("there is a first step");
        if analytic.is_nan() {
            return (Verdict::Wrong, best);
        }
        let kinked = |numeric: &Difference| numeric.kink(self.allowed(analytic, numeric.value));
        // The differences whose error estimate is far smaller than their distance from the
        // derivative.
        let against: Vec<&Difference> = all
            .iter()
            .filter(|numeric| {
                let distance = (analytic - numeric.value).abs();
                numeric.value.is_finite() && numeric.uncertainty <= 0.1 * distance
            })
            .filter(|numeric| !kinked(numeric))
            .collect();
        for (i, &one) in against.iter().enumerate() {
            let same = |other: &&&Difference| {
                let uncertainty = one.uncertainty + other.uncertainty;
                let tolerance = self.allowed(one.value, other.value) + uncertainty;
                (one.value - other.value).abs() <= tolerance
            };
            if let Some(&other) = against[i + 1..].iter().find(same) {
                let surer = if other.uncertainty < one.uncertainty { other } else { one };
                return (Verdict::Wrong, surer);
            }
        }
        // Only the differences with the first steps are certain to exceed rounding.
        let first = &all[0];
        let tolerance = self.allowed(analytic, first.value);
        if first.value.is_finite() && first.uncertainty <= tolerance && !kinked(first) {
            return (Verdict::Wrong, first);
        }
        // Use the smallest steps whose differences exceed rounding to recognize a kink: with larger
        // steps, any curvature may resemble a kink.
        let fine =
            |numeric: &&Difference| 2.0 * numeric.noise() <= self.allowed(analytic, numeric.value);
        let kink = match all.iter().rfind(fine) {
            Some(finest) => kinked(finest).then_some(finest),
            None => all.iter().find(|numeric| kinked(numeric)),
        };
        if analytic.is_finite()
            && let Some(kink) = kink
        {
            return (Verdict::Kink, kink);
        }
        (Verdict::Unclear, best)
    }
}
