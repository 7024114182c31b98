//! Neural networks on the wengert tape: layers, initializers, optimizers, data.
//!
//! - [`Module`](trait@Module): anything with parameters; derive it for a struct of your own.
//! - [`Layer`]: a module that maps one variable to another. [`layer`] has [`Linear`], [`Conv2d`],
//!   [`LayerNorm`], [`Dropout`], [`Embedding`], [`Lstm`], [`MultiHeadAttention`] and many others;
//!   [`Sequential`] and its builder chain them.
//! - [`ModuleExt`]: parameters by pattern, conversion between `f32` and `f64`, a summary.
//! - [`Init`]: initial values of parameters, with the formula and the paper of each scheme.
//! - [`Optimizer`]: updates parameters by their gradients; [`Sgd`], [`Adam`] and many others.
//! - [`data`]: mini-batches, and with the feature `data` the IDX files of the MNIST family.
//! - [`metrics`] and [`diagnosis`]: measures of predictions, and saturated or dead units.
//! - [`Error`]: any error of this crate, into which `?` converts the specific ones.
//!
//! ```
//! use rand::SeedableRng;
//! use rand_pcg::Pcg64;
//! use wengert_autodiff::{Activation, Tape, Tensor};
//! use wengert_nn::{Layer, Optimizer, Sequential, Sgd};
//!
//! let mut rng = Pcg64::seed_from_u64(7);
//! let mut model: Sequential = Sequential::builder()
//!     .linear(2, 8, Activation::Tanh)
//!     .linear(8, 1, Activation::Identity)
//!     .build(&mut rng)?;
//! let mut sgd = Sgd::new(0.1).momentum(0.9);
//! let mut tape = Tape::new();
//!
//! let x = tape.constant(&Tensor::ones([4, 2]));
//! let loss = model.forward(x).mse_loss(tape.constant(&Tensor::zeros([4, 1])));
//! sgd.step(&mut model, &loss.backward());
//! tape.clear();
//! # Ok::<(), wengert_nn::Error>(())
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// The derive macro names this crate, also within it.
extern crate self as wengert_nn;

mod check;
#[cfg(feature = "checkpoint")]
pub mod checkpoint;
pub mod data;
pub mod diagnose;
pub mod diagnosis;
mod error;
mod forward;
pub mod init;
mod instances;
pub mod layer;
pub mod loss;
pub mod metrics;
mod module;
mod module_ext;
mod observe;
pub mod optim;
mod parts;
mod pattern;
pub mod schedule;
mod state;
pub mod train;
mod unchanged;

pub use check::{ModuleError, check_module};
#[cfg(feature = "checkpoint")]
pub use checkpoint::{
    Checkpoint, CheckpointError, LoadOptions, LoadReport, load_model, load_model_with, save_model,
};
pub use error::{Error, Result};
pub use forward::Layer;
pub use init::{Distribution, Fan, Init, InitError, fans};
#[doc(hidden)]
pub use instances::Instances;
pub use layer::*;
pub use module::{Module, Path, Role, Visitor, VisitorMut};
pub use module_ext::{ConvertError, LayerSummary, ModuleExt, Summary};
pub use observe::{Observation, Observer};
pub use optim::*;
pub use state::{ParameterState, State, StateError, Stateful};

/// The names that the derive macro uses.
#[doc(hidden)]
pub mod __private {
    pub use wengert_autodiff::{Activation, Element};

    pub use crate::init::Nonlinearity;
}
