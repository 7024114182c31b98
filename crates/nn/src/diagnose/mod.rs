//! Why does it not learn? A diagnosis of a network and its training.
//!
//! [`preflight`] judges a run before it starts, from its examples, one batch and three trial steps
//! on a copy; [`Report::after`] judges again with the losses of the run. A [`Report`] lists
//! [`Finding`]s: the [`Cause`], the measured numbers, the bound and its source, why it hurts, and
//! the remedy. A finding that another cause explains is marked as its consequence.
//!
//! The [rules](Rule) compare measured [`Facts`] with thresholds, which can be set and switched off;
//! a rule of your own implements the same trait.
//!
//! Thresholds that name a paper or a tool: `AutoTrainer` (X. Zhang et al., ICSE 2021),
//! `DeepDiagnosis` (M. Wardat et al., ICSE 2022), `UMLAUT` (E. Schoop et al., CHI 2021),
//! `TheDeepChecker` (H. Ben Braiek and F. Khomh, 2023), `SageMaker` Debugger (N. Rauschmayr et al.,
//! `MLSys` 2021), `Defect4ML` (M. M. Morovati et al., 2023).

mod cause;
mod data;
mod facts;
mod finding;
mod loss;
mod preflight;
mod rank;
mod report;
mod rule_set;
pub mod rules;

pub use cause::{Cause, Level};
pub use data::{Column, Data, DataFacts, TargetFacts, Targets};
pub use facts::{Budget, Course, Facts, Gradient, LayerFacts, Network, Range, Trial, WeightFacts};
pub use finding::{Action, Evidence, Finding, Remedy, Threshold};
pub use loss::{Loss, Takes};
pub use preflight::{preflight, preflight_with};
pub use report::Report;
pub use rule_set::Rules;
pub use rules::Rule;
