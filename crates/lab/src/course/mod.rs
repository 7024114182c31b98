//! The course: every claim of a week of lecture notes on activation functions and weight
//! initialization, as an experiment on networks that this engine trains or differentiates.
//!
//! The file of a claim contains the statement of the notes, the experiment with its setup as a
//! value, and the thresholds with the theory from which they are derived; [`evidence`] defines how
//! a verdict follows from them. As the setup is a value, a test can run the experiment on the
//! opposite and check that the verdict changes.

mod claim;
mod compare;
mod context;
mod cost;
mod dying;
pub mod evidence;
mod expected;
mod fan_in;
mod functions;
mod linear;
mod pairs;
mod positive_bias;
mod run;
mod saturation;
mod saturation_scale;
mod scaled;
mod signs;
mod symmetry;
mod vanishing;

pub use self::claim::Claim;
pub use self::context::Context;
pub use self::run::{Event, Outcome, run};

/// All claims, in the order of the notes.
pub fn claims() -> Vec<Claim> {
    [
        &[linear::CLAIM][..],
        &functions::CLAIMS,
        &[vanishing::CLAIM, saturation_scale::CLAIM, signs::CLAIM, cost::CLAIM, compare::CLAIM],
        &dying::CLAIMS[..2],
        &[positive_bias::CLAIM],
        &dying::CLAIMS[2..],
        &symmetry::CLAIMS,
        &saturation::CLAIMS,
        &[fan_in::CLAIM],
        &scaled::CLAIMS,
        &[pairs::CLAIM],
    ]
    .concat()
}
