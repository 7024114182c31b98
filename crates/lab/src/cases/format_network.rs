//! The types of a network in the JSON of a case.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A network: a chain of layers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// The layers, from the inputs to the outputs.
    pub layers: Vec<LayerSpec>,
}

/// A layer: `dense`, `dropout` or `batchnorm`; or, without these, the activation `act`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerSpec {
    /// The number of units of a fully connected layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dense: Option<usize>,
    /// The activation; `linear` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Act>,
    /// The initial weights; `glorot_uniform` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<InitSpec>,
    /// The initial biases; `zeros` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<InitSpec>,
    /// Whether the biases are learned; true by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_bias: Option<bool>,
    /// Whether weights and biases keep their initial values; false by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen: Option<bool>,
    /// The probability to drop an input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropout: Option<f64>,
    /// Whether the layer is a batch normalization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batchnorm: Option<bool>,
}

impl LayerSpec {
    /// A fully connected layer.
    pub fn dense(units: usize, act: Act) -> Self {
        Self { dense: Some(units), act: Some(act), ..Self::default() }
    }

    /// Dropout.
    pub fn dropout(p: f64) -> Self {
        Self { dropout: Some(p), ..Self::default() }
    }

    /// Batch normalization.
    pub fn batch_norm() -> Self {
        Self { batchnorm: Some(true), ..Self::default() }
    }

    /// An activation.
    pub fn activation(act: Act) -> Self {
        Self { act: Some(act), ..Self::default() }
    }
}

/// An activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of the activations")]
pub enum Act {
    Linear,
    Relu,
    /// With the slope 0.2.
    LeakyRelu,
    Elu,
    Tanh,
    Sigmoid,
    Softmax,
}

/// Initial values: a word, or an object with one number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum InitSpec {
    /// `zeros`
    Zeros,
    /// `ones`
    Ones,
    /// `glorot_uniform`
    GlorotUniform,
    /// `he_uniform`
    HeUniform,
    /// `uniform`: between -0.05 and 0.05; or `{"uniform": half}`.
    Uniform(f64),
    /// `{"normal": sd}`
    Normal(f64),
    /// `{"const": value}`
    Const(f64),
}

impl TryFrom<Value> for InitSpec {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        if let Some(word) = value.as_str() {
            return match word {
                "zeros" => Ok(Self::Zeros),
                "ones" => Ok(Self::Ones),
                "glorot_uniform" => Ok(Self::GlorotUniform),
                "he_uniform" => Ok(Self::HeUniform),
                "uniform" => Ok(Self::Uniform(0.05)),
                _ => Err(format!("unknown initial values `{word}`")),
            };
        }
        let mut keys = value.as_object().into_iter().flatten();
        match (keys.next(), keys.next()) {
            (Some((word, number)), None) => match (word.as_str(), number.as_f64()) {
                ("uniform", Some(half)) => Ok(Self::Uniform(half)),
                ("normal", Some(sd)) => Ok(Self::Normal(sd)),
                ("const", Some(value)) => Ok(Self::Const(value)),
                _ => Err(format!("unknown initial values {{`{word}`: {number}}}")),
            },
            _ => Err(format!("initial values are a word or an object with one key, got {value}")),
        }
    }
}

impl From<InitSpec> for Value {
    fn from(init: InitSpec) -> Self {
        match init {
            InitSpec::Zeros => "zeros".into(),
            InitSpec::Ones => "ones".into(),
            InitSpec::GlorotUniform => "glorot_uniform".into(),
            InitSpec::HeUniform => "he_uniform".into(),
            InitSpec::Uniform(half) => serde_json::json!({ "uniform": half }),
            InitSpec::Normal(sd) => serde_json::json!({ "normal": sd }),
            InitSpec::Const(value) => serde_json::json!({ "const": value }),
        }
    }
}
