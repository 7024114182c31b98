//! What a claim is, what an experiment on it brings to light, and how the verdict follows.
//!
//! An experiment makes [`Check`]s: a measured number with its interval over seeds, the number theory
//! predicts where there is one, the threshold it is held to and where that comes from. Nothing else
//! decides: see [`Evidence::verdict`].

use std::fmt;

use serde::Serialize;

use crate::figure::Figure;
use crate::interval::Interval;
use crate::text::figure;

/// What the measurements say of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All of it is borne out.
    Holds,
    /// Its substance is borne out, something it says besides is not.
    HoldsWithCaveat,
    /// It is not borne out.
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

/// What a measured interval is held to. The whole interval has to comply.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
    /// From the first to the second.
    Between(f64, f64),
}

impl Need {
    /// As near to a prediction as this part of it.
    pub fn near(predicted: f64, part: f64) -> Self {
        let off = predicted.abs() * part;
        Self::Between(predicted - off, predicted + off)
    }

    /// Whether an interval complies; what is NaN does not.
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

/// What follows for the claim if a check fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// The claim does not hold.
    Essential,
    /// The claim holds with a caveat.
    Strict,
}

/// A measured number, and what it is held to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// What was measured.
    pub what: String,
    /// What came out.
    pub measured: Interval,
    /// What theory says comes out.
    pub predicted: Option<f64>,
    /// The threshold.
    pub need: Need,
    /// Where the threshold comes from.
    pub because: String,
    /// What a failure means.
    pub weight: Weight,
    /// Whether the threshold is kept.
    pub passed: bool,
}

impl Check {
    fn new(what: impl Into<String>, measured: Interval, need: Need, weight: Weight) -> Self {
        let passed = need.is_met(&measured);
        let (what, because) = (what.into(), String::new());
        Self { what, measured, predicted: None, need, because, weight, passed }
    }

    /// Without which the claim does not hold.
    pub fn essential(what: impl Into<String>, measured: Interval, need: Need) -> Self {
        Self::new(what, measured, need, Weight::Essential)
    }

    /// Without which it holds with a caveat.
    pub fn strict(what: impl Into<String>, measured: Interval, need: Need) -> Self {
        Self::new(what, measured, need, Weight::Strict)
    }

    /// With the number that theory predicts.
    pub fn predicted(mut self, number: f64) -> Self {
        self.predicted = Some(number);
        self
    }

    /// With the reason for its threshold.
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.because = reason.into();
        self
    }
}

/// What an experiment brings to light.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Evidence {
    /// The measured numbers in a few words.
    pub summary: String,
    /// Each number with its threshold.
    pub checks: Vec<Check>,
    /// What is to be added to the claim, or put right in it.
    pub remarks: Vec<String>,
    /// What there is to see.
    pub figures: Vec<Figure>,
}

impl Evidence {
    /// An essential check that failed refutes the claim, a strict one adds a caveat; an experiment
    /// without checks shows nothing.
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
    fn the_whole_interval_has_to_comply() {
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
