//! The types of a case: what the JSON holds, word by word. A word that is not listed here is an
//! error.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::format_data::DataSpec;
use super::format_network::NetworkSpec;
use super::format_training::{LossSpec, OptimizerSpec};
use crate::error::LabError;

/// A network with its data and its training, and what is known about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The name of the case, unique in its file.
    pub id: String,
    /// Whether the case has a fault.
    pub class: Class,
    /// The kind of the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskKind>,
    /// The causes of the fault.
    #[serde(default)]
    pub kinds: Vec<Cause>,
    /// What can be observed when the fault occurs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub symptoms: Vec<Cause>,
    /// Other sets of causes that explain the fault as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accept_instead: Vec<Vec<Cause>>,
    /// The sets of causes, [`kinds`](Self::kinds) included, whose repair was tried with success.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accept_verified: Vec<Vec<Cause>>,
    /// The data.
    pub data: DataSpec,
    /// The network.
    pub network: NetworkSpec,
    /// The loss.
    pub loss: LossSpec,
    /// The optimizer.
    pub optimizer: OptimizerSpec,
    /// The number of rows in a mini-batch.
    pub batch: Batch,
    /// The number of passes over the training rows.
    pub epochs: usize,
    /// The score.
    pub metric: Metric,
    /// The division into training and held-out rows; without it all rows are training rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// Whether the rows are shuffled in each epoch; true by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shuffle: Option<bool>,
    /// The parts that are different in the version that works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<Fixed>,
    /// How the two versions are judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Scores that were measured with another program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
    /// A title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The fix in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// How much of the case is from its source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completeness: Option<String>,
    /// How certain the causes are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_confidence: Option<String>,
    /// The cases with a fault that a healthy case is similar to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub near_miss_of: Vec<String>,
    /// Where the case was described first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Value>,
    /// What can be seen before the training, and what only during it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detectable: Option<Value>,
    /// Which parts are from the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Value>,
    /// The results of the repairs that were tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair_trial: Option<Value>,
}

/// What is trained: one of the two versions of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// The name of the case.
    pub id: String,
    /// The data.
    pub data: DataSpec,
    /// The network.
    pub network: NetworkSpec,
    /// The loss.
    pub loss: LossSpec,
    /// The optimizer.
    pub optimizer: OptimizerSpec,
    /// The number of rows in a mini-batch.
    pub batch: Batch,
    /// The number of passes over the training rows.
    pub epochs: usize,
    /// The score.
    pub metric: Metric,
    /// The division into training and held-out rows.
    pub split: Option<Split>,
    /// Whether the rows are shuffled in each epoch.
    pub shuffle: bool,
}

/// A version of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// The case as it is described, with its fault.
    Given,
    /// The case with the parts of [`Case::fixed`].
    Fixed,
}

impl Case {
    /// Reads a case. An error names the case.
    ///
    /// # Errors
    /// If a field is missing, or a field or a word is unknown.
    pub fn from_value(value: Value) -> Result<Self, LabError> {
        let id = value.get("id").and_then(Value::as_str).unwrap_or("without an id").to_owned();
        serde_json::from_value(value)
            .map_err(|error| LabError::Request(format!("case `{id}`: {error}")))
    }

    /// What is trained in a version of the case. The fixed version has the keys of `fixed.data` in
    /// place of those of `data`, and the other parts of `fixed` as a whole.
    ///
    /// # Errors
    /// If the data of the fixed version are invalid.
    pub fn variant(&self, variant: Variant) -> Result<Setup, LabError> {
        let mut setup = Setup {
            id: self.id.clone(),
            data: self.data.clone(),
            network: self.network.clone(),
            loss: self.loss.clone(),
            optimizer: self.optimizer.clone(),
            batch: self.batch,
            epochs: self.epochs,
            metric: self.metric,
            split: self.split,
            shuffle: self.shuffle.unwrap_or(true),
        };
        let Some(fixed) = self.fixed.as_ref().filter(|_| variant == Variant::Fixed) else {
            return Ok(setup);
        };
        if let Some(changes) = &fixed.data {
            let failed =
                |error| LabError::Request(format!("case `{}`: fixed.data: {error}", self.id));
            let mut data = serde_json::to_value(&self.data).map_err(failed)?;
            if let Value::Object(keys) = &mut data {
                keys.extend(changes.clone());
            }
            setup.data = serde_json::from_value(data).map_err(failed)?;
        }
        let Fixed { network, loss, optimizer, batch, epochs, metric, split, shuffle, .. } =
            fixed.clone();
        setup.network = network.unwrap_or(setup.network);
        setup.loss = loss.unwrap_or(setup.loss);
        setup.optimizer = optimizer.unwrap_or(setup.optimizer);
        setup.batch = batch.unwrap_or(setup.batch);
        setup.epochs = epochs.unwrap_or(setup.epochs);
        setup.metric = metric.unwrap_or(setup.metric);
        setup.split = split.or(setup.split);
        setup.shuffle = shuffle.unwrap_or(setup.shuffle);
        Ok(setup)
    }
}

