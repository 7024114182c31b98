//! [`Finding`]: what a rule found, with its evidence and the remedy.

use std::fmt;

use wengert_autodiff::Activation;

use super::cause::{Cause, Level};

/// What a rule found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// The name of the rule.
    pub rule: &'static str,
    /// What the rule holds responsible.
    pub cause: Cause,
    /// How certain it is.
    pub level: Level,
    /// The path of the layer or parameter; `None` if the finding is not about one.
    pub layer: Option<String>,
    /// The measured numbers.
    pub evidence: Vec<Evidence>,
    /// The bound that was passed; `None` where the rule is exact.
    pub threshold: Option<Threshold>,
    /// Why it hurts.
    pub why: String,
    /// What to do about it.
    pub remedy: Remedy,
    /// The cause that explains this finding, if there is one: then this finding is a symptom.
    pub consequence_of: Option<Cause>,
}

/// A measured number.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// What was measured.
    pub what: String,
    /// The number.
    pub value: f64,
    /// Its unit; empty for a number without one.
    pub unit: &'static str,
}

/// A bound and where it is from.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// The bound.
    pub bound: f64,
    /// The paper, tool or measurement it is from.
    pub source: &'static str,
}

/// What to do about a finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Remedy {
    /// The change, in words and code.
    pub text: String,
    /// The change in a form that a program can carry out.
    pub action: Action,
}

/// A change of a training run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// Standardize the columns of the inputs.
    StandardizeInputs,
    /// Standardize the targets.
    StandardizeTargets,
    /// Use the outputs and the loss of the task: one logit with the binary loss for two classes,
    /// one output for each class with cross-entropy for more, linear outputs for numbers.
    OutputAndLoss,
    /// Give the output this activation.
    OutputActivation(Activation),
    /// Draw new initial weights by [`recommend`](crate::init::recommend).
    Initialize,
    /// Replace the activation of the hidden layers, with initial weights for it.
    HiddenActivation(Activation),
    /// Give the hidden layers at least this number of units.
    Widen(usize),
    /// Multiply the learning rate by this factor.
    ScaleRate(f64),
    /// Multiply the number of epochs by this factor.
    ScaleEpochs(f64),
    /// Use this batch size.
    Batch(usize),
    /// Remove dropout.
    RemoveDropout,
    /// Shuffle the examples before they are divided.
    ShuffleSplit,
    /// A change that only a person can make.
    Manual,
}

impl Finding {
    /// A finding of a rule. Fill in the rest with the methods below.
    pub fn new(rule: &'static str, cause: Cause, level: Level) -> Self {
        Self {
            rule,
            cause,
            level,
            layer: None,
            evidence: Vec::new(),
            threshold: None,
            why: String::new(),
            remedy: Remedy { text: String::new(), action: Action::Manual },
            consequence_of: None,
        }
    }

    /// Names the layer or parameter.
    pub fn at(self, path: impl Into<String>) -> Self {
        let path = path.into();
        Self { layer: (!path.is_empty()).then_some(path), ..self }
    }

    /// Adds a measured number.
    pub fn measured(mut self, what: impl Into<String>, value: f64, unit: &'static str) -> Self {
        self.evidence.push(Evidence { what: what.into(), value, unit });
        self
    }

    /// States the bound that was passed, and its source.
    pub fn bound(self, bound: f64, source: &'static str) -> Self {
        Self { threshold: Some(Threshold { bound, source }), ..self }
    }

    /// States why it hurts.
    pub fn why(self, why: impl Into<String>) -> Self {
        Self { why: why.into(), ..self }
    }

    /// States what to do.
    pub fn remedy(self, action: Action, text: impl Into<String>) -> Self {
        Self { remedy: Remedy { text: text.into(), action }, ..self }
    }

    /// Whether the finding is an error or a warning that no other cause explains.
    pub fn stands(&self) -> bool {
        self.level > Level::Info && self.consequence_of.is_none()
    }
}

/// A number with four significant digits.
pub(crate) fn short(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    if !(1e-3..1e6).contains(&size) {
        return format!("{value:.2e}");
    }
    let digits = (3 - size.log10().floor() as i32).clamp(0, 6) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.level, self.cause, self.rule)?;
        if let Some(layer) = &self.layer {
            write!(f, " at {layer}")?;
        }
        if let Some(cause) = self.consequence_of {
            write!(f, ", a consequence of {cause}")?;
        }
        for Evidence { what, value, unit } in &self.evidence {
            let space = if unit.is_empty() { "" } else { " " };
            write!(f, "\n  measured: {what} {}{space}{unit}", short(*value))?;
        }
        if let Some(Threshold { bound, source }) = &self.threshold {
            write!(f, "\n  bound: {} ({source})", short(*bound))?;
        }
        if !self.why.is_empty() {
            write!(f, "\n  why: {}", self.why)?;
        }
        if !self.remedy.text.is_empty() {
            write!(f, "\n  remedy: {}", self.remedy.text)?;
        }
        Ok(())
    }
}
