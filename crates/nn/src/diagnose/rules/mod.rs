//! The rules, one per file: each compares what was measured with a threshold that can be set.
//!
//! | | |
//! |---|---|
//! | examples | [`FiniteData`], [`Columns`], [`InputSize`], [`HeldOut`], [`ClassShares`] |
//! | labels, outputs and loss | [`Labels`], [`OutputForm`], [`TargetRange`], [`TargetSize`] |
//! | layers | [`LinearLayers`], [`NarrowLayer`], [`DropoutShare`], [`Connected`], [`SingleRow`] |
//! | initial weights | [`EqualUnits`], [`WeightScale`], [`StartLoss`] |
//! | initial outputs | [`Saturation`], [`DeadUnits`], [`FiniteOutputs`] |
//! | gradients | [`VanishingGradient`], [`Collapse`] |
//! | trial steps | [`RateTooHigh`], [`Reach`] |
//! | the run | [`Diverged`], [`StillFalling`], [`Oscillation`], [`HeldOutGap`], [`MissedClass`] |

macro_rules! rules {
    ($($module:ident $rule:ident),+ $(,)?) => {
        $(mod $module; pub use $module::$rule;)+

        /// All rules with their default thresholds.
        pub(crate) fn standard() -> Vec<Box<dyn Rule>> {
            vec![$(Box::new($rule::default())),+]
        }
    };
}

rules! {
    finite_data FiniteData,
    columns Columns,
    input_size InputSize,
    held_out HeldOut,
    class_shares ClassShares,
    labels Labels,
    output_form OutputForm,
    target_range TargetRange,
    target_size TargetSize,
    linear_layers LinearLayers,
    narrow_layer NarrowLayer,
    dropout_share DropoutShare,
    connected Connected,
    single_row SingleRow,
    equal_units EqualUnits,
    weight_scale WeightScale,
    start_loss StartLoss,
    saturation Saturation,
    dead_units DeadUnits,
    finite_outputs FiniteOutputs,
    vanishing_gradient VanishingGradient,
    collapse Collapse,
    rate_too_high RateTooHigh,
    reach Reach,
    diverged Diverged,
    still_falling StillFalling,
    oscillation Oscillation,
    held_out_gap HeldOutGap,
    missed_class MissedClass,
}

use super::facts::Facts;
use super::finding::Finding;

/// A rule: judges what was measured.
///
/// ```
/// use wengert_nn::diagnose::{Cause, Facts, Finding, Level, Rule, Rules};
///
/// /// Warns of a run with few examples.
/// #[derive(Debug)]
/// struct FewExamples;
///
/// impl Rule for FewExamples {
///     fn name(&self) -> &'static str {
///         "few_examples"
///     }
///     fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>) {
///         if facts.data.rows < 10 {
///             let finding = Finding::new(self.name(), Cause::NoSignal, Level::Info);
///             findings.push(finding.measured("examples", facts.data.rows as f64, ""));
///         }
///     }
/// }
///
/// let rules = Rules::standard().with(FewExamples).without("columns");
/// assert!(rules.names().any(|name| name == "few_examples"));
/// ```
pub trait Rule: std::fmt::Debug + Send + Sync {
    /// The name.
    fn name(&self) -> &'static str;

    /// Adds what the rule finds.
    fn judge(&self, facts: &Facts, findings: &mut Vec<Finding>);
}
