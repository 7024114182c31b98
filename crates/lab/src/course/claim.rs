//! [`Claim`]: a claim of the lecture notes with its experiment.

use std::fmt;

use super::context::Context;
use super::evidence::{Evidence, Verdict};
use super::expected;
use crate::error::Failure;

/// The resources that an experiment needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// One thread.
    OneThread,
    /// All threads, over which the experiment distributes its work.
    AllThreads,
    /// An otherwise idle program, as the experiment measures times.
    Idle,
}

/// A claim with its experiment.
#[derive(Clone, Copy)]
pub struct Claim {
    /// A1 to A14 and B1 to B8.
    pub id: &'static str,
    /// The subject, in a few words.
    pub title: &'static str,
    /// The statement of the notes.
    pub says: &'static str,
    /// The quantities that are measured, and how.
    pub method: &'static str,
    pub(super) needs: Needs,
    pub(super) run: fn(&Context) -> Result<Evidence, Failure>,
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Claim {
    /// The verdicts that this repository expects; more than one if the result depends on the
    /// machine.
    pub fn expected(&self) -> &'static [Verdict] {
        expected::verdicts(self.id)
    }

    /// The expected verdicts in words.
    pub fn expected_text(&self) -> String {
        let words: Vec<String> = self.expected().iter().map(Verdict::to_string).collect();
        words.join(" or ")
    }
}