/// Whether a case has a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A fault that was reported.
    Fault,
    /// No fault.
    Healthy,
    /// A fault that was introduced into a healthy case.
    Seeded,
}

/// The kind of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Two classes.
    Binary,
    /// Several classes.
    Multiclass,
    /// Several yes-or-no answers.
    Multilabel,
    /// Numbers.
    Regression,
}

/// A cause of a fault, or a symptom that is accepted as its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the words of the format, which say what they are")]
pub enum Cause {
    UnscaledInput,
    UnscaledTarget,
    WrongOutputActivation,
    WrongLoss,
    MissingNonlinearity,
    VanishingGradient,
    LrTooHigh,
    LrTooLow,
    TooFewEpochs,
    BadInitialization,
    SymmetricWeights,
    TooSmallCapacity,
    LabelMismatch,
    ClassImbalance,
    OptimizerChoice,
    BatchSize,
    Overfit,
    OverRegularised,
    DataOrder,
    NoSignal,
    None,
    SaturatedActivation,
    DeadRelu,
    Exploding,
    Oscillating,
}

/// The number of rows in a mini-batch: a number, or `full`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Batch {
    /// All rows.
    Full,
    /// This many rows, or all if there are fewer.
    Rows(usize),
}

impl TryFrom<Value> for Batch {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match &value {
            Value::String(word) if word == "full" => Ok(Self::Full),
            _ => match value.as_u64().filter(|&rows| rows > 0) {
                Some(rows) => Ok(Self::Rows(rows as usize)),
                None => Err(format!("batch must be a positive number or `full`, got {value}")),
            },
        }
    }
}

impl From<Batch> for Value {
    fn from(batch: Batch) -> Self {
        match batch {
            Batch::Full => "full".into(),
            Batch::Rows(rows) => rows.into(),
        }
    }
}

/// The score of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// Which score.
    pub name: MetricName,
}

/// The scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricName {
    /// The fraction of rows of the right class: of one output 1 above 0.5, of several the largest.
    Accuracy,
    /// The mean over the classes of the fraction of its rows that are found.
    Balanced,
    /// The fraction of right answers, where each output is an answer, yes above 0.5.
    Multilabel,
    /// The fraction of rows with only right answers.
    Exact,
    /// The coefficient of determination over all outputs.
    R2,
}

/// The division into training and held-out rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// The fraction of training rows.
    pub train: f64,
    /// The order of the rows before the division; as they are by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
}

/// The order of the rows before the division.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// As they are.
    AsIs,
    /// Shuffled.
    Shuffled,
}

/// The parts that are different in the version that works.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of `Case` with these names")]
pub struct Fixed {
    /// Keys of [`DataSpec`] with their new values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<LossSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optimizer: Option<OptimizerSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Batch>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<Metric>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shuffle: Option<bool>,
}

/// How the two versions of a case are judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// How often the given version fails.
    pub strength: Strength,
    /// The score that decides.
    pub judged_on: Judged,
    /// The score that the given version does not reach, and the fixed one does.
    pub pass_mark: Option<f64>,
    /// The fraction of the starts that fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_share: Option<f64>,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// How often the given version fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// At every start.
    Clear,
    /// At some starts.
    SomeStarts,
    /// It works, but less well than the fixed version.
    Mild,
    /// There is no fault.
    Healthy,
}

/// The score that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judged {
    /// That of the training rows.
    Score,
    /// That of the held-out rows.
    HeldOutScore,
}

/// Scores that were measured with another program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// The given version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buggy: Option<Runs>,
    /// The fixed version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<Runs>,
    /// The score of the healthy case that a seeded case was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthy_score: Option<f64>,
    /// The score of the best constant output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<f64>,
}

/// The results of several starts; a number that is not finite is `null`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the names say what they are")]
pub struct Runs {
    pub seeds: Option<usize>,
    pub score: Vec<Option<f64>>,
    pub held_out_score: Vec<Option<f64>>,
    pub loss_first_pass: Option<f64>,
    pub loss_last_pass: Option<f64>,
    pub nonfinite_runs: Option<usize>,
    pub steps: Option<usize>,
    pub seconds: Option<f64>,
}
