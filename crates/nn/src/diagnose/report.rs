//! [`Report`]: the findings about a training run, in order.

use std::fmt;

use super::cause::{Cause, Level};
use super::facts::{Course, Facts};
use super::finding::Finding;
use super::{Rules, rank};

/// The findings about a training run. `Display` prints them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The findings, causes before their consequences.
    pub findings: Vec<Finding>,
    /// What was measured.
    pub facts: Facts,
    /// What could not be judged, and why.
    pub unjudged: Vec<String>,
}

impl Report {
    /// Judges what was measured.
    pub(super) fn new(facts: Facts, unjudged: Vec<String>, rules: &Rules) -> Self {
        let mut findings = Vec::new();
        for rule in rules.iter() {
            rule.judge(&facts, &mut findings);
        }
        Self { findings: rank::ranked(findings), facts, unjudged }
    }

    /// Judges again after the run, with its losses. A warning from before the run becomes a remark
    /// if the run has learned: see [`Facts::learned`].
    pub fn after(&self, course: Course, rules: &Rules) -> Self {
        let facts = Facts { course: Some(course), ..self.facts.clone() };
        let mut report = Self::new(facts, self.unjudged.clone(), rules);
        if report.facts.learned() {
            let before: Vec<_> = self.findings.iter().map(|finding| finding.rule).collect();
            for finding in &mut report.findings {
                if finding.level == Level::Warning && before.contains(&finding.rule) {
                    finding.level = Level::Info;
                }
            }
        }
        report
    }

    /// The causes of the findings that stand: errors and warnings that no other finding explains.
    pub fn causes(&self) -> Vec<Cause> {
        self.standing().map(|finding| finding.cause).collect()
    }

    /// The findings that stand.
    pub fn standing(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.stands())
    }

    /// Whether an error stands.
    pub fn has_error(&self) -> bool {
        self.standing().any(|finding| finding.level == Level::Error)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let standing = self.standing().count();
        match standing {
            0 => writeln!(f, "no reason found that the network should not learn")?,
            1 => writeln!(f, "1 finding")?,
            _ => writeln!(f, "{standing} findings")?,
        }
        for finding in &self.findings {
            writeln!(f, "\n{finding}")?;
        }
        for what in &self.unjudged {
            writeln!(f, "\nnot judged: {what}")?;
        }
        Ok(())
    }
}
