//! The rules, and what they find.

use std::fmt;

use regex::{Regex, RegexBuilder};

use super::allowed::ALLOWED;
use super::paragraph::{Line, Paragraph};

/// The widest line with a comment.
const COLUMNS: usize = 100;

/// Where a rule applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    All,
    /// Comments that begin with `SAFETY:`.
    Safety,
}

/// For each rule a pattern of whole words in any case, where it applies, and what to write instead.
pub(super) const RULES: &[(&str, Scope, &str)] = &[
    ("(put|puts|putting) off", Scope::All, "`deferred` or `lazy`"),
    ("noted", Scope::All, "`deferred` of a computation, else `recorded`"),
    ("somebody|someone|nobody|no one", Scope::All, "the actor: the caller, the pool, the gradient"),
    ("so many|as many as there are", Scope::All, "`n`, or `the number of`"),
    ("told from|told apart|tells? apart", Scope::All, "`distinguished from`, `distinguishes`"),
    ("lets? go of|letting go of|one hold", Scope::All, "`drops`, `releases`"),
    ("goes by|go by|went by|going by", Scope::All, "`uses`, `depends on`"),
    ("(is|are|was|were|be|been) had", Scope::All, "`costs`, `is available`, `results from`"),
    ("comes? of|came of|coming of", Scope::All, "`results from`"),
    ("in turns", Scope::All, "`alternately`"),
    ("mend|mends|mended|mending", Scope::All, "`fix`, `correct`"),
    ("looked at|looks at", Scope::All, "`read`, `materialized`, `measured`, `examined`"),
    ("behind", Scope::All, "`after`, `following` or `trailing` in a sequence"),
    ("vouch|vouches|vouched", Scope::All, "the fact that holds, and where it is established"),
    (
        "passed on|as above|see above|as before",
        Scope::Safety,
        "the fact that holds, and where it is established",
    ),
];

/// What is wrong in a line, with what to write instead.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) line: usize,
    text: String,
    instead: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.line, self.text, self.instead)
    }
}

/// The compiled rules on wording.
#[derive(Debug)]
pub(super) struct Rules {
    rules: Vec<(Regex, Scope, &'static str)>,
    allowed: Vec<Regex>,
}

impl Rules {
    pub(super) fn new() -> Self {
        Self::with(ALLOWED.iter().map(|&(phrase, _)| phrase))
    }

    /// The rules with these phrases allowed.
    pub(super) fn with<'a>(allowed: impl IntoIterator<Item = &'a str>) -> Self {
        let words = |pattern: &str| {
            let regex =
                RegexBuilder::new(&format!(r"\b(?:{pattern})\b")).case_insensitive(true).build();
            regex.expect("a constant pattern, compiled by the tests")
        };
        Self {
            rules: RULES.iter().map(|&(rule, at, instead)| (words(rule), at, instead)).collect(),
            allowed: allowed.into_iter().map(words).collect(),
        }
    }

    /// The expressions in these paragraphs that have a standard term.
    pub(super) fn wording(&self, paragraphs: &[Paragraph]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for paragraph in paragraphs {
            let text = &paragraph.text;
            let mut exempt = paragraph.code();
            exempt.extend(
                self.allowed.iter().flat_map(|phrase| phrase.find_iter(text)).map(|m| m.range()),
            );
            for (rule, scope, instead) in &self.rules {
                if *scope == Scope::Safety && !text.starts_with("SAFETY:") {
                    continue;
                }
                for found in rule.find_iter(text) {
                    if !exempt.iter().any(|e| e.start <= found.start() && found.end() <= e.end) {
                        findings.push(Finding {
                            line: paragraph.line(found.start()),
                            text: found.as_str().into(),
                            instead: format!("write {instead}"),
                        });
                    }
                }
            }
        }
        findings
    }
}

/// The lines with a comment that are wider than [`COLUMNS`] and can be broken.
pub(super) fn width(source: &str, comments: &[Line]) -> Vec<Finding> {
    let lines: Vec<&str> = source.lines().collect();
    let mut findings = Vec::new();
    for comment in comments {
        let columns = lines[comment.number - 1].chars().count();
        let text = comment.text.trim();
        let is_url = text.contains("://") && !text.contains(char::is_whitespace);
        if columns > COLUMNS && !is_url && !text.starts_with('|') {
            findings.push(Finding {
                line: comment.number,
                text: format!("{columns} columns"),
                instead: format!("break the line at {COLUMNS}"),
            });
        }
    }
    findings
}
