//! [`Evidence`]: the measurements of an experiment, and the verdict that follows from them.
//!
//! A [`Check`] is a measured number with its confidence interval over seeds, the prediction of
//! theory if there is one, the threshold and the reason for it. The verdict depends on the checks
//! alone: see [`Evidence::verdict`].

use std::fmt;

use serde::Serialize;

use crate::figure::Figure;
use crate::interval::Interval;
use crate::text::figure;

/// The verdict on a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All checks pass.
    Holds,
    /// The essential checks pass, a strict one fails.
    HoldsWithCaveat,
    /// An essential check fails.
    DoesNotHold,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Holds => "holds",
            Self::HoldsWithCaveat => "holds, with a caveat",
            Self::DoesNotHold => "does not hold",
        })
    }
}

/// The threshold of a measured number. The whole confidence interval must be within it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
    /// From the first number to the second.
    Between(f64, f64),
}

impl Need {
    /// Within a relative tolerance of a prediction.
    pub fn near(predicted: f64, tolerance: f64) -> Self {
        let off = predicted.abs() * tolerance;
        Self::Between(predicted - off, predicted + off)
    }

    /// Whether an interval is within the threshold; NaN is not.
    pub fn is_met(self, measured: &Interval) -> bool {
        match self {
            Self::AtLeast(least) => measured.low >= least,
            Self::AtMost(most) => measured.high <= most,
            Self::Between(least, most) => measured.low >= least && measured.high <= most,
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "at least {}", figure(*least)),
            Self::AtMost(most) => write!(f, "at most {}", figure(*most)),
            Self::Between(least, most) if least == most => write!(f, "exactly {}", figure(*least)),
            Self::Between(least, most) => {
                write!(f, "from {} to {}", figure(*least), figure(*most))
            }
        }
    }
}

/// The consequence of a failed check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// The claim does not hold.
    Essential,
    /// The claim holds with a caveat.
    Strict,
}

/// A measured number with its threshold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// The quantity.
    pub what: String,
    /// The measured number.
    pub measured: Interval,
    /// The prediction of theory.
    pub predicted: Option<f64>,
    /// The threshold.
    pub need: Need,
    /// The reason for the threshold.
    pub because: String,
    /// The consequence of a failure.
    pub weight: Weight,
    /// Whether the number is within the threshold.
    pub passed: bool,
}

impl Check {
    fn new(what: impl Into<String>, measured: Interval, need: Need, weight: Weight) -> Self {
        let passed = need.is_met(&measured);
        let (what, because) = (what.into(), String::new());
        Self { what, measured, predicted: None, need, because, weight, passed }
    }

    /// A check without which the claim does not hold.
    pub fn essential(what: impl Into<String>, measured: Interval, need: Need) -> Self {
        Self::new(what, measured, need, Weight::Essential)
    }

    /// A check without which the claim holds with a caveat.
    pub fn strict(what: impl Into<String>, measured: Interval, need: Need) -> Self {
        Self::new(what, measured, need, Weight::Strict)
    }

    /// Adds the prediction of theory.
    pub fn predicted(mut self, number: f64) -> Self {
        self.predicted = Some(number);
        self
    }

    /// Adds the reason for the threshold.
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.because = reason.into();
        self
    }
}

/// The results of an experiment.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Evidence {
    /// The main measurements in a few words.
    pub summary: String,
    /// The measurements with their thresholds.
    pub checks: Vec<Check>,
    /// Corrections of the claim, and related observations.
    pub remarks: Vec<String>,
    /// The figures.
    pub figures: Vec<Figure>,
}

impl Evidence {
    /// The verdict: a failed essential check refutes the claim, a failed strict check adds a
    /// caveat. An experiment without checks does not support the claim.
    pub fn verdict(&self) -> Verdict {
        let fails =
            |weight| self.checks.iter().any(|check| check.weight == weight && !check.passed);
        if self.checks.is_empty() || fails(Weight::Essential) {
            Verdict::DoesNotHold
        } else if fails(Weight::Strict) {
            Verdict::HoldsWithCaveat
        } else {
            Verdict::Holds
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_interval_must_be_within_the_threshold() {
        let measured = Interval { mean: 1.0, low: 0.9, high: 1.1, count: 5 };
        assert!(Need::AtLeast(0.9).is_met(&measured) && !Need::AtLeast(0.95).is_met(&measured));
        assert!(Need::AtMost(1.1).is_met(&measured) && !Need::AtMost(1.05).is_met(&measured));
        assert!(
            Need::near(1.0, 0.11).is_met(&measured) && !Need::near(1.0, 0.05).is_met(&measured)
        );
        for need in [Need::AtLeast(0.0), Need::AtMost(0.0), Need::Between(-1.0, 1.0)] {
            assert!(!need.is_met(&Interval::exact(f64::NAN)), "{need}");
        }
    }

    #[test]
    fn the_verdict_follows_from_the_checks() {
        let evidence = |checks| Evidence { checks, ..Evidence::default() };
        let one = Interval::exact(1.0);
        let essential = |need| Check::essential("", one, need);
        let strict = |need| Check::strict("", one, need);
        let (kept, broken) = (Need::AtLeast(1.0), Need::AtLeast(2.0));
        assert_eq!(evidence(vec![]).verdict(), Verdict::DoesNotHold);
        assert_eq!(evidence(vec![essential(kept), strict(kept)]).verdict(), Verdict::Holds);
        let caveat = evidence(vec![essential(kept), strict(broken)]);
        assert_eq!(caveat.verdict(), Verdict::HoldsWithCaveat);
        let refuted = evidence(vec![essential(broken), strict(kept)]);
        assert_eq!(refuted.verdict(), Verdict::DoesNotHold);
    }
}
