//! The types of the data in the JSON of a case.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How inputs and targets are made. Which keys are read depends on `kind`; the fixed version of a
/// case may have keys of the given version that its own kind does not read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the kinds say what they read")]
pub struct DataSpec {
    pub kind: DataKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub d: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<Source>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<Source>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub w: Option<Weights>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub informative: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise_sd: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priors: Option<Vec<f64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sep: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub centers: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Vec<Vec<f64>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub std: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_per_class: Option<Counts>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boxes: Option<Vec<Vec<[f64; 2]>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<f64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bits: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sd: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revert: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<Distribution>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary_p: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Shipped>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_classes: Option<Vec<f64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sorted: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shuffle: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<usize>,
    /// The changes of the inputs, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub x_scale: Vec<Scale>,
    /// The changes of the targets, in order. Scores of classes use the targets before them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub y_scale: Vec<Scale>,
    /// Whether the targets are the changed inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y_from_x: Option<bool>,
    /// How a class is encoded; as its number by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y_code: Option<Code>,
    /// The number of outputs of the encoding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y_classes: Option<usize>,
    /// Whether the one target is repeated for each output of the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broadcast: Option<bool>,
}

/// The kinds of data, with the keys that each reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataKind {
    /// The rows `x` and `y`, all of them `repeat` times.
    #[default]
    Table,
    /// One input from `from` to `to`, without `to`, in steps of `step`; `target`.
    Grid1d,
    /// `n` inputs, uniform in `low..high`; `target`.
    Uniform1d,
    /// `n` rows of `d` numbers drawn from `x`, and `y = x w + bias` plus normal noise of
    /// `noise_sd`. The weights `w` are numbers or drawn; from column `informative` on they are 0.
    Linear,
    /// `n` rows of `classes` classes with probabilities `priors`. Each is normal with unit
    /// variance in `d` dimensions; class i has its mean at `sep` on axis i, or `-sep` for the
    /// classes beyond d.
    Gaussians,
    /// `n` rows, the same number of each class, normal with `std` around `centers` points, which
    /// are `at` or uniform in -10..10 in `d` (2) dimensions.
    Blobs,
    /// `n` points on the unit circle (class 0) and on a circle of radius `factor` (0.8, class 1)
    /// with normal noise of `noise`.
    Circles,
    /// `n` points on two half circles, one inside the other, with normal noise of `noise`.
    Moons,
    /// Class i has `n_per_class[i]` rows, uniform in the box `boxes[i]`: low and high for each
    /// column.
    Boxes,
    /// Class i has `n_per_class` rows of `d` columns, all of them `values[i]`.
    Blocks,
    /// All words of `bits` bits; the `target` is the `parity`, or a `permutation` of the words.
    Bits,
    /// A random walk of `n` steps of `sd` from `start`; the target of a value is the next one. In
    /// each step `revert` of the distance to `start` is removed.
    Walk,
    /// `n` rows; each of `columns` has a distribution, and `label` makes the targets.
    Columns,
    /// `n` rows of `d` numbers drawn from `x`, and targets drawn from `y`, or 1 with probability
    /// `binary_p`.
    Random,
    /// The data set `name`, with the rows of `only_classes`, `sorted` by class or else shuffled
    /// (unless `shuffle` is false), then the first `rows`.
    Shipped,
}

/// Rows of numbers, or a distribution to draw them from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Source {
    /// The rows.
    Rows(Vec<Vec<f64>>),
    /// The distribution.
    Drawn(Distribution),
}

/// Weights of columns, or a distribution to draw them from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Weights {
    /// The weights.
    Given(Vec<f64>),
    /// The distribution.
    Drawn(Distribution),
}

/// The same number of rows for every class, or one for each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Counts {
    /// For every class.
    Every(usize),
    /// For each class.
    Each(Vec<usize>),
}

/// A function of the input, or a rule for words of bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Target {
    /// A function of one input.
    Curve(Curve),
    /// A rule for words of bits.
    Bits(BitsTarget),
}

