//! Training cases: networks with their data and training in JSON, with and without a fault.
//!
//! A file is a list of cases. This one trains 12 hidden units on two classes, with a rate that is
//! too low, and states the rate that works:
//!
//! ```
//! use wengert_lab::cases::{self, Variant};
//!
//! let text = r#"[{
//!     "id": "two-classes", "class": "fault", "kinds": ["lr_too_low"],
//!     "data": {"kind": "gaussians", "classes": 2, "d": 3, "n": 100, "sep": 4.0},
//!     "network": {"layers": [{"dense": 12, "act": "relu"}, {"dense": 1, "act": "sigmoid"}]},
//!     "loss": {"name": "bce"}, "optimizer": {"name": "sgd", "lr": 1e-6},
//!     "batch": 10, "epochs": 20, "metric": {"name": "accuracy"},
//!     "fixed": {"optimizer": {"name": "sgd", "lr": 0.1}}
//! }]"#;
//! let cases = cases::parse(text)?;
//! let trained = cases::train(&cases[0].variant(Variant::Fixed)?, 1, 10.0)?;
//! assert!(trained.score > 0.9);
//! # Ok::<(), wengert_lab::error::LabError>(())
//! ```
//!
//! # A case
//!
//! `id` and `class` (`fault`, `healthy`, `seeded`) identify it. What is trained are these parts:
//!
//! | part | |
//! |---|---|
//! | `data` | `kind` and its keys ([`DataKind`]), then the changes `x_scale`, `y_scale`, `y_code` |
//! | `network` | `layers`: `dense` with `act`, `init`, `bias`; `dropout`; `batchnorm`; `act` |
//! | `loss` | `name` ([`LossName`]) and `reduction` |
//! | `optimizer` | `name` ([`OptimizerName`]), `lr` and settings |
//! | `batch`, `epochs` | rows in a mini-batch (a number or `full`), passes over the rows |
//! | `metric` | the `name` of the score ([`MetricName`]) |
//! | `split` | `train`, the fraction of training rows, and their `order` |
//!
//! `fixed` has the parts that are different in the version that works: the keys of its `data`
//! replace single keys, its other parts replace the whole part. `kinds` are the causes of the
//! fault, `accept_instead` and `accept_verified` other sets of causes that count as right.
//! `verdict` has the `pass_mark`: the score that only the fixed version reaches. `measured` are
//! scores of another program. A field or a word that is not listed in this module is an error.
//!
//! # Numbers
//!
//! A start determines the data, the weights, dropout and the order of the rows. Elements are `f32`,
//! data are drawn in `f64`. Where conventions differ between libraries, a case has these: the eps
//! of Adam (1e-7) is added to a root that is not corrected, batch normalization has an eps of 1e-3
//! and keeps 0.99 of its running averages, a leaky relu has the slope 0.2. The running variance is
//! that of the engine (unbiased).

mod data;
mod draw;
mod format;
mod format_data;
mod format_network;
mod format_training;
mod loss;
mod network;
mod run;
mod score;
mod shipped;
mod validation;

use std::fs;
use std::path::Path;

use serde_json::Value;

pub use data::{Data, Rows, build as build_data};
pub use format::*;
pub use format_data::*;
pub use format_network::*;
pub use format_training::*;
pub use loss::{loss, loss_of, reported};
pub use network::{Network, Softmax, build as build_network};
pub use run::{Prepared, Trained, prepare, train};
pub use score::score;
pub use validation::{Figures, Judgement, Options, Validation, diagnosed, validate};

use crate::error::LabError;

/// Reads the cases of a file.
///
/// # Errors
/// If the file cannot be read, or a case is invalid; the error names the case.
pub fn read(path: &Path) -> Result<Vec<Case>, LabError> {
    let text = fs::read_to_string(path).map_err(|error| {
        LabError::Request(format!("the cases in `{}` cannot be read: {error}", path.display()))
    })?;
    parse(&text)
}

/// Reads the cases of a JSON text.
///
/// # Errors
/// If the text is not a list in JSON, or a case is invalid; the error names the case.
pub fn parse(text: &str) -> Result<Vec<Case>, LabError> {
    let values: Vec<Value> = serde_json::from_str(text)
        .map_err(|error| LabError::Request(format!("the cases are not a list in JSON: {error}")))?;
    values.into_iter().map(Case::from_value).collect()
}

#[cfg(test)]
mod tests;