/// Implements the conversions of an enum with two forms: one for a JSON value that satisfies a
/// condition, and another for all other values.
macro_rules! two_forms {
    ($type:ident: $first:ident if $is:ident, else $second:ident) => {
        impl TryFrom<Value> for $type {
            type Error = serde_json::Error;

            fn try_from(value: Value) -> Result<Self, serde_json::Error> {
                Ok(if value.$is() {
                    Self::$first(serde_json::from_value(value)?)
                } else {
                    Self::$second(serde_json::from_value(value)?)
                })
            }
        }

        impl From<$type> for Value {
            fn from(this: $type) -> Self {
                // Numbers, strings, lists and structs of these have a JSON value.
                match this {
                    $type::$first(part) => serde_json::to_value(part),
                    $type::$second(part) => serde_json::to_value(part),
                }
                .unwrap_or(Self::Null)
            }
        }
    };
}

two_forms!(Source: Rows if is_array, else Drawn);
two_forms!(Weights: Given if is_array, else Drawn);
two_forms!(Counts: Each if is_array, else Every);
two_forms!(Target: Bits if is_string, else Curve);

/// A distribution of numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "dist", rename_all = "lowercase", deny_unknown_fields)]
#[expect(missing_docs, reason = "the names say what they are")]
pub enum Distribution {
    /// Uniform in `low..high`.
    Uniform { low: f64, high: f64 },
    /// An integer, uniform in `low..=high`.
    Int { low: i64, high: i64 },
    /// Normal.
    Normal {
        #[serde(default)]
        mean: f64,
        #[serde(default = "one")]
        sd: f64,
    },
    /// The exponential of a number that is uniform between the logarithms of `low` and `high`.
    Loguniform { low: f64, high: f64 },
    /// With probability `p` uniform in `low..high`, else 0.
    Sparse { p: f64, low: f64, high: f64 },
    /// Always `value`.
    Const { value: f64 },
}

fn one() -> f64 {
    1.0
}

/// A function of one input, with noise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curve {
    /// Which function.
    #[serde(rename = "fn")]
    pub function: Function,
    /// The coefficients of a polynomial, from the constant on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coef: Vec<f64>,
    /// The frequency of a sine; 1 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freq: Option<f64>,
    /// The standard deviation of normal noise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise_sd: Option<f64>,
    /// Noise of another distribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<Noise>,
}

/// A function of one input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// A polynomial.
    Poly,
    /// The sine of the input times the frequency.
    Sin,
}

/// Noise that is not normal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Noise {
    /// The cube of a number with the standard normal distribution.
    CubedNormal,
}

/// The target of a word of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BitsTarget {
    /// Another word; each word is the target of one.
    Permutation,
    /// 1 if an odd number of bits is set, else 0.
    Parity,
}

/// The targets of [`DataKind::Columns`], from weighted sums of the standardized columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// Which rule.
    pub kind: LabelKind,
    /// The weights of the columns, by their numbers from 0.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<usize, f64>,
    /// The standard deviation of normal noise that is added to the sum.
    #[serde(default)]
    pub noise_sd: f64,
    /// The fraction of rows of class 1; 0.5 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive: Option<f64>,
    /// The weights of each target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub each: Vec<BTreeMap<usize, f64>>,
    /// The target of a sum of 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<f64>,
    /// The factor of the sum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain: Option<f64>,
}

/// The rule of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelKind {
    /// Class 1 for the rows with the largest sums.
    Threshold,
    /// Several targets: 1 where the sum of `each` is positive.
    MultiThreshold,
    /// `offset + gain` times the sum.
    Value,
}

/// A data set that is part of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of the data sets")]
pub enum Shipped {
    Iris,
    Digits,
    Wine,
    BreastCancer,
    Diabetes,
}

/// A change of the columns.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// To mean 0 and variance 1.
    Standardize,
    /// To the range from 0 to 1.
    Minmax,
    /// To the range from -1 to 1.
    Minmax11,
    /// To 1 above the middle of the range of all columns, else 0.
    BinarizeMid,
    /// Multiplied.
    Mul(f64),
    /// Increased.
    Add(f64),
    /// Rounded toward 0.
    Trunc(bool),
}

/// The encoding of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// 1 for the class, 0 for the others.
    Onehot,
}
